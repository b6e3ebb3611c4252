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
  const isPath = name.includes('/');
  const places = isPath ? [name] : (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder || '.', name));
  let there = false;
  for (const path of places) {
    try {
      const facts = statSync(path, { throwIfNoEntry: false });
      if (facts?.isFile() === true) {
        there = true;
        accessSync(path, constants.X_OK);
        return path;
      }
      there ||= isPath && facts !== undefined;
    } catch {
      // shells go on behind a folder of PATH that is closed to them
      there ||= isPath;
    }
  }
  return there ? notExecutable : notFound;
}
