import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program to run. */
export interface Program {
  /** as it was written */
  readonly name: string;
  readonly args: readonly string[];
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** exit codes of shells */
export const notFound = 127;
export const notExecutable = 126;

/** Where a program is, as the one who runs it would find it; else the exit code that says why not. */
export function findProgram(name: string, env: Readonly<Record<string, string>>): string | number {
  const places = name.includes('/') ? [''] : (env['PATH'] ?? '').split(delimiter).map((folder) => folder || '.');
  let there = false;
  for (const place of places) {
    const path = place === '' ? name : join(place, name);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      there ||= name.includes('/') && statSync(path, { throwIfNoEntry: false }) !== undefined;
      continue;
    }
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      there = true;
    }
  }
  return there ? notExecutable : notFound;
}
