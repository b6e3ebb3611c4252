import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The user's state folder, mode 0700: `$XDG_STATE_HOME/auth-chain`, or `~/.local/state/auth-chain`. It holds locks,
 * the names of versions written lately, and where the development stack runs; never a value of a vault.
 */
export function stateFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env['XDG_STATE_HOME'] ?? '';
  const folder = join(base === '' ? join(homedir(), '.local', 'state') : base, 'auth-chain');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Whether the process that wrote a file there still runs, as whichever user; its number may be another's by now. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
