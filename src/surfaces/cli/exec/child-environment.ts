import { constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlowError } from '../../../foundation/errors.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { Variable } from './values.ts';

/** Our own: what asks 1Password or a broker is not the program's. */
const ours = /^(?:OP_.*|FLOWS_AGENT_TOKEN(?:_FILE)?)$/;
/** bytes of `NAME=value` that Linux takes, with the byte that ends it */
const largest = 128 * 1024;

export interface ChildEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** Removes the files that were made. */
  close(): void;
}

/**
 * What the program would have had, and the variables; without our own.
 * @param files names of variables that get the path of a file instead
 * @throws FlowError usage for a value that no variable can have
 */
export function childEnvironment(variables: readonly Variable[], files: readonly string[]): ChildEnvironment {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !ours.test(name)) env[name] = value;
  let folder: string | undefined;
  const close = () => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  const unknown = files.find((name) => !variables.some((variable) => variable.name === name));
  if (unknown !== undefined)
    throw new FlowError('usage', `nothing gives ${unknown} a value`, { hint: 'see --as-file' });
  try {
    for (const { name, value } of variables) {
      const text = value instanceof Secret ? value.reveal() : value;
      if (files.includes(name))
        env[name] = unnamedFile(text) ?? namedFile((folder ??= mkdtempSync(join(tmpdir(), 'flows-'))), name, text);
      else env[name] = fitting(name, text);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { env, close };
}

function fitting(name: string, text: string): string {
  if (text.includes('\0'))
    throw new FlowError('usage', `the value for ${name} holds a NUL, which no variable can`, {
      hint: `give it as a file: --as-file ${name}`,
    });
  if (Buffer.byteLength(name) + Buffer.byteLength(text) + 2 > largest)
    throw new FlowError('usage', `the value for ${name} is longer than a variable may be`, {
      hint: `give it as a file: --as-file ${name}`,
    });
  return text;
}

/** A file in memory that has no name and so goes with this process, however it ends. */
function unnamedFile(text: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  // O_TMPFILE, which Node has no name for
  const unnamed = 0x410000;
  try {
    const file = openSync('/dev/shm', unnamed | constants.O_RDWR, 0o600);
    // all of it, however little of it is taken at once
    writeFileSync(file, text);
    return `/proc/${process.pid}/fd/${file}`;
  } catch {
    return undefined;
  }
}

function namedFile(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  return path;
}
