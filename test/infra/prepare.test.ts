import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { repository } from '../e2e/home.ts';
import { hasProgram } from '../programs.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const saying = (word: string) => `#!/usr/bin/env node\nconsole.log('${word}');\n`;

/** A checkout that is as ours for npm, whose command says when it was built. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flows-checkout-'));
  folders.push(folder);
  const { bin, scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  const own = { name: 'auth-chain', version: '0.0.0', bin, scripts: { ...scripts, build: 'node build.cjs' } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own));
  for (const each of ['infra', 'dist']) mkdirSync(join(folder, each));
  cpSync(join(repository, 'infra/prepare.ts'), join(folder, 'infra/prepare.ts'));
  writeFileSync(
    join(folder, 'build.cjs'),
    `require('node:fs').writeFileSync('dist/cli.js', ${JSON.stringify(saying('by npx'))})`,
  );
  return folder;
}

function npx(cwd: string): string {
  return execFileSync('npm', ['exec', '--offline', '--', 'flows'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      npm_config_cache: join(cwd, 'cache'),
      npm_config_update_notifier: 'false',
    },
  });
}

test.runIf(hasProgram('npm'))('the first npx takes what npm ci has built', () => {
  const folder = checkout();
  writeFileSync(join(folder, 'dist/cli.js'), saying('by npm ci'));
  expect(npx(folder)).toBe('by npm ci\n');
});

test.runIf(hasProgram('npm'))('the first npx builds what nothing has built', () => {
  expect(npx(checkout())).toBe('by npx\n');
});
