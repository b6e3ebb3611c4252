import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sweepLaptopTrails } from '../../src/audit/sweep-laptop-trails.ts';
import { ownTrail } from '../../src/audit/trail-lock.ts';
import { laptopTrails } from '../../src/audit/find-trails.ts';
import { folder } from './arrange.ts';

const now = 1_800_000_000_000;
const days = (count: number) => new Date(now - count * 86_400_000);
const noSleep = () => Promise.resolve();

function aged(file: string, age: number): void {
  writeFileSync(file, '');
  utimesSync(file, days(age), days(age));
}

test('a trail of the laptop goes a week after its last line, and no other', async () => {
  const state = folder();
  const laptop = laptopTrails(state);
  await sweepLaptopTrails(state, now);
  mkdirSync(laptop, { recursive: true });
  const old = 'broker-development-0123456789abcdef.jsonl';
  for (const end of ['', '.1', '.12', '.torn-3', '.torn-3-2', '.lock']) aged(join(laptop, `${old}${end}`), 8);
  aged(join(laptop, 'local-ada@development-none.jsonl'), 30);
  const stays = ['local-ada@development-0123456789abcdef.jsonl', 'broker-development-fedcba9876543210.jsonl'];
  aged(join(laptop, stays[0] ?? ''), 6);
  aged(join(laptop, stays[1] ?? ''), 6);
  aged(join(laptop, `${stays[1]}.1`), 100);
  const others = ['broker-production.jsonl', 'local-ada@production-none.jsonl', 'notes.jsonl'];
  for (const other of others) aged(join(laptop, other), 100);
  aged(join(state, 'audit', old), 100);
  await sweepLaptopTrails(state, now);
  expect(readdirSync(laptop).toSorted()).toEqual([...stays, `${stays[1]}.1`, ...others].toSorted());
  expect(readdirSync(join(state, 'audit')).toSorted()).toEqual([old, 'laptop']);
});

test('a trail that a process writes stays, and so does what is no file', async () => {
  const state = folder();
  const laptop = laptopTrails(state);
  mkdirSync(laptop, { recursive: true });
  const written = join(laptop, 'broker-development-0123456789abcdef.jsonl');
  const release = await ownTrail(written, { patience: 0, sleep: noSleep });
  aged(written, 100);
  aged(`${written}.lock`, 100);
  aged(join(state, 'elsewhere'), 100);
  symlinkSync(join(state, 'elsewhere'), join(laptop, 'local-ada@development-none.jsonl'));
  const before = readdirSync(laptop);
  // that of a link is its own time, which is that of this moment
  const later = Date.now() + 1_000 * 86_400_000;
  await sweepLaptopTrails(state, later);
  expect(readdirSync(laptop)).toEqual(before);
  release();
  await sweepLaptopTrails(state, later);
  expect(readdirSync(laptop)).toEqual(['local-ada@development-none.jsonl']);
  expect(existsSync(join(state, 'elsewhere'))).toBe(true);
});

test('a link in place of their folder is not followed', async () => {
  const state = folder();
  const elsewhere = folder();
  const trail = 'local-ada@development-none.jsonl';
  aged(join(elsewhere, trail), 100);
  mkdirSync(join(state, 'audit'));
  symlinkSync(elsewhere, laptopTrails(state));
  await sweepLaptopTrails(state, now);
  expect(readdirSync(elsewhere)).toEqual([trail]);
});
