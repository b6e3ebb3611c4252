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

/** What a text holds of one trail. */
export interface FoundCheckpoints {
  readonly checkpoints: readonly Checkpoint[];
  /** lines that look like a checkpoint, of whichever trail, and cannot be read as one */
  readonly unreadable: number;
}

/**
 * The checkpoints of one trail in a text, such as a journal with other lines in it: wherever the object stands in a line,
 * in JSON of a collector, once more as a text in it, or between other words.
 */
export function checkpointsIn(text: string, file: string): FoundCheckpoints {
  const name = basename(file);
  const checkpoints: Checkpoint[] = [];
  let unreadable = 0;
  for (const line of text.split('\n')) {
    if (!/\\?"checkpoint\\?"\s*:/.test(line)) continue;
    const found = inJson(parse(line), 3) ?? between(line);
    if (found === undefined) unreadable += 1;
    else if (found.file === name) checkpoints.push(found);
  }
  return { checkpoints, unreadable };
}

/** @param depth how far to look into what stands in it */
function inJson(value: unknown, depth: number): Checkpoint | undefined {
  if (isCheckpoint(value)) return value;
  if (depth === 0) return undefined;
  if (typeof value === 'string')
    return value.includes('checkpoint') ? (inJson(parse(value.trim()), depth - 1) ?? between(value)) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const each of Object.values(value)) {
    const found = inJson(each, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** An object among other words; its quotes may be escaped once. It has no objects inside. */
function between(line: string): Checkpoint | undefined {
  const at = line.search(/\\?"checkpoint\\?"\s*:/);
  const start = line.lastIndexOf('{', at);
  const end = line.indexOf('}', at);
  if (at === -1 || start === -1 || end === -1) return undefined;
  const text = line.slice(start, end + 1);
  return [text, text.replaceAll('\\"', '"')].map(parse).find(isCheckpoint);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false;
  const { checkpoint, file, seq, mac } = value as Readonly<Record<string, unknown>>;
  return (
    typeof checkpoint === 'string' &&
    typeof file === 'string' &&
    Number.isSafeInteger(seq) &&
    typeof mac === 'string' &&
    /^[0-9a-f]{64}$/.test(mac)
  );
}
