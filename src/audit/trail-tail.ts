import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { FlowError } from '../foundation/errors.ts';
import { noFile } from './line-blocks.ts';
import { linkOf, longestLine, noMac } from './line-format.ts';
import { segmentsOf } from './segments.ts';

/** Bytes of one write, at most, but for a last line that is longer: what a power cut can tear is no more. */
export const longestGroup = 1024 * 1024;

/** Milliseconds from the oldest event that a torn write can hold to its newest. */
const longestWrite = 1_000;
const most = longestGroup + longestLine;

/** Where a trail stands. */
export interface Tail {
  /** of the last line; 0 before the first */
  readonly seq: number;
  readonly mac: string;
  /** bytes of the file up to the end of its last whole line */
  readonly size: number;
  /** what stands after that: a write that a crash or a power cut ended early */
  readonly torn: Buffer | undefined;
}

/**
 * The end of a trail: of its file, or of the last full one where the file is new.
 * @throws FlowError refused where the end is no trail's
 */
export function tailOf(file: string): Tail {
  const segments = segmentsOf(file);
  const current = segments.at(-1) === file ? endOfFile(file) : undefined;
  if (current !== undefined && current.seq > 0) return current;
  const last = newestOf(segments.filter((each) => each !== file))
    .map(endOfFile)
    .reduce<Tail | undefined>((one, other) => (one === undefined || other.seq > one.seq ? other : one), undefined);
  return {
    seq: last?.seq ?? 0,
    mac: last?.mac ?? noMac,
    size: current?.size ?? 0,
    torn: current?.torn,
  };
}

/** The full file with the highest number, and the one that was written last: where another program rotated them, another. */
function newestOf(files: readonly string[]): readonly string[] {
  const written = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const [latest] = files.toSorted((a, b) => written(b) - written(a));
  return [...new Set([files.at(-1), latest].filter((each) => each !== undefined))];
}

function endOfFile(file: string): Tail {
  const { bytes, size } = lastBytes(file);
  const base = size - bytes.length;
  const whole = wholeLines(bytes);
  const torn = whole < bytes.length ? Buffer.from(bytes.subarray(whole)) : undefined;
  for (let end = whole; end > 0;) {
    const start = bytes.lastIndexOf(0x0a, end - 2) + 1;
    const link = end >= 2 ? linkOf(bytes, start, end - 1) : undefined;
    // what is not in our form stays: whoever wrote it, the verifier shows it
    if (link !== undefined) return { seq: link.seq, mac: link.mac, size: base + whole, torn };
    end = end < 2 ? 0 : start;
  }
  if (base > 0 || whole > 0) {
    throw new FlowError('refused', 'the end of the audit trail is not one', {
      hint: 'see what wrote there; move the file aside to begin a new one',
      place: { subject: file },
    });
  }
  return { seq: 0, mac: noMac, size: 0, torn };
}

/**
 * Up to where lines are whole. A file system may have made room that was never written: zeros, not text. What a power
 * cut tore was written within a moment; zeros with lines of a longer time behind them are somebody's doing, which the
 * verifier shows, and those lines stay.
 */
function wholeLines(bytes: Buffer): number {
  const zero = bytes.indexOf(0);
  const text = zero === -1 || longTimeIn(bytes.subarray(zero)) ? bytes.length : zero;
  return bytes.lastIndexOf(0x0a, text - 1 < 0 ? 0 : text - 1) + 1;
}

function longTimeIn(bytes: Buffer): boolean {
  const times = [...bytes.toString('latin1').matchAll(/,"at":"(\d{4}-[\dT:.-]+Z)"/g)].map(([, at = '']) =>
    Date.parse(at),
  );
  return Math.max(...times) - Math.min(...times) > longestWrite;
}

function lastBytes(file: string): { readonly bytes: Buffer; readonly size: number } {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw noFile(file);
    const { size } = facts;
    const bytes = Buffer.alloc(Math.min(size, most));
    let read = 0;
    while (read < bytes.length) {
      const count = readSync(descriptor, bytes, read, bytes.length - read, size - bytes.length + read);
      if (count === 0) break;
      read += count;
    }
    return { bytes: bytes.subarray(0, read), size };
  } finally {
    closeSync(descriptor);
  }
}
