import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';
import { FlowError } from '../errors.ts';
import { syncFolder } from './segments.ts';

type Done = (error: Error | null) => void;

/** A file that grows at its end. */
export interface AppendFile {
  /** bytes up to the end of the last whole append */
  readonly size: () => number;
  /** Hands bytes to the system, in order: they are there even where this process is killed. @throws where it takes not all of them */
  append(bytes: Uint8Array): void;
  /**
   * Calls back when all that was appended so far is on the disk. Several may run side by side: each is told in its turn,
   * and all of them of the first error, for the system tells an error once.
   */
  sync(done: Done): void;
  /** how many were not told yet */
  readonly syncing: () => number;
  /** Cuts off what stands after so many bytes. @throws where that is not possible */
  cut(size: number): void;
  /** whether the path still leads to it */
  isThere(): boolean;
  close(): void;
}

const flags =
  // a pipe in its place would keep us waiting for a reader
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK;

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
    // a killed process may have left lines here that are on no disk yet
    fdatasyncSync(descriptor);
    syncFolder(path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let good = size;
  let failed: Error | null = null;
  const untold: { readonly done: Done; ended: boolean }[] = [];

  return {
    size: () => good,
    append(bytes) {
      // a write may take less than it is given, as where a disk is nearly full
      for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
      good += bytes.length;
    },
    sync(done) {
      const mine = { done, ended: false };
      untold.push(mine);
      fdatasync(descriptor, (error) => {
        failed ??= error;
        mine.ended = true;
        while (untold[0]?.ended === true) {
          const first = untold.shift();
          const told = failed;
          if (untold.length === 0) failed = null;
          first?.done(told);
        }
      });
    },
    syncing: () => untold.length,
    cut(to) {
      ftruncateSync(descriptor, to);
      good = to;
    },
    isThere() {
      const there = statSync(path, { throwIfNoEntry: false });
      const mine = fstatSync(descriptor);
      return there !== undefined && there.ino === mine.ino && there.dev === mine.dev;
    },
    close: () => closeSync(descriptor),
  };
}
