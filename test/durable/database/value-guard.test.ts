import { assert, property, string } from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { createValueGuard, type ValueGuard } from '../../../src/durable/database/value-guard.ts';
import { Secret } from '../../../src/foundation/secret.ts';

let guards: ValueGuard[] = [];
const made = (most?: number) => {
  const guard = createValueGuard(most);
  guards.push(guard);
  return guard;
};
afterEach(() => {
  for (const guard of guards) guard.close();
  guards = [];
});

test('tells a value wherever it stands in a text, and no text that has none', () => {
  const guard = made();
  assert(
    property(
      string({ minLength: 8, unit: 'binary' }).filter((value) => value.isWellFormed()),
      string({ unit: 'binary' }),
      string({ unit: 'binary' }),
      (value, before, after) => {
        // drawn before it is a secret: what stands around it may hold others that were
        expect(() => guard.check(['nothing of it', 1_764_431_234_567, true, null, undefined])).not.toThrow(
          'was about to be stored',
        );
        const secret = new Secret(value);
        expect(() => guard.check([1, `${before}${secret.reveal()}${after}`])).toThrow('was about to be stored');
      },
    ),
    { numRuns: 300 },
  );
});

test.each(['utf8', 'latin1'] as const)('tells a value in bytes, as %s', (encoding) => {
  const guard = made();
  const bytes = Buffer.from(`key: ${new Secret('gehäuse-schlüssel').reveal()}`, encoding);
  expect(() => guard.check([new Uint8Array(bytes)])).toThrow('was about to be stored');
});

test('still tells a value that nothing holds any more', () => {
  const guard = made();
  const text = `for ${new Secret('a-value-that-is-gone').reveal()}`;
  expect(() => guard.check([text])).toThrow('was about to be stored');
});

test('lets through what is no secret though it came from a vault, also where it is read again', () => {
  const guard = made();
  expect(new Secret('client-id-from-a-vault').disclose()).toBe('client-id-from-a-vault');
  new Secret('client-id-from-a-vault').reveal();
  expect(() => guard.check(['client-id-from-a-vault'])).not.toThrow();
});

test('does not look for what stands in any text: fewer than eight characters', () => {
  const guard = made();
  new Secret('1234567').reveal();
  expect(() => guard.check(['at 1764431234567'])).not.toThrow();
});

test('knows nothing of values from before it was made or after it was closed', () => {
  new Secret('made before the guard').reveal();
  const guard = made();
  guard.close();
  new Secret('made after its end').reveal();
  expect(() => guard.check(['made before the guard, made after its end'])).not.toThrow();
});

test('forgets the oldest of many values, and keeps one that is made again', () => {
  const guard = made(200);
  const value = (index: number) => `value-number-${index}`;
  for (let index = 0; index <= 200; index += 1) {
    new Secret(value(index)).reveal();
    if (index === 100) new Secret(value(1)).reveal();
  }
  expect(() => guard.check([value(0)])).not.toThrow();
  expect(() => guard.check([value(1)])).toThrow('was about to be stored');
  expect(() => guard.check([value(200)])).toThrow('was about to be stored');
});
