import { FlowError } from '../../../foundation/errors.ts';
import { suggest } from '../../../language/nearest-name.ts';
import { wordsOf } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import type { Command, Invocation } from '../invocation.ts';
import { callVerb } from '../verbs.ts';

const { options, words } = commandTable.migrate.verbs.vault;

/** Each in a file of its own, loaded when it is called. */
const steps: Readonly<Record<(typeof words)[0][0][number]['value'], () => Promise<Command>>> = {
  plan: async () => (await import('../migrate/plan.ts')).plan,
  run: async () => (await import('../migrate/run.ts')).run,
  verify: async () => (await import('../migrate/verify.ts')).verify,
  readers: async () => (await import('../migrate/readers.ts')).readers,
  code: async () => (await import('../migrate/code.ts')).code,
  cut: async () => (await import('../migrate/cut.ts')).cut,
};

/** `flows migrate`: a move out of another place of secrets, into 1Password. */
export function migrate(invocation: Invocation): Promise<number> {
  return callVerb(invocation, commandTable.migrate, { vault });
}

/** `flows migrate vault`: out of the KV of Vault or OpenBao. */
async function vault(invocation: Invocation): Promise<number> {
  const [, , word] = wordsOf(invocation.argv, 3, options);
  const names = Object.keys(steps);
  const step = Object.entries(steps).find(([name]) => name === word)?.[1];
  if (step !== undefined) return (await step())(invocation);
  const all = `write flows migrate vault ${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`;
  if (word === undefined) throw new FlowError('usage', 'a word is missing', { hint: all });
  throw new FlowError('usage', `unknown word "${word}"`, { hint: suggest(word, names) ?? all });
}
