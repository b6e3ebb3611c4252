import { beforeEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/audit/contract.ts';
import { createFloods, type RecordFlood } from '../../src/audit/refusal-floods.ts';

const refusal = (request: string, agent = 'codex'): AuditEvent => ({
  agent,
  action: 'authenticate',
  what: [],
  outcome: 'denied',
  request,
  detail: 'no such token',
});

describe('refusals', () => {
  let now = 0;
  let lines: AuditEvent[] = [];
  let timers: (() => void)[] = [];
  let disk: Promise<void>;
  let flood: RecordFlood;
  beforeEach(() => {
    [now, lines, timers, disk] = [0, [], [], Promise.resolve()];
    flood = createFloods({
      record: (event) => {
        lines.push(event);
        return disk;
      },
      monotonic: () => now,
      after: (_, work) => timers.push(work),
    });
  });
  const many = (count: number, agent?: string, from = 0) =>
    Array.from({ length: count }, (_, index) => flood(refusal(`r-${from + index}`, agent)));

  it('have a line of their own, a hundred of an agent', async () => {
    const ids = await Promise.all(many(100));
    expect(ids).toEqual(lines.map(({ request }) => request));
    expect([lines.length, timers.length]).toEqual([100, 0]);
  });

  it('beyond that have one line that counts them, under the id that all of them are told', async () => {
    await Promise.all(many(100));
    const waiting = many(5, 'codex', 100);
    expect([lines.length, timers.length]).toEqual([100, 1]);
    timers[0]?.();
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 5 }, () => 'r-100'));
    expect(lines.slice(100)).toEqual([
      { ...refusal('r-100'), detail: '5 requests were refused at about this time, this one first' },
    ]);
  });

  it('one by itself keeps its own words', async () => {
    await Promise.all(many(100));
    const waiting = many(1, 'codex', 100);
    timers[0]?.();
    expect(await Promise.all(waiting)).toEqual(['r-100']);
    expect(lines.at(-1)).toEqual(refusal('r-100'));
  });

  it('are answered when their line is on disk, and not before', async () => {
    await Promise.all(many(100));
    const { promise, resolve } = Promise.withResolvers<void>();
    disk = promise;
    let answered = false;
    const [waiting] = many(1, 'codex', 100);
    void waiting?.then(() => (answered = true));
    timers[0]?.();
    await Promise.resolve();
    expect([lines.length, answered]).toEqual([101, false]);
    resolve();
    expect(await waiting).toBe('r-100');
  });

  it('that cannot be recorded fail, alone and counted together', async () => {
    disk = Promise.reject(new Error('full'));
    disk.catch(() => undefined);
    await expect(flood(refusal('r-0'))).rejects.toThrow('full');
    disk = Promise.resolve();
    await Promise.all(many(99));
    const waiting = many(2, 'codex', 100);
    disk = Promise.reject(new Error('full'));
    disk.catch(() => undefined);
    timers[0]?.();
    const ended = await Promise.allSettled(waiting);
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('too many at once are told that they are not on the trail', async () => {
    await Promise.all(many(100));
    const waiting = many(300, 'codex', 100);
    timers[0]?.();
    const ids = await Promise.all(waiting);
    expect([ids.filter((id) => id === 'r-100').length, ids.filter((id) => id === undefined).length]).toEqual([256, 44]);
    expect(lines.at(-1)?.detail).toMatch(/^256 requests/);
  });

  it('of one agent take nothing from another', async () => {
    await Promise.all(many(100));
    void many(10, 'codex', 100);
    expect(await flood(refusal('other', 'careful'))).toBe('other');
  });

  it('come back ten a second, and never more than a hundred', async () => {
    await Promise.all(many(100));
    now += 1_000;
    expect(await Promise.all(many(10, 'codex', 100))).toHaveLength(10);
    void many(1, 'codex', 110);
    expect([lines.length, timers.length]).toEqual([110, 1]);
    timers[0]?.();
    now += 3_600_000;
    await Promise.all(many(100, 'codex', 200));
    void many(1, 'codex', 300);
    expect([lines.length, timers.length]).toEqual([211, 2]);
  });
});
