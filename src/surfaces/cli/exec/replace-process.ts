import { execFileSync } from 'node:child_process';
import type { Program } from './program.ts';

/** Node leaves SIGPIPE ignored, which a program would inherit: GNU's env gives it back. */
const env = '/usr/bin/env';
const withSignals = '--default-signal=PIPE,XFSZ';

/** Becomes the program, which then has our process, its signals and its streams. Returns where that cannot be done. */
export function replaceProcess({ path, args, env: variables }: Program): void {
  if (process.platform === 'win32' || process.execve === undefined) return;
  // it would take a path with = for a variable
  if (!path.includes('=') && hasSignals()) process.execve(env, ['env', withSignals, path, ...args], { ...variables });
  process.execve(path, [path, ...args], { ...variables });
}

function hasSignals(): boolean {
  try {
    execFileSync(env, [withSignals, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
