import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Whether a program is on the path. */
export function hasProgram(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Terminals of tests, and independent checks, are driven by it; where it is missing they are not run. */
export const python = hasProgram('python3');

/** Installs packages, where that needs no question: as root, on Debian. Elsewhere nothing happens. */
export function installPackages(...names: readonly string[]): void {
  const release = '/etc/os-release';
  const debian = existsSync(release) && /^ID=debian$/m.test(readFileSync(release, 'utf8'));
  if (process.getuid?.() !== 0 || !debian) return;
  const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  // suites beside each other: one at a time, for apt waits for no other
  const aptGet = (...words: readonly string[]) =>
    execFileSync('flock', [join(tmpdir(), 'flows-apt-get.lock'), 'apt-get', ...words], options);
  aptGet('update', '-qq');
  aptGet('install', '-y', '-qq', '--no-install-recommends', ...names);
}
