import { describe, expect, test } from 'vitest';
import { FlowError } from '../../../src/foundation/errors.ts';
import { waitUntil } from '../../../src/steps/procedures/wait-until.ts';

function clock(step: (milliseconds: number) => number) {
  let now = 1000;
  let sleeps = 0;
  const told: string[] = [];
  return {
    now: () => now,
    sleep: async (milliseconds: number) => {
      sleeps += 1;
      now += step(milliseconds);
    },
    sleeps: () => sleeps,
    told,
    waiting: (why: string, milliseconds: number) => {
      told.push(`${why}: ${milliseconds} ms`);
      return () => void told.push('over');
    },
    signal: new AbortController().signal,
  };
}

describe('waiting', () => {
  test.each([
    ['a moment that is over', 900, (ms: number) => ms, 0],
    ['a moment to come', 5000, (ms: number) => ms, 1],
    ['timers that fire early', 5000, () => 1000, 4],
    ['a machine that slept', 5000, () => 1_000_000, 1],
  ])('%s', async (_, at, step, sleeps) => {
    const context = clock(step);
    await waitUntil(context, at, 'for a test');
    expect(context.told).toEqual(sleeps === 0 ? [] : [`for a test: ${at - 1000} ms`, 'over']);
    expect(context.now()).toBeGreaterThanOrEqual(at);
    expect(context.sleeps()).toBe(sleeps);
  });

  test('ends, early, where the clock is set back: it is not waited for', async () => {
    const context = clock(() => -3_600_000);
    await waitUntil(context, 5000, 'for a test');
    expect(context.sleeps()).toBe(1);
  });

  test.each([
    ['before', true, undefined],
    ['meanwhile', false, undefined],
    ['meanwhile, for a reason', false, new FlowError('timeout', 'too long')],
  ])('stopped %s', async (_, before, reason) => {
    const stop = new AbortController();
    if (before) stop.abort(reason);
    else setImmediate(() => stop.abort(reason));
    let waits = 0;
    const waiting = () => {
      waits += 1;
      return () => void (waits -= 1);
    };
    const context = { now: () => 0, sleep: () => new Promise<void>(() => undefined), signal: stop.signal, waiting };
    await expect(waitUntil(context, 1, 'for ever')).rejects.toMatchObject({ code: reason?.code ?? 'aborted' });
    expect(waits).toBe(0);
  });
});
