import { expect, test } from 'vitest';
import { createAttempts } from '../../../src/laptop/identity-provider/failed-attempts.ts';

test('locks after the fifth failure in a row, longer each time, up to 15 minutes', () => {
  let clock = 0;
  const attempts = createAttempts(() => clock);
  for (let count = 0; count < 4; count += 1) attempts.failed('u');
  expect(attempts.locked('u')).toBe(false);
  for (const seconds of [30, 60, 120, 240, 480, 900, 900]) {
    attempts.failed('u');
    clock += seconds * 1000 - 1;
    expect(attempts.locked('u')).toBe(true);
    expect(attempts.locked('another')).toBe(false);
    clock += 1;
    expect(attempts.locked('u')).toBe(false);
  }
  attempts.signedIn('u');
  attempts.failed('u');
  expect(attempts.locked('u')).toBe(false);
});

test('judges one at a time for a name, side by side for different ones, and goes on after an error', async () => {
  const attempts = createAttempts(() => 0);
  let running = 0;
  let most = 0;
  const judge = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return 'judged';
  };
  const failing = attempts.inTurn('u', async () => {
    throw new Error('a fault');
  });
  const outcomes = Promise.all([1, 2, 3].map(() => attempts.inTurn('u', judge)));
  await expect(failing).rejects.toThrow('a fault');
  expect([await outcomes, most]).toEqual([['judged', 'judged', 'judged'], 1]);
  await Promise.all(['u', 'v'].map((name) => attempts.inTurn(name, judge)));
  expect(most).toBe(2);
});
