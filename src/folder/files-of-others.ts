import { statSync } from 'node:fs';
import { fileProblem, type Problem } from '../language/problems.ts';

const hint = (remedy: string) => `whoever can write it decides who gets what: ${remedy}`;

/**
 * What of a folder others than this user and root can write: who can write a policy gives himself what he likes.
 * @param paths a folder and its files; none need be there @param me this process's user and groups
 */
export function ofOthers(paths: readonly string[], me = identity()): readonly Problem[] {
  return paths.flatMap((path) => {
    const found = me === undefined ? undefined : factsOf(path);
    const trouble = found === undefined || me === undefined ? undefined : troubleOf(found, me);
    return trouble === undefined ? [] : [fileProblem(path, trouble[0], hint(trouble[1]), true)];
  });
}

/** Files with tokens in them that everybody can read. It is no fault: what is mounted into a container often has that mode. */
export function openToAll(paths: readonly string[]): readonly Problem[] {
  if (process.getuid === undefined) return [];
  return [...new Set(paths)].flatMap((path) => {
    const { mode = 0 } = factsOf(path) ?? {};
    if ((mode & 0o004) === 0) return [];
    const message = `every user of this machine can read this, and a secret is in it: its mode is 0${(mode & 0o777).toString(8)}`;
    return [fileProblem(path, message, 'chmod o-r, or mount it with a mode such as 0440', true)];
  });
}

/** What cannot be looked at is told of by whoever reads it. */
function factsOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

interface Identity {
  readonly user: number;
  /** the group of its own that a user has on most systems */
  readonly group: number;
}

/** Undefined where files have no owners. */
function identity(): Identity | undefined {
  const [user, group] = [process.getuid?.(), process.getgid?.()];
  return user === undefined || group === undefined ? undefined : { user, group };
}

function troubleOf(
  { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number },
  { user, group }: Identity,
): readonly [problem: string, remedy: string] | undefined {
  if ((mode & 0o002) !== 0) return ['every user of this machine can write this', 'chmod o-w'];
  if (uid !== user && uid !== 0)
    return ['this belongs to another user, who can write it', 'chown it to yourself or root'];
  // a group that is not the user's own has others in it
  if ((mode & 0o020) !== 0 && gid !== group && gid !== 0) return ['another group can write this', 'chmod g-w'];
  return undefined;
}
