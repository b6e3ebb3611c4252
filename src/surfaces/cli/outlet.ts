import { fstatSync, statSync, writeSync } from 'node:fs';

/** bytes that a pipe has room for, whether anybody reads at its other end or not */
const room = 8_192;

/** Where a command writes: stdout or stderr. */
export interface Outlet {
  readonly isTTY: boolean;
  /** of a terminal; 0 or undefined where nobody knows */
  readonly columns: number | undefined;
  write(text: string): void;
  /** for who writes much, or for long */
  stream(): NodeJS.WriteStream;
}

/**
 * stdout (1) or stderr (2). Its stream is a sixth of node's own start, so what most commands say, which has room in any
 * pipe, is written without it.
 * @param broken is told each failure to write
 */
export function createOutlet(fd: 1 | 2, broken: (error: NodeJS.ErrnoException) => void): Outlet {
  const isTTY = isTerminal(fd);
  let left = isTTY ? 0 : room;
  let opened: NodeJS.WriteStream | undefined;
  const stream = () => {
    // from now on all goes this way, so that it stays in its order
    left = 0;
    opened ??= (fd === 1 ? process.stdout : process.stderr).on('error', broken);
    return opened;
  };
  return {
    isTTY,
    get columns() {
      return isTTY ? stream().columns : undefined;
    },
    write(text) {
      const bytes = Buffer.from(text);
      if (bytes.length > left) return void stream().write(bytes);
      left -= bytes.length;
      try {
        const written = writeSync(fd, bytes);
        if (written < bytes.length) stream().write(bytes.subarray(written));
      } catch (error) {
        // somebody else has filled the pipe, and made it one that does not wait
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') stream().write(bytes);
        else broken(error as NodeJS.ErrnoException);
      }
    },
    stream,
  };
}

/** As `isatty` of `node:tty`, which loads all about sockets, and so is asked only where it can be one. */
export function isTerminal(fd: number): boolean {
  const facts = fstatSync(fd);
  if (!facts.isCharacterDevice() || facts.rdev === statSync('/dev/null', { throwIfNoEntry: false })?.rdev) return false;
  return process.getBuiltinModule('node:tty').isatty(fd);
}
