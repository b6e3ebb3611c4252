import { readFileSync } from 'node:fs';

/** The folder of this package: the nearest one above this file, in `src` as in `dist`, whose package.json is ours. */
export function packageFolder(): URL | undefined {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    if (manifestIn(folder)?.['name'] === 'auth-chain') return folder;
    if (folder.pathname === '/' || new URL('..', folder).href === folder.href) return undefined;
  }
}

/** The version in package.json. */
export function packageVersion(): string {
  const folder = packageFolder();
  const version = folder === undefined ? undefined : manifestIn(folder)?.['version'];
  return typeof version === 'string' ? version : 'unknown';
}

function manifestIn(folder: URL): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
