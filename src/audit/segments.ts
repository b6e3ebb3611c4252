import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../foundation/errors.ts';

/** The files of a trail that are there, oldest first: `audit.jsonl.1`, `audit.jsonl.2`, …, `audit.jsonl`. */
export function segmentsOf(file: string): readonly string[] {
  const folder = dirname(file);
  const name = basename(file);
  const names = list(folder);
  const old = names
    .flatMap((each) => (each.startsWith(`${name}.`) ? [each.slice(name.length + 1)] : []))
    .filter((end) => /^[1-9]\d{0,8}$/.test(end))
    .map(Number)
    .toSorted((a, b) => a - b)
    .map((number) => join(folder, `${name}.${number}`));
  return names.includes(name) ? [...old, file] : old;
}

/** What the file is called once it is full. */
export function nextSegment(file: string): string {
  const last = segmentsOf(file)
    .filter((each) => each !== file)
    .at(-1);
  return `${file}.${last === undefined ? 1 : Number(last.slice(file.length + 1)) + 1}`;
}

/** Makes new and changed names in the file's folder last through a power cut. */
export function syncFolder(file: string): void {
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
