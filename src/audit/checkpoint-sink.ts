import { appendFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { makeFolder } from '../foundation/make-folder.ts';

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
export const anchorOnStderr: Anchor = (checkpoint) => {
  // whoever read there may be gone
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => undefined);
  process.stderr.write(`${JSON.stringify(checkpoint)}\n`);
};

/** At the end of a file, mode 0600, flushed to disk. */
export function anchorInFile(file: string): Anchor {
  return (checkpoint) => {
    makeFolder(dirname(file), 0o700);
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
 * The checkpoints of one trail in a text, such as a journal with other lines in it: wherever the objects stand in a line,
 * in JSON of a collector, as a text in it, or between other words.
 */
export function checkpointsIn(text: string, file: string): FoundCheckpoints {
  const name = basename(file);
  const checkpoints: Checkpoint[] = [];
  let unreadable = 0;
  for (const written of text.split('\n')) {
    const line = plainQuotes(written);
    if (!looksLikeOne.test(line)) continue;
    const whole = inJson(parse(written), 6);
    const found = whole.length > 0 ? whole : between(line);
    if (found.length === 0) unreadable += 1;
    checkpoints.push(...found.filter((each) => each.file === name));
  }
  return { checkpoints, unreadable };
}

const looksLikeOne = /"checkpoint"\s*:|\bcheckpoint\W{1,5}(?:start|time|rotation|stop)\b/;

/** However often a collector escaped what it wrapped; a journal writes a line with colours as a list of its bytes. */
function plainQuotes(line: string): string {
  return line
    .replaceAll('\0', '')
    .replace(/\[\s*((?:\d{1,3}\s*,\s*){30,}\d{1,3})\s*\]/g, (_, bytes: string) => textOf(bytes.split(',').map(Number)))
    .replace(/\\+(?:u0022|x22|")|&(?:quot|#34|#x22);/gi, '"');
}

const textOf = (bytes: readonly number[]): string => Buffer.from(bytes).toString('utf8');

/** @param depth how far to look into what stands in it */
function inJson(value: unknown, depth: number): readonly Checkpoint[] {
  if (isCheckpoint(value)) return [value];
  if (depth === 0) return [];
  if (typeof value === 'string') return value.includes('checkpoint') ? inJson(parse(value.trim()), depth - 1) : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((each) => inJson(each, depth - 1));
}

/** Objects among other words, in a table's cell with each quote doubled; they have no objects inside. */
function between(line: string): readonly Checkpoint[] {
  return [...line.matchAll(/\{[^{}]*\}/g)].flatMap(([text]) =>
    [text, text.replaceAll('""', '"')].map(parse).filter(isCheckpoint).slice(0, 1),
  );
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
