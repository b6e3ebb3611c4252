import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { asFlowError } from '../../src/foundation/errors.ts';
import { ownTrail } from '../../src/audit/trail-lock.ts';
import { folder } from './arrange.ts';

const noSleep = () => Promise.resolve();
const alone = { patience: 0, sleep: noSleep };

test('another process is kept out, also after a second attempt in this one', async () => {
  const file = join(folder(), 'audit.jsonl');
  const release = await ownTrail(file, alone);
  await expect(ownTrail(file, alone)).rejects.toMatchObject({ code: 'refused' });
  const script = `
    import { ownTrail } from ${JSON.stringify(new URL('../../src/audit/trail-lock.ts', import.meta.url).href)};
    const owning = ownTrail(process.argv[1], { patience: 0, sleep: () => Promise.resolve() });
    console.log(await owning.then(() => 'owns it', ({ code }) => code));`;
  const words = ['--no-warnings', '--input-type=module', '-e', script, file];
  expect((await promisify(execFile)(process.execPath, words)).stdout).toBe('refused\n');
  release();
  expect((await promisify(execFile)(process.execPath, words)).stdout).toBe('owns it\n');
});

test('what cannot be locked is told with its file, and what to look at', async () => {
  const file = join(folder(), 'audit.jsonl');
  mkdirSync(`${file}.lock`);
  const failure: unknown = await ownTrail(file, alone).catch((error: unknown) => error);
  expect(asFlowError(failure).line()).toBe(
    `${file}: the audit trail cannot be locked (see the space on its disk and the rights of its folder)`,
  );
});

// SQLite looks whether the file is still there: otherwise two could own one trail
test('who waited for a trail that was swept meanwhile does not own it, and the next one does', async () => {
  const file = join(folder(), 'audit.jsonl');
  const first = await ownTrail(file, alone);
  const sweep = async () => {
    rmSync(`${file}.lock`);
    first();
  };
  await expect(ownTrail(file, { patience: 1_000, sleep: sweep })).rejects.toMatchObject({ code: 'unavailable' });
  const next = await ownTrail(file, alone);
  await expect(ownTrail(file, alone)).rejects.toMatchObject({ code: 'refused' });
  next();
});
