import { expect, onTestFinished, test } from 'vitest';
import type { ScheduleHooks } from '../../../src/durable/runs/contract.ts';
import { runSchema } from '../../../src/durable/runs/run-tables.ts';
import { keepSchedules } from '../../../src/durable/runs/schedules.ts';
import type { OpenDatabase } from '../../../src/durable/database/contract.ts';
import { load } from '../../folder/folder.ts';
import { emptiedDatabase } from '../database/fresh-database.ts';

const flowWith = (schedule: string) => `description: d
schedule: ${schedule}
steps:
  - { id: a, uses: vault/read, with: { reference: op://Agents/a/b } }
`;
const minute = 60_000;
const start = Date.parse('2026-11-30T01:30:00Z');

/** A broker's schedules, at a time of the test's own: it looks when the test says so. */
async function broker(database: OpenDatabase, schedule: string, clock: { at: number }, fails = () => false) {
  const folder = await load({ 'nightly.yaml': flowWith(schedule) });
  const begun: string[] = [];
  const missed: (readonly [number, boolean])[] = [];
  const hooks: ScheduleHooks = {
    agent: 'schedule',
    flows: () => [...folder.flows.values()],
    begin(flow, at) {
      if (fails()) return Promise.reject(new Error('not now'));
      const tick = `${flow} ${new Date(at).toISOString().slice(0, 16)}`;
      // once, however often it is asked
      if (!begun.includes(tick)) begun.push(tick);
      return Promise.resolve();
    },
    missed(_, count, madeUp) {
      missed.push([count, madeUp]);
      return Promise.resolve();
    },
  };
  const closing = new AbortController();
  onTestFinished(() => closing.abort());
  const sleep = () => new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve()));
  const options = { database, hooks, now: () => clock.at, sleep, closing: closing.signal, warn: () => undefined };
  return { schedules: keepSchedules(options), begun, missed };
}

const nightly = (more = '') => `{ cron: '0 3 * * *', time-zone: Europe/Berlin${more} }`;

test('a tick begins one run, and a flow that is new has missed none', async () => {
  const clock = { at: start };
  const { schedules, begun, missed } = await broker(await emptiedDatabase(runSchema), nightly(), clock);
  await schedules.look();
  expect(begun).toEqual([]);
  clock.at = start + 31 * minute;
  await schedules.look();
  await schedules.look();
  expect(begun).toEqual(['nightly 2026-11-30T02:00']);
  expect(missed).toEqual([]);
  expect(await schedules.list()).toMatchObject([{ flow: 'nightly', next: Date.parse('2026-12-01T02:00:00Z') }]);
});

test('ticks that were missed are told, and not made up for', async () => {
  const database = await emptiedDatabase(runSchema);
  const clock = { at: start };
  await (await broker(database, nightly(), clock)).schedules.look();
  clock.at = start + 3 * 1_440 * minute;
  const next = await broker(database, nightly(), clock);
  await next.schedules.look();
  expect([next.begun, next.missed]).toEqual([[], [[3, false]]]);
  clock.at += 31 * minute;
  await next.schedules.look();
  expect([next.begun, next.missed.length]).toEqual([['nightly 2026-12-03T02:00'], 1]);
});

test('with catch-up the last of them is made up for, once', async () => {
  const database = await emptiedDatabase(runSchema);
  const clock = { at: start };
  await (await broker(database, nightly(', catch-up: true'), clock)).schedules.look();
  clock.at = start + 3 * 1_440 * minute;
  const next = await broker(database, nightly(', catch-up: true'), clock);
  await next.schedules.look();
  await next.schedules.look();
  expect([next.begun, next.missed]).toEqual([['nightly 2026-12-02T02:00'], [[3, true]]]);
});

test('of two brokers one tells what was missed, and a tick is tried again until it began', async () => {
  const database = await emptiedDatabase(runSchema);
  const clock = { at: start };
  let broken = true;
  const one = await broker(database, nightly(), clock, () => broken);
  const other = await broker(database, nightly(), clock);
  await one.schedules.look();
  await other.schedules.look();
  clock.at = start + 30 * minute + 10_000;
  await expect(one.schedules.look()).rejects.toThrow('not now');
  broken = false;
  await Promise.all([one.schedules.look(), other.schedules.look()]);
  expect(one.begun).toEqual(['nightly 2026-11-30T02:00']);
  clock.at += 2 * 1_440 * minute + 120_000;
  await Promise.all([one.schedules.look(), other.schedules.look()]);
  expect([...one.missed, ...other.missed]).toEqual([[2, false]]);
});

test('a time that the change to summer time leaves out is no tick that is missed', async () => {
  const clock = { at: Date.parse('2026-03-29T00:00:00Z') };
  const { schedules, begun, missed } = await broker(
    await emptiedDatabase(runSchema),
    "{ cron: '30 2 * * *', time-zone: Europe/Berlin }",
    clock,
  );
  await schedules.look();
  clock.at = Date.parse('2026-03-29T01:00:01Z');
  await schedules.look();
  clock.at = Date.parse('2026-03-30T00:30:01Z');
  await schedules.look();
  expect([begun, missed]).toEqual([['nightly 2026-03-29T01:00', 'nightly 2026-03-30T00:30'], []]);
});
