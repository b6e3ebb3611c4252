import { openFolder } from '../../../app/open-folder.ts';
import { type FolderWatch, watchFolder } from '../../../broker/policy/watch-folder.ts';
import { asFlowError, someOf } from '../../../foundation/errors.ts';
import type { RunningStack } from '../../../laptop/start-stack.ts';
import { problemsOf } from '../tell-problems.ts';
import type { Terminal } from '../terminal.ts';

/** Whenever a file of the folder has changed, what it names by now is brought into the vault, and told. */
export function keepFilled(dir: string, stack: RunningStack, terminal: Terminal): FolderWatch {
  const read = async (): Promise<boolean> => {
    try {
      const folder = await openFolder(dir);
      // `flows check` and the broker tell of it
      if (problemsOf(folder, 'service').length > 0) return false;
      const { added, afterRestart } = stack.refill(folder);
      if (added.length > 0) terminal.note(`the vault has now: ${someOf(added)}`);
      if (afterRestart.length > 0) {
        const names = someOf(afterRestart);
        terminal.tell('warning', `the identity provider does not know ${names} yet: start \`flows dev\` again`);
      }
    } catch (error) {
      terminal.tell(
        'warning',
        `the vault stays as it was until \`flows dev\` starts again: ${asFlowError(error).line()}`,
      );
    }
    return false;
  };
  return watchFolder({ dir, settle: 200, poll: 2_000, read });
}
