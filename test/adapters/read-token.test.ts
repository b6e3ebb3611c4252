import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { readToken } from '../../src/adapters/read-token.ts';

const node = process.execPath;
const environment = takeEnvironment({ TOKEN: 'from-env', EMPTY: '' });
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'token-'));
  writeFileSync(join(folder, 'token'), 'from-file\n');
  writeFileSync(join(folder, 'empty'), '\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

test('reads a variable, a file and a command', async () => {
  expect((await readToken({ env: 'TOKEN' }, environment)).reveal()).toBe('from-env');
  expect((await readToken({ file: join(folder, 'token') }, environment)).reveal()).toBe('from-file');
  expect(
    (
      await readToken({ command: [node, '-e', 'console.log("from-" + process.argv[1])', '$(id) ;'] }, environment)
    ).reveal(),
  ).toBe('from-$(id) ;');
});

test.each([
  ['an absent variable', () => ({ env: 'ABSENT' })],
  ['an empty variable', () => ({ env: 'EMPTY' })],
  ['an absent file', () => ({ file: join(folder, 'none') })],
  ['a folder as a file', () => ({ file: folder })],
  ['an empty file', () => ({ file: join(folder, 'empty') })],
  ['an absent command', () => ({ command: [join(folder, 'none')] })],
  [
    'a command that fails and talks',
    () => ({ command: [node, '-e', 'console.log("canary"); console.error("canary"); process.exit(1)'] }),
  ],
  ['a command that says nothing', () => ({ command: [node, '-e', '0'] })],
])('%s is denied without a value', async (_, source) => {
  const error: unknown = await readToken(source(), environment).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'denied' });
  expect(JSON.stringify(error) + String(error)).not.toContain('canary');
});

test.each([
  ['ENOENT', () => join(folder, 'none')],
  ['EISDIR', () => folder],
])('says %s of a file that cannot be read', async (code, file) => {
  await expect(readToken({ file: file() }, environment)).rejects.toThrow(`file ${file()} cannot be read (${code})`);
});
