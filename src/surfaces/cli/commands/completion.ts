import { FlowError } from '../../../foundation/errors.ts';
import { suggest } from '../../../language/nearest-name.ts';
import { commonArguments } from '../arguments.ts';
import { type Shell, shellScripts } from '../completion/shell-scripts.ts';
import type { Invocation } from '../invocation.ts';

/** `flows completion SHELL`: what that shell is to run at its start, so that the Tab key knows flows and their inputs. */
export async function completion({ argv, terminal }: Invocation): Promise<number> {
  const { positionals } = commonArguments(argv, {}, 2);
  const shells = Object.keys(shellScripts);
  const [, shell] = positionals;
  if (shell === undefined || !isShell(shell)) {
    const what = shell === undefined ? 'no shell is named' : `unknown shell "${shell}"`;
    const near = shell === undefined ? undefined : suggest(shell, shells);
    throw new FlowError('usage', what, { hint: near ?? `write flows completion ${shells.join('|')}` });
  }
  terminal.out(shellScripts[shell]);
  return 0;
}

function isShell(name: string): name is Shell {
  return Object.hasOwn(shellScripts, name);
}
