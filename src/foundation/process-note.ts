import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FlowError } from './errors.ts';
import { makeFolder } from './make-folder.ts';
import { replaceFile } from './replace-file.ts';
import { stateFolder } from './state-folder.ts';

/**
 * The file by which a process that runs for a folder of flows tells this user's other processes where it answers: in the
 * state folder, mode 0600. @param name as `broker.json`
 */
export function noteFile(name: `${string}.${string}`, dir: string): string {
  const folder = createHash('sha256').update(realpathSync(dir)).digest('hex').slice(0, 16);
  return join(
    stateFolder(),
    name.replace('.', () => `-${folder}.`),
  );
}

/** Writes it; it ends with the process, or when what is given back is called. Another's that took its place stays. */
export async function leaveNote(file: string, text: string): Promise<() => void> {
  await makeNoteFolder(file);
  await replaceFile(file, text);
  const remove = () => {
    if (read(file) === text) rmSync(file, { force: true });
  };
  process.once('exit', remove);
  return () => {
    process.off('exit', remove);
    remove();
  };
}

/** Makes the folder of a note. @throws FlowError unavailable where it cannot be made */
export async function makeNoteFolder(file: string): Promise<void> {
  const folder = dirname(file);
  try {
    makeFolder(folder, 0o700);
  } catch (cause) {
    throw new FlowError('unavailable', `the state folder ${folder} cannot be made`, {
      cause,
      hint: 'make it, or name another by XDG_STATE_HOME',
    });
  }
}

/**
 * What stands there; undefined where nothing can be read.
 * @param writer who is started again where it cannot be trusted
 * @throws FlowError refused where others could have read or written it
 */
export function readNote(file: string, writer: string): string | undefined {
  const facts = statSync(file, { throwIfNoEntry: false });
  if (facts === undefined) return undefined;
  if (process.getuid !== undefined && (!isOfOurs(file, facts.uid, process.getuid()) || (facts.mode & 0o077) !== 0)) {
    throw new FlowError('refused', `${file} can be read or written by others`, {
      hint: `remove it, and start ${writer} again`,
    });
  }
  return read(file);
}

/** Root chooses by XDG_STATE_HOME in whose state folder it works, as that of a service, and takes what is its owner's. */
function isOfOurs(file: string, owner: number, me: number): boolean {
  return owner === me || (me === 0 && owner === statSync(dirname(file)).uid);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
