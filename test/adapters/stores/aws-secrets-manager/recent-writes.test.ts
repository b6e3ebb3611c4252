import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRecent } from '../../../../src/adapters/stores/aws-secrets-manager/recent-writes.ts';

describe('what was written lately', () => {
  let base: string;
  let folder: string;
  let now = 0;
  const warnings: string[] = [];
  const open = (scope = 'store') =>
    createRecent({ folder, scope: () => scope, now: () => now, warn: (message) => void warnings.push(message) });
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'recent-'));
    folder = join(base, 'state', 'aws');
    now = Date.now();
    warnings.length = 0;
  });
  afterEach(() => rm(base, { recursive: true }));

  it('is known to the next process, for ten minutes, newest first', async () => {
    await open().record('app/x', 'v1');
    now += 1;
    await open().record('app/x', 'v2');
    expect((await open().read()).get('app/x')?.version).toBe('v2');
    now += 600_000;
    expect((await open().read()).size).toBe(0);
  });

  it('is one replacement of the file for all that is recorded at once', async () => {
    const recent = open();
    await Promise.all(Array.from({ length: 500 }, (_, index) => recent.record(`app/${index}`, 'v')));
    expect((await open().read()).size).toBe(500);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('loses nothing of processes that write side by side', async () => {
    const all = Array.from({ length: 8 }, () => open());
    await Promise.all(all.map((each, index) => each.record(`app/${index}`, 'v')));
    expect((await open().read()).size).toBe(8);
  });

  it("is not another store's", async () => {
    await open('here').record('app/x', 'v');
    expect((await open('there').read()).size).toBe(0);
  });

  it('is readable by this user only', async () => {
    await open().record('app/x', 'v');
    const [file = ''] = await readdir(folder);
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('survives files that are not its own, and clears old ones away', async () => {
    await open().record('app/x', 'v');
    await writeFile(join(folder, 'broken.json'), '{"scope":"store","written":[{"name":1},null,7');
    await writeFile(join(folder, 'odd.json'), '{"scope":"store","written":[{"name":1},null,7]}');
    await writeFile(join(folder, 'old.json'), await readFile(join(folder, 'odd.json')));
    await utimes(join(folder, 'old.json'), 0, 0);
    expect([...(await open().read()).keys()]).toEqual(['app/x']);
    expect(await readdir(folder)).not.toContain('old.json');
  });

  it('warns once where it cannot be kept, and goes on', async () => {
    await writeFile(join(base, 'state'), 'a file');
    await chmod(base, 0o700);
    const recent = open();
    await recent.record('app/x', 'v');
    await recent.record('app/y', 'v');
    expect(warnings).toHaveLength(1);
    expect((await recent.read()).size).toBe(2);
  });
});
