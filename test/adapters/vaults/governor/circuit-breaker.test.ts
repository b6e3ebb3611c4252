import { describe, expect, it, test } from 'vitest';
import type { ErrorCode } from '../../../../src/foundation/errors.ts';
import {
  type Circuit,
  countsAsFailure,
  failed,
  leftAlone,
  probing,
  stateOf,
} from '../../../../src/adapters/vaults/governor/circuit-breaker.ts';

const now = 1_800_000_000_000;
const after = (codes: readonly ErrorCode[], random = 0, retryAfter?: number): Circuit => {
  let circuit: Circuit | undefined;
  for (const code of codes) circuit = failed(circuit, { code, retryAfter }, now, random);
  if (circuit === undefined) throw new TypeError('no failure');
  return circuit;
};
const times = (count: number, code: ErrorCode): readonly ErrorCode[] => Array.from({ length: count }, () => code);

describe('a circuit', () => {
  test.each<[readonly ErrorCode[], number]>([
    [times(1, 'unavailable'), 0],
    [times(4, 'timeout'), 0],
    [times(5, 'denied'), 2_000],
    [times(6, 'unavailable'), 4_000],
    [times(7, 'protocol'), 8_000],
    [times(500, 'unavailable'), 60_000],
    [times(1, 'rate-limited'), 30_000],
    [times(2, 'rate-limited'), 60_000],
    [times(500, 'rate-limited'), 600_000],
  ])('after %j is open for %d ms', (codes, wait) => {
    const circuit = after(codes);
    expect(circuit.until).toBe(wait === 0 ? 0 : now + wait);
    expect(stateOf(circuit, now)).toBe(wait === 0 ? 'closed' : 'open');
  });

  test.each([
    [7, 7_000],
    [3_600, 600_000],
  ])('takes the word of a service that asks for %d s, within bounds', (asked, wait) => {
    expect(after(['rate-limited'], 0, asked).until).toBe(now + wait);
  });

  it('is never asked before it is time, and not by all at once', () => {
    const untils = [0, 0.25, 0.5, 0.999].map((random) => after(['rate-limited'], random, 100).until - now);
    expect(untils).toEqual([100_000, 106_250, 112_500, 124_975]);
  });

  it('half opens, for one', () => {
    const circuit = after(times(5, 'unavailable'));
    expect([1_999, 2_000].map((later) => stateOf(circuit, now + later))).toEqual(['open', 'half-open']);
    const probed = probing(circuit, now + 2_000);
    expect([2_000, 31_999, 32_000].map((later) => stateOf(probed, now + later))).toEqual(['open', 'open', 'half-open']);
  });

  it('forgets what is an hour old, and a clock that was set back', () => {
    const old = after(times(9, 'unavailable'));
    expect(failed(old, { code: 'unavailable', retryAfter: undefined }, now + 3_600_000, 0).failures).toBe(1);
    expect(stateOf(old, now - 3_600_000)).toBe('closed');
    expect(stateOf({ ...old, until: now + 10_000_000 }, now)).toBe('half-open');
  });

  it('tells those who come meanwhile how long', () => {
    expect(leftAlone(after(times(5, 'timeout')), now)).toMatchObject({ code: 'timeout', retryAfter: 2 });
    expect(leftAlone(after(['rate-limited']), now)).toMatchObject({ code: 'rate-limited', retryAfter: 30 });
  });

  test.each<[ErrorCode, boolean]>([
    ['rate-limited', true],
    ['unavailable', true],
    ['denied', true],
    ['not-found', false],
    ['ambiguous', false],
    ['conflict', false],
    ['invalid-value', false],
  ])('%s counts: %s', (code, counts) => {
    expect(countsAsFailure(code)).toBe(counts);
  });
});

test('what the service asked to wait stays true, although it is looked sooner whether it still is', () => {
  const circuit = after(['rate-limited'], 0, 3_480);
  expect(leftAlone(circuit, now).retryAfter).toBe(3_480);
  expect(leftAlone(circuit, now + 60_000).retryAfter).toBe(3_420);
  expect(stateOf(circuit, now + 600_000)).toBe('half-open');
});
