import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from './clocks.ts';
import { FlowError } from './errors.ts';
import { makeFolder } from './make-folder.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface LockOptions {
  /** where lock files are kept: the user's state folder */
  readonly folder: string;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** milliseconds of a clock that nobody sets, for the patience; default that of the system */
  readonly monotonic?: () => number;
  /** milliseconds to wait for another process, default 60,000 */
  readonly patience?: number;
  /** ends whatever waits for a lock; work that has begun looks at it itself */
  readonly signal?: AbortSignal;
  /** told that another process is waited for, for so many milliseconds at most; returns how it ends */
  readonly waiting?: ((why: string, milliseconds: number) => () => void) | undefined;
}

/** A database that nothing refers to is closed by the garbage collector, and its lock let go of in the middle of the work. */
const held = new Set<object>();

/**
 * One worker at a time for each name, in this process and among all processes of this user on this machine. The lock
 * is the operating system's, held on an SQLite file, so it is free again however its holder ends.
 */
export function createLocks(options: LockOptions) {
  const tails = new Map<string, Promise<unknown>>();
  const { signal = new AbortController().signal, monotonic = systemClock.monotonic } = options;
  const stopped = () => new FlowError('aborted', 'stopped while another run went on', { cause: signal.reason });

  async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { DatabaseSync } = await import('node:sqlite');
    const folder = join(options.folder, 'locks');
    const file = join(folder, createHash('sha256').update(name).digest('hex').slice(0, 32));
    const database = usable(file, () => {
      makeFolder(folder, 0o700);
      return new DatabaseSync(file, { timeout: 0 });
    });
    held.add(database);
    let over: (() => void) | undefined;
    try {
      const { patience = 60_000 } = options;
      const deadline = monotonic() + patience;
      for (;;) {
        try {
          database.exec('begin exclusive');
          break;
        } catch (cause) {
          // a spoiled file or a full disk is no other run: to wait for it would be in vain
          if (!isHeld(cause)) throw unusable(file, cause);
          if (monotonic() >= deadline) {
            throw new FlowError('timeout', `another run holds "${name}"`, {
              cause,
              hint: 'wait for it to end, then run again',
            });
          }
          over ??= options.waiting?.(`another run holds "${name}"`, patience);
          await unlessAborted(options.sleep(50), signal, stopped);
        }
      }
      over?.();
      over = undefined;
      return await work();
    } finally {
      over?.();
      held.delete(database);
      database.close();
    }
  }

  return async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = tails.get(name) ?? Promise.resolve();
    const mine = unlessAborted(before, signal, stopped).then(() => alone(name, work));
    const tail = mine.catch(() => undefined);
    tails.set(name, tail);
    try {
      return await mine;
    } finally {
      if (tails.get(name) === tail) tails.delete(name);
    }
  };
}

/** SQLITE_BUSY: another connection holds the file. */
function isHeld(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}

function usable<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw unusable(file, cause);
  }
}

function unusable(file: string, cause: unknown): FlowError {
  return new FlowError('unavailable', `the lock file ${file} cannot be used`, {
    cause,
    hint: 'is the folder writable, and the disk not full? remove the file where it is spoiled',
  });
}
