import { existsSync } from 'node:fs';
import { installPackages } from '../programs.ts';

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
  if (!places.some((place) => existsSync(place))) installPackages('chromium');
  chromium();
}
