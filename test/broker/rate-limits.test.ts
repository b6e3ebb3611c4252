import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRates } from '../../src/broker/rate-limits.ts';

function arrange() {
  let at = 0;
  const rates = createRates(() => at);
  return { ...rates, pass: (seconds: number) => void (at += seconds * 1_000) };
}

describe('rates', () => {
  it('allow so many at once, and then one after the other', () => {
    const { take, wait, pass } = arrange();
    const rate = { count: 60, per: 60 };
    for (let index = 0; index < 60; index += 1) expect(take('a', rate)).toBe(0);
    expect(wait('a', rate)).toBe(1);
    expect(take('a', rate)).toBe(1);
    expect(take('b', rate)).toBe(0);
    pass(1);
    expect(wait('a', rate)).toBe(0);
    expect(take('a', rate)).toBe(0);
    expect(take('a', rate)).toBe(1);
    pass(3_600);
    for (let index = 0; index < 60; index += 1) expect(take('a', rate)).toBe(0);
    expect(take('a', rate)).toBeGreaterThan(0);
  });

  it('are none where none is declared', () => {
    const { take, wait } = arrange();
    for (let index = 0; index < 1_000; index += 1) expect(take('a', undefined)).toBe(0);
    expect(wait('a', undefined)).toBe(0);
  });

  it('keep what was used where the rate changes', () => {
    const { take, pass } = arrange();
    for (let index = 0; index < 10; index += 1) take('a', { count: 10, per: 60 });
    expect(take('a', { count: 12, per: 60 })).toBe(0);
    expect(take('a', { count: 12, per: 60 })).toBe(0);
    expect(take('a', { count: 12, per: 60 })).toBe(5);
    expect(take('a', { count: 4, per: 60 })).toBe(135);
    pass(135);
    expect(take('a', { count: 4, per: 60 })).toBe(0);
  });

  it('keep nothing of names that nobody has used for a day', () => {
    const { take, pass } = arrange();
    const rate = { count: 1, per: 86_400 };
    for (let index = 0; index < 1_024; index += 1) expect(take(`k${index}`, rate)).toBe(0);
    expect(take('k0', rate)).toBe(86_400);
    pass(86_401);
    expect(take('new', rate)).toBe(0);
    expect(take('k0', rate)).toBe(0);
  });

  it('never allow more than the bucket and what has refilled, and never less for long', () => {
    const moves = fc.array(fc.oneof(fc.constant('take' as const), fc.integer({ min: 1, max: 5_000 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(moves, fc.integer({ min: 1, max: 20 }), fc.constantFrom(1, 60), (list, count, per) => {
        const { take, wait, pass } = arrange();
        let taken = 0;
        let seconds = 0;
        const breaches: string[] = [];
        for (const move of list) {
          if (move !== 'take') {
            pass(move / 1_000);
            seconds += move / 1_000;
            continue;
          }
          const told = wait('a', { count, per });
          if (take('a', { count, per }) !== told) breaches.push('told another wait');
          taken += 1;
          if (told === 0) continue;
          pass(told);
          seconds += told;
          if (take('a', { count, per }) !== 0) breaches.push('waited for nothing');
        }
        expect(breaches).toEqual([]);
        expect(taken).toBeLessThanOrEqual(count + (seconds * count) / per + 1e-6);
      }),
    );
  });
});
