import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { leaveNote, noteFile, readNote } from '../../src/foundation/process-note.ts';

const root = mkdtempSync(join(tmpdir(), 'note-'));
const before = process.env['XDG_STATE_HOME'];
beforeAll(() => void (process.env['XDG_STATE_HOME'] = root));
afterAll(() => {
  if (before === undefined) delete process.env['XDG_STATE_HOME'];
  else process.env['XDG_STATE_HOME'] = before;
  rmSync(root, { recursive: true });
});

describe('a note of a running process', () => {
  it('is one for a folder and a name, this user’s alone, and ends when it is taken back', async () => {
    const file = noteFile('broker.json', root);
    expect(basename(file)).toMatch(/^broker-[0-9a-f]{16}\.json$/);
    expect(noteFile('broker.json', join(root, '.'))).toBe(file);
    expect(readNote(file, 'it')).toBeUndefined();
    const remove = await leaveNote(file, 'here');
    expect([readNote(file, 'it'), statSync(file).mode & 0o777]).toEqual(['here', 0o600]);
    remove();
    expect(existsSync(file)).toBe(false);
  });

  it('stays where another process has taken its place', async () => {
    const file = noteFile('taken.json', root);
    const [first, second] = [await leaveNote(file, 'first'), await leaveNote(file, 'second')];
    first();
    expect(readNote(file, 'it')).toBe('second');
    second();
  });

  it('ends with its process', () => {
    const module = resolve(import.meta.dirname, '../../src/foundation/process-note.ts');
    const program = `const { leaveNote, noteFile } = await import(${JSON.stringify(module)});
      const file = noteFile('ends.json', ${JSON.stringify(root)});
      await leaveNote(file, 'x');
      console.log(file, (await import('node:fs')).existsSync(file));`;
    const options = { encoding: 'utf8', env: { ...process.env, XDG_STATE_HOME: root } } as const;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--no-warnings', '-e', program], options);
    const file = noteFile('ends.json', root);
    expect([stdout.trim(), existsSync(file)]).toEqual([`${file} true`, false]);
  });

  it.runIf(process.getuid?.() === 0)(
    'is taken by root of the user whose state folder root chose, and of no other',
    async () => {
      const file = noteFile('theirs.json', root);
      const remove = await leaveNote(file, 'x');
      chownSync(file, 65_534, 65_534);
      expect(() => readNote(file, 'the broker')).toThrow(expect.objectContaining({ code: 'refused' }));
      chownSync(dirname(file), 65_534, 65_534);
      onTestFinished(() => chownSync(dirname(file), 0, 0));
      expect(readNote(file, 'the broker')).toBe('x');
      chmodSync(file, 0o644);
      expect(() => readNote(file, 'the broker')).toThrow(expect.objectContaining({ code: 'refused' }));
      remove();
    },
  );

  it('that others could have read or written is refused', async () => {
    const file = noteFile('open.json', root);
    const remove = await leaveNote(file, 'x');
    chmodSync(file, 0o640);
    expect(() => readNote(file, 'the broker')).toThrow(expect.objectContaining({ code: 'refused' }));
    remove();
  });
});
