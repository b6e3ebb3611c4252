import { appendFileSync, mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Where a trail stood: whoever keeps it elsewhere can tell later that lines were cut off. */
export interface Checkpoint {
  readonly checkpoint: 'start' | 'time' | 'rotation' | 'stop';
  /** ISO 8601 */
  readonly at: string;
  /** name of the trail's file, without its folder */
  readonly file: string;
  /** of the last line that is on disk; 0 before the first */
  readonly seq: number;
  readonly mac: string;
}

/** A second place, out of reach of whoever can change the trail. */
export type Anchor = (checkpoint: Checkpoint) => void;

/** On stderr, and so in the journal. */
export const anchorOnStderr: Anchor = (checkpoint) => void process.stderr.write(`${JSON.stringify(checkpoint)}\n`);

/** At the end of a file, mode 0600, flushed to disk. */
export function anchorInFile(file: string): Anchor {
  return (checkpoint) => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    appendFileSync(file, `${JSON.stringify(checkpoint)}\n`, { mode: 0o600, flush: true });
  };
}

/** The checkpoints of one trail in a text, such as a journal with other lines in it, whatever stands before each. */
export function checkpointsIn(text: string, file: string): readonly Checkpoint[] {
  const name = basename(file);
  return text.split('\n').flatMap((line) => {
    const start = line.indexOf('{"checkpoint":');
    const found = start === -1 ? undefined : parse(line.slice(start));
    return found?.file === name ? [found] : [];
  });
}

function parse(text: string): Checkpoint | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isCheckpoint(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false;
  const { file, seq, mac } = value as Readonly<Record<string, unknown>>;
  return typeof file === 'string' && Number.isSafeInteger(seq) && typeof mac === 'string' && /^[0-9a-f]{64}$/.test(mac);
}
