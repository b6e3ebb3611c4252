import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** the file of the built command */
    readonly command: string;
  }
}

/**
 * Builds the command once for all files whose tests start it: as users have it, and in half the time of its sources.
 * What is built lies beside other things that can be made again, under the hash of its contents: nobody runs a stale
 * one, and runs side by side do not take it from each other.
 */
export function setup({ provide }: TestProject): void {
  const repository = resolve(import.meta.dirname, '..');
  const all = join(repository, 'node_modules/.cache/auth-chain-command');
  mkdirSync(all, { recursive: true });
  const made = mkdtempSync(join(all, 'new-'));
  execFileSync(process.execPath, ['--no-warnings', 'infra/build.ts', made], { cwd: repository, stdio: 'inherit' });
  writeFileSync(join(made, 'package.json'), '{ "type": "module" }\n');
  const hash = createHash('sha256');
  for (const entry of readdirSync(made, { recursive: true, withFileTypes: true }).toSorted(byPath)) {
    if (entry.isFile()) hash.update(entry.name).update(readFileSync(join(entry.parentPath, entry.name)));
  }
  const folder = join(all, hash.digest('hex').slice(0, 16));
  // no two that are made are the same to the last byte
  cpSync(join(repository, 'dist/empty-database.gz'), join(made, 'empty-database.gz'));
  if (existsSync(folder)) rmSync(made, { recursive: true });
  else renameSync(made, folder);
  provide('command', join(folder, 'cli.js'));
}

function byPath(a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;
}
