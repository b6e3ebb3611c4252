import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isLeftover, replaceFile } from '../../src/foundation/replace-file.ts';

const root = mkdtempSync(join(tmpdir(), 'replace-'));
afterAll(() => rmSync(root, { recursive: true }));
const folder = () => mkdtempSync(join(root, 'folder-'));

describe('a file that is replaced', () => {
  it.each([
    ['this user’s alone', {}, 0o600],
    ['with a mode', { mode: 0o644 }, 0o644],
    ['with a mode, lasting', { mode: 0o640, durable: true }, 0o640],
  ])('is made where there is none: %s', async (_, options, mode) => {
    const dir = folder();
    await replaceFile(join(dir, 'file'), 'text\n', options);
    expect([readdirSync(dir), readFileSync(join(dir, 'file'), 'utf8')]).toEqual([['file'], 'text\n']);
    expect(statSync(join(dir, 'file')).mode & 0o777).toBe(mode);
  });

  it('is another file, whole at every look', async () => {
    const file = join(folder(), 'file');
    const texts = ['a'.repeat(100_000), 'b'.repeat(100_000)];
    await replaceFile(file, texts[0] ?? '');
    const { ino } = statSync(file);
    const replaced = Array.from({ length: 20 }, (_, index) => replaceFile(file, texts[index % 2] ?? ''));
    const all = Promise.all(replaced).then(() => 'over');
    while ((await Promise.race([all, new Promise((resolve) => setImmediate(resolve))])) !== 'over') {
      expect(texts).toContain(readFileSync(file, 'utf8'));
    }
    expect(statSync(file).ino).not.toBe(ino);
  });

  it('stays as it is where the last word is no, and nothing is left beside it', async () => {
    const dir = folder();
    const file = join(dir, 'file');
    writeFileSync(file, 'before');
    const last = async () => {
      expect(readdirSync(dir).filter((name) => isLeftover(name, file))).toHaveLength(1);
      throw new Error('no');
    };
    await expect(replaceFile(file, 'after', { last })).rejects.toThrow('no');
    expect([readdirSync(dir), readFileSync(file, 'utf8')]).toEqual([['file'], 'before']);
  });

  it.each(['folder-that-is-not/file'])('tells that %s cannot be written', async (name) => {
    const dir = folder();
    await expect(replaceFile(join(dir, name), 'text')).rejects.toThrow(/ENOENT/);
    expect(readdirSync(dir)).toEqual([]);
  });

  it.runIf(process.getuid?.() !== 0)('tells that its folder is closed', async () => {
    const dir = folder();
    chmodSync(dir, 0o500);
    await expect(replaceFile(join(dir, 'file'), 'text')).rejects.toThrow('EACCES');
    chmodSync(dir, 0o700);
  });

  it.each([
    ['.file.0123456789ab.tmp', true],
    ['.file.0123456789ab.tmp2', false],
    ['.other.0123456789ab.tmp', false],
    ['.file.mine.tmp', false],
    ['file', false],
  ])('%s is what a killed process left: %s', (name, is) => expect(isLeftover(name, '/any/file')).toBe(is));
});
