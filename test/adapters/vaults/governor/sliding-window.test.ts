import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bucketAt,
  bucketLength,
  hour,
  usedWithin,
  waitFor,
} from '../../../../src/adapters/vaults/governor/sliding-window.ts';

const now = 1_800_000_000_000;

describe('a window', () => {
  it('counts a bucket until all of it is out', () => {
    const buckets = [{ start: bucketAt(now), count: 3 }];
    const out = bucketAt(now) + bucketLength + hour;
    expect([now, out - 1, out].map((at) => usedWithin(buckets, hour, at))).toEqual([3, 3, 0]);
  });

  it('counts what a clock that was set back left in the future', () => {
    expect(usedWithin([{ start: now + hour, count: 3 }], hour, now)).toBe(3);
  });

  it('never counts fewer requests than were made within it, and is free when it says so', () => {
    const made = fc.array(fc.integer({ min: 0, max: 2 * hour }), { maxLength: 60 });
    fc.assert(
      fc.property(made, fc.integer({ min: 0, max: 60 }), (ages, room) => {
        const counts = new Map<number, number>();
        for (const age of ages) counts.set(bucketAt(now - age), (counts.get(bucketAt(now - age)) ?? 0) + 1);
        const buckets = [...counts].map(([start, count]) => ({ start, count }));
        const used = usedWithin(buckets, hour, now);
        expect(used).toBeGreaterThanOrEqual(ages.filter((age) => age < hour).length);
        if (used <= room) return;
        const wait = waitFor(buckets, hour, room, now) * 1_000;
        expect(usedWithin(buckets, hour, now + wait)).toBeLessThanOrEqual(room);
        expect(wait).toBeLessThanOrEqual(hour + bucketLength + 1_000);
      }),
      { numRuns: 500 },
    );
  });
});
