import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { FlowError } from '../../../foundation/errors.ts';
import { Reference } from '../../../foundation/reference.ts';
import type { Arguments } from '../arguments.ts';
import { requireVariable, type Wanted } from './values.ts';

/**
 * What the options ask for. @param flow the flow that is named @param bare whether a secret or a flow may be named
 * without a variable: nothing but a mask bears its name
 * @throws FlowError usage
 */
export function wantedOf({ lists }: Arguments, flow: string | undefined, bare = false): Wanted {
  const plain: [string, string][] = [];
  const references: [string, Reference][] = [];
  for (const [name, value] of Object.entries(process.env)) {
    if (value?.startsWith('op://') === true) references.push([name, referenceOf(value, `variable ${name}`)]);
  }
  for (const file of lists['env-file'] ?? []) {
    for (const [name, value] of Object.entries(parseEnv(textOf(file)))) {
      const at = `${file}: ${name}`;
      requireVariable(name, { subject: file });
      if (value?.startsWith('op://') === true) references.push([name, referenceOf(value, at)]);
      else plain.push([name, value ?? '']);
    }
  }
  const named = (option: 'secret' | 'token', example: string) =>
    (lists[option] ?? []).map((text): readonly [string, string] => {
      const [, variable = '', of = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
      if (of === '' && bare && text !== '' && !text.includes('=')) return [text, text];
      if (of === '')
        throw new FlowError('usage', `--${option} takes VARIABLE=NAME`, { hint: `write --${option} ${example}` });
      if (!bare) requireVariable(variable, { subject: `--${option}` });
      return [variable, of];
    });
  const secrets = named('secret', 'OPENAI_API_KEY=openai.api_key');
  const tokens = named('token', 'API_TOKEN=orders-token');
  return { flow, secrets, tokens, references, plain, bare };
}

/** Whether anything is to be read at all. */
export function asksForNothing({ flow, secrets, tokens, references }: Wanted): boolean {
  return flow === undefined && secrets.length + tokens.length + references.length === 0;
}

function referenceOf(text: string, subject: string): Reference {
  const reference = Reference.parse(text);
  if (!(reference instanceof Reference))
    throw new FlowError('usage', `the reference ${reference.problem}`, { hint: reference.hint, place: { subject } });
  if (reference.field !== undefined) return reference;
  throw new FlowError('usage', 'the reference names no field', {
    hint: 'write op://vault/item/field',
    place: { subject },
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new FlowError('usage', `the env file ${file} cannot be read: ${code}`, { hint: 'see --env-file' });
  }
}
