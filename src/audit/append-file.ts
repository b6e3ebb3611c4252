import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  write,
} from 'node:fs';
import { FlowError } from '../foundation/errors.ts';
import { syncFolder } from './segments.ts';

type Done = (error: Error | null) => void;

/** A file that grows at its end; what was written is on disk when it says so. One write at a time. */
export interface AppendFile {
  /** bytes up to the end of the last whole write */
  readonly size: () => number;
  append(bytes: Uint8Array, done: Done): void;
  /** Cuts off what a failed write left behind. @throws where that is not possible */
  restore(): void;
  /** whether the path still leads to it */
  isThere(): boolean;
  close(): void;
}

/**
 * On Linux a write to a file opened so returns when the data is on the disk: one trip to the thread pool instead of
 * two. Elsewhere (macOS keeps data in the drive's cache) a flush follows each write.
 */
const flushes = process.platform !== 'linux';

const flags =
  // a pipe in its place would keep us waiting for a reader
  constants.O_WRONLY |
  constants.O_CREAT |
  constants.O_APPEND |
  constants.O_NONBLOCK |
  (flushes ? 0 : constants.O_DSYNC);

/** @param size where its last whole line ends: what stands after that is cut off */
export function openAppendFile(path: string, size: number): AppendFile {
  const descriptor = openSync(path, flags, 0o600);
  try {
    const found = fstatSync(descriptor);
    if (!found.isFile()) {
      throw new FlowError('refused', 'the audit trail is not a file', {
        hint: 'give audit: { file: … } a path of its own',
        place: { subject: path },
      });
    }
    if ((found.mode & 0o077) !== 0) fchmodSync(descriptor, 0o600);
    if (found.size > size) ftruncateSync(descriptor, size);
    syncFolder(path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let good = size;

  function writeFrom(bytes: Uint8Array, from: number, done: Done): void {
    const finish: Done = (error) => {
      if (error === null) good += bytes.length;
      done(error);
    };
    write(descriptor, bytes, from, bytes.length - from, null, (error, written) => {
      if (error !== null) finish(error);
      // a write may take less than it is given, as where a disk is nearly full
      else if (from + written < bytes.length) writeFrom(bytes, from + written, done);
      else if (flushes) fdatasync(descriptor, finish);
      else finish(null);
    });
  }

  return {
    size: () => good,
    append: (bytes, done) => writeFrom(bytes, 0, done),
    restore: () => ftruncateSync(descriptor, good),
    isThere() {
      const there = statSync(path, { throwIfNoEntry: false });
      const mine = fstatSync(descriptor);
      return there !== undefined && there.ino === mine.ino && there.dev === mine.dev;
    },
    close: () => closeSync(descriptor),
  };
}
