import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The browser of this machine. */
export function chromium(): string {
  const found = places.find((place) => existsSync(place));
  if (found === undefined) {
    throw new Error('no Chromium on this machine: install it (Debian: apt-get install chromium), or Google Chrome');
  }
  return found;
}

/** Before the suite: where there is none it is installed, if that needs no question. */
export function setup(): void {
  if (!places.some((place) => existsSync(place)) && mayInstall()) {
    const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options);
  }
  chromium();
}

function mayInstall(): boolean {
  const release = '/etc/os-release';
  return process.getuid?.() === 0 && existsSync(release) && /^ID=debian$/m.test(readFileSync(release, 'utf8'));
}
