// not as imports, which load everything that they export: the agent's command needs this too, and starts as fast as node
const { homedir } = process.getBuiltinModule('node:os');
const { isAbsolute, join } = process.getBuiltinModule('node:path');

/**
 * The user's state folder: `$XDG_STATE_HOME/auth-chain`, or `~/.local/state/auth-chain`. It holds locks, trails, the names
 * of versions written lately, and where the development stack runs; never a value of a vault. It is made, mode 0700, by
 * whoever writes into it first: what only reads, and break-glass, go on where it cannot be made. A relative path is as if
 * it were not set (XDG Base Directory Specification).
 */
export function stateFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env['XDG_STATE_HOME'] ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.local', 'state'), 'auth-chain');
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
