import { oneLine } from '../../../foundation/errors.ts';
import { candidatesOf, folderIn } from '../completion/candidates.ts';
import { folderNames } from '../completion/folder-names.ts';
import type { Invocation } from '../invocation.ts';

/**
 * `flows __complete WORD…`, which the shells' scripts call: what the last word may become, one a line, each with a tab
 * and what it is; `:files` and `:folders` where the shell knows better. No vault is asked; what cannot be read is silent.
 */
export async function complete({ argv, terminal }: Invocation): Promise<number> {
  const words = argv.slice(argv.indexOf('__complete') + 1);
  try {
    const found = candidatesOf(words, folderNames(folderIn(words) ?? 'flows'));
    terminal.out(
      found.map((each) => (typeof each === 'string' ? `:${each}\n` : `${each[0]}\t${oneLine(each[1])}\n`)).join(''),
    );
  } catch {
    // a person is typing: there is nothing to say
  }
  return 0;
}
