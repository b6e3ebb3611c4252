import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { holdFile } from '../../src/foundation/hold-file.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'hold-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test('a file is held by one alone, who may be waited for', async () => {
  const file = join(folder(), 'lock');
  const alone = { patience: 0, sleep: () => Promise.resolve() };
  const release = await holdFile(file, alone);
  expect(await holdFile(file, alone)).toBeUndefined();
  const pauses: number[] = [];
  const sleep = async (milliseconds: number) => {
    pauses.push(milliseconds);
    if (pauses.length === 3) release?.();
    return Promise.resolve();
  };
  const next = await holdFile(file, { patience: 1_000, sleep });
  expect(pauses).toEqual([20, 20, 20]);
  next?.();
});

test('a file that cannot be made is no file that another holds', async () => {
  const file = join(folder(), 'nowhere', 'lock');
  await expect(holdFile(file, { patience: 0, sleep: () => Promise.resolve() })).rejects.toThrow('ENOENT');
});
