import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../../src/audit/contract.ts';
import { createRecordRefusal } from '../../../src/surfaces/server/record-refusal.ts';
import { memoryTrail } from './stand.ts';

function arrange() {
  const { trail, events, state } = memoryTrail();
  let time = 0;
  const timers: { at: number; work: () => void }[] = [];
  const record = createRecordRefusal({
    trail,
    monotonic: () => time,
    gather: 1_000,
    after: (milliseconds, work) => timers.push({ at: time + milliseconds, work }),
  });
  let count = 0;
  const refuse = (agent = 'unknown') =>
    record({
      agent,
      action: 'authenticate',
      what: [],
      outcome: 'denied',
      code: 'not-authenticated',
      request: `request-${(count += 1)}`,
      detail: 'why',
    });
  const pass = async (milliseconds: number) => {
    time += milliseconds;
    for (const timer of timers.splice(0)) {
      if (timer.at <= time) timer.work();
      else timers.push(timer);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { refuse, pass, events, state };
}

const settled = (promises: readonly Promise<unknown>[]) =>
  Promise.allSettled(promises).then((all) =>
    all.map((each) => (each.status === 'fulfilled' ? each.value : each.reason)),
  );

describe('refusals before the broker is asked', () => {
  test('have a line each while there are few', async () => {
    const { refuse, events } = arrange();
    for (let count = 0; count < 100; count += 1) await refuse();
    expect(events.map(({ request }) => request)).toEqual(
      Array.from({ length: 100 }, (_, index) => `request-${index + 1}`),
    );
  });

  test('have one line a second in a flood, which counts them and whose id all answers bear', async () => {
    const { refuse, pass, events } = arrange();
    for (let count = 0; count < 100; count += 1) await refuse();
    const flood = settled(Array.from({ length: 200 }, () => refuse()));
    await pass(0);
    expect(events).toHaveLength(100);
    await pass(1_000);
    expect(events).toHaveLength(101);
    expect(events.at(-1)).toMatchObject({ request: 'request-101', detail: expect.stringContaining('200 requests') });
    expect(new Set((await flood).map((each: { id: string }) => each.id))).toEqual(new Set(['request-101']));
  });

  test('do not pile up: the rest is told to come again', async () => {
    const { refuse, pass } = arrange();
    for (let count = 0; count < 100; count += 1) await refuse();
    const flood = settled(Array.from({ length: 300 }, () => refuse()));
    await pass(1_000);
    const codes = (await flood).map((each: { code: string }) => each.code);
    expect(codes.filter((code) => code === 'not-authenticated')).toHaveLength(256);
    expect(codes.filter((code) => code === 'overloaded')).toHaveLength(44);
  });

  test('come back one by one, and are counted for each agent alone', async () => {
    const { refuse, pass, events } = arrange();
    for (let count = 0; count < 100; count += 1) await refuse();
    await refuse('codex');
    expect(events.at(-1)).toMatchObject({ agent: 'codex' } satisfies Partial<AuditEvent>);
    await pass(500);
    for (let count = 0; count < 5; count += 1) await refuse();
    expect(events).toHaveLength(106);
  });

  test('are not answered as such where the trail fails', async () => {
    const { refuse, pass, state } = arrange();
    for (let count = 0; count < 100; count += 1) await refuse();
    const waiting = settled([refuse()]);
    state.broken = true;
    await pass(1_000);
    expect(await waiting).toMatchObject([{ code: 'audit-unavailable' }]);
    await pass(1_000);
    expect(await settled([refuse()])).toMatchObject([{ code: 'audit-unavailable' }]);
  });
});
