import { userInfo } from 'node:os';

/** The user that runs this process, as a part of a file's name. */
export function localUser(): string {
  const name = accountName();
  return name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 64);
}

/** In a container the number of the process's user may have no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Who a command is, and what a process does by itself, on the trail and at an issuer: `local:<user>`. */
export function localAgent(): string {
  return `local:${localUser()}`;
}
