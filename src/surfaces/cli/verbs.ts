import { FlowError } from '../../foundation/errors.ts';
import { suggest } from '../../language/nearest-name.ts';
import { wordsOf } from './arguments.ts';
import type { CommandFacts } from './command-table.ts';
import type { Command, Invocation } from './invocation.ts';

/**
 * Runs what the word after a command's name calls. @param usual the word where there is none
 * @throws FlowError usage for another word, or for none where none is usual
 */
export function callVerb(
  invocation: Invocation,
  { options }: CommandFacts,
  verbs: Readonly<Record<string, Command>>,
  usual?: string,
): Promise<number> {
  const [command = '', word = usual] = wordsOf(invocation.argv, 2, options);
  const verb = word !== undefined && Object.hasOwn(verbs, word) ? verbs[word] : undefined;
  if (verb !== undefined) return verb(invocation);
  const names = Object.keys(verbs);
  const written = names.map((name) => `flows ${command} ${name}`);
  const all = [...written.slice(0, -2), written.slice(-2).join(', or ')].join(', ');
  if (word === undefined) throw new FlowError('usage', 'a word is missing', { hint: `write ${all}` });
  throw new FlowError('usage', `unknown word "${word}"`, { hint: suggest(word, names) ?? `write ${all}` });
}
