import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { noFile } from './line-blocks.ts';
import { syncFolder } from './segments.ts';

/** A file that grows at its end. */
export interface AppendFile {
  /** bytes up to the end of the last whole write */
  readonly size: () => number;
  /** Gives it to the system, so that no end of this process loses it. @throws where it cannot be written whole */
  write(bytes: Uint8Array): void;
  /** Puts all that was written on the disk, so that no power cut loses it. */
  flush(done: (error: Error | null) => void): void;
  /** Cuts off what a failed write left behind; never makes the file longer. @throws where that is not possible */
  restore(): void;
  /** what has become of it: `gone`, the path leads elsewhere; `short`, something was cut off it */
  state(): 'whole' | 'short' | 'gone';
  /** @throws where what was written cannot be put on the disk */
  close(): void;
}

const flags =
  constants.O_WRONLY |
  constants.O_CREAT |
  constants.O_APPEND |
  // a pipe in its place would keep us waiting for a reader
  constants.O_NONBLOCK;

/** @param size where its last whole line ends: what stands after that is cut off */
export function openAppendFile(path: string, size: number): AppendFile {
  const descriptor = openSync(path, flags, 0o600);
  let mine: Stats;
  try {
    mine = fstatSync(descriptor);
    if (!mine.isFile()) throw noFile(path);
    if ((mine.mode & 0o077) !== 0) fchmodSync(descriptor, 0o600);
    if (mine.size > size) ftruncateSync(descriptor, size);
    syncFolder(path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let good = size;
  let dirty = false;

  return {
    size: () => good,
    write(bytes) {
      dirty = true;
      // a write may take less than it is given, as where a disk is nearly full
      for (let from = 0; from < bytes.length;) from += writeSync(descriptor, bytes, from, bytes.length - from, null);
      good += bytes.length;
    },
    flush(done) {
      dirty = false;
      fdatasync(descriptor, done);
    },
    restore() {
      if (fstatSync(descriptor).size > good) ftruncateSync(descriptor, good);
    },
    state() {
      const there = statSync(path, { throwIfNoEntry: false });
      if (there === undefined || there.ino !== mine.ino || there.dev !== mine.dev) return 'gone';
      return there.size < good ? 'short' : 'whole';
    },
    close() {
      try {
        if (dirty) fdatasyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
  };
}
