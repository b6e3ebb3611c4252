import { readFileSync } from 'node:fs';
import { commonArguments, type Invocation } from './main.ts';

/** `flows version`, `flows --version`. */
export async function version({ argv, terminal }: Invocation): Promise<number> {
  commonArguments(argv);
  terminal.out(`${packageVersion()}\n`);
  return 0;
}

/** From package.json, which lies one folder up from both `src` and `dist`, or two from `src/cli`. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'name' in manifest && manifest.name === 'auth-chain') {
        return 'version' in manifest ? String(manifest.version) : '';
      }
    } catch {
      // the other place
    }
  }
  return 'unknown';
}
