import { complete as candidates } from '../completion/candidates.ts';
import { answerFor, isShell } from '../completion/shells.ts';
import type { Invocation } from '../invocation.ts';

/** `flows __complete SHELL =CURRENT WORD…`, which the shells' scripts call. Whatever is wrong, it says nothing and ends with 0. */
export async function complete({ argv, terminal }: Invocation): Promise<number> {
  const [, shell = '', ...words] = argv;
  try {
    if (isShell(shell)) terminal.out(await answerFor(shell, words, candidates));
  } catch {
    // the person is about to write a command, and sees nothing that would help here
  }
  return 0;
}
