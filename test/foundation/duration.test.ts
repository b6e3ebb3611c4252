import * as fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { durationText, parseDuration } from '../../src/foundation/duration.ts';
import { parseRate } from '../../src/language/rate.ts';

test.each<[string, number | undefined]>([
  ['90s', 90],
  ['15m', 900],
  ['2h', 7_200],
  ['30d', 2_592_000],
  ['0m', undefined],
  ['015m', undefined],
  ['1.5h', undefined],
  ['-1m', undefined],
  ['1m30s', undefined],
  ['15', undefined],
  ['15 m', undefined],
  ['15M', undefined],
  ['15m\n', undefined],
  ['99999999d', undefined],
  ['', undefined],
])('%j is a length of time or none', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

it('is written in the largest unit that fits, and read again', () => {
  expect([90, 900, 7_200, 86_400, 0].map(durationText)).toEqual(['90s', '15m', '2h', '1d', '0s']);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_999_999 }), (seconds) => {
      expect(parseDuration(durationText(seconds))).toBe(seconds);
    }),
  );
});

test.each<[string, { count: number; per: number } | undefined]>([
  ['60/minute', { count: 60, per: 60 }],
  ['1/second', { count: 1, per: 1 }],
  ['1000/hour', { count: 1_000, per: 3_600 }],
  ['5/day', { count: 5, per: 86_400 }],
  ['0/minute', undefined],
  ['60/minutes', undefined],
  ['60 / minute', undefined],
  ['60', undefined],
  ['1e3/minute', undefined],
  ['', undefined],
])('%j is a rate or none', (text, rate) => {
  expect(parseRate(text)).toEqual(rate);
});
