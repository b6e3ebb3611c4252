import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLocks } from '../../src/foundation/locks.ts';
import { makeFolder } from '../../src/foundation/make-folder.ts';

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'make-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a folder is made with those above it, of the mode that is wanted, and once more without harm', () => {
  const folder = join(temporary(), 'a/b/c');
  makeFolder(folder, 0o700);
  makeFolder(folder, 0o700);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, '..')).mode & 0o777).toBe(0o700);
});

test('a file that is in its place, or above it, is told', () => {
  const file = join(temporary(), 'file');
  writeFileSync(file, '');
  expect(() => makeFolder(file)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => makeFolder(join(file, 'a/b'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

// Node's own recursive way does not come back from there
test.runIf(existsSync('/proc/self'))('a folder that takes none is told, and ends nobody’s wait', async () => {
  expect(() => makeFolder('/proc/none/below')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  const alone = createLocks({ folder: '/proc/none', sleep: () => Promise.resolve() });
  await expect(alone('a', async () => undefined)).rejects.toMatchObject({ code: 'unavailable' });
});
