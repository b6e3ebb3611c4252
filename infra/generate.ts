import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parts } from '../src/app/parts.ts';
import { brokerErrorCodes } from '../src/client/error-codes.ts';
import { endings, errorCodes } from '../src/foundation/errors.ts';
import { developmentKeys } from '../src/folder/development/development-keys.ts';
import { flowKeys, stepKeys } from '../src/folder/flows/read-flow.ts';
import { inputKeys } from '../src/folder/flows/read-inputs.ts';
import { plainSchema } from '../src/language/json-schema.ts';
import { flowSchema } from '../src/folder/flows/flow-schema.ts';
import { serviceSchema } from '../src/folder/service/service-schema.ts';
import { stepsText } from '../src/steps/reference-text.ts';
import { keysText } from '../src/language/reference-tables.ts';
import { policyKeys } from '../src/folder/policy/policy-keys.ts';
import { registryKeys } from '../src/folder/registry.ts';
import { serviceKeysOf } from '../src/folder/service/service-keys.ts';
import { stepKinds } from '../src/steps/index.ts';

const root = new URL('../', import.meta.url);

/** The pages with generated tables in them; the rest of each is written by hand. */
export const pages = ['flows/README.md', 'infra/README.md', 'src/client/README.md'];

/** What is generated from the definitions of the language: files by path, from the top of the repository. */
export function generated(): ReadonlyMap<string, string> {
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;
  return new Map([
    ['flows/.schema/flow.schema.json', json(flowSchema(flowKeys, stepKeys, inputKeys, stepKinds))],
    ['flows/.schema/service.schema.json', json(serviceSchema(parts.adapters))],
    ['flows/.schema/policy.schema.json', json(plainSchema('policy.yaml', policyKeys))],
    ['flows/.schema/registry.schema.json', json(plainSchema('registry.yaml', registryKeys))],
    ['flows/.schema/development.schema.json', json(plainSchema('development.yaml', developmentKeys))],
    ...pages.map((page): [string, string] => [page, withSections(read(page))]),
  ]);
}

/** By the name that stands in a page: `<!-- steps -->`. */
export const sections: Readonly<Record<string, () => string>> = {
  steps: () => stepsText(stepKinds),
  flow: () => [keysText(flowKeys), 'A step:', keysText(stepKeys), 'An input:', keysText(inputKeys)].join('\n\n'),
  service: () => [keysText(serviceKeysOf(parts.adapters))].join('\n\n'),
  development: () => keysText(developmentKeys),
  policy: () => keysText(policyKeys),
  registry: () => keysText(registryKeys),
  'exit-codes': exitCodes,
  'client-codes': clientCodes,
};

/** A text with what stands between `<!-- steps -->` and `<!-- /steps -->`, and so on, generated. */
function withSections(page: string): string {
  return Object.entries(sections).reduce((text, [name, make]) => {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [start, end] = [text.indexOf(open), text.indexOf(close)];
    return end < start || start === -1 ? text : `${text.slice(0, start + open.length)}\n${make()}\n${text.slice(end)}`;
  }, page);
}

function exitCodes(): string {
  const rows = Object.entries(errorCodes).map(([code, { exit, meaning, retryable }]) => {
    const again = retryable ? 'yes' : 'no';
    return `| ${exit} | \`${code}\` | ${meaning} | ${again} |`;
  });
  return [
    '| exit | code | meaning | worth trying again |',
    '| --- | --- | --- | --- |',
    ...Object.values(endings).map(({ exit, meaning }) => `| ${exit} | | ${meaning} | |`),
    ...rows,
  ].join('\n');
}

function clientCodes(): string {
  const rows = Object.entries(brokerErrorCodes).map(
    ([code, { meaning, remedy, retryable }]) =>
      `| \`${code}\` | ${meaning} | ${remedy} | ${retryable ? 'yes' : 'no'} |`,
  );
  return ['| code | meaning | what to do | worth trying again |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function read(path: string): string {
  const file = new URL(path, root);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

if (import.meta.main) {
  mkdirSync(new URL('flows/.schema', root), { recursive: true });
  for (const [path, text] of generated()) {
    if (read(path) === text) continue;
    writeFileSync(new URL(path, root), text);
    process.stdout.write(`${path}\n`);
  }
}
