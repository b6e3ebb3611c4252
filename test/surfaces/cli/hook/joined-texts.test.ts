import { expect, test } from 'vitest';
import { apart, joined } from '../../../../src/surfaces/cli/hook/joined-texts.ts';

test('what is found in texts that were joined is told of each of them, by its bytes', () => {
  const texts = ['äa', '', 'secret', 'b'];
  expect(joined(texts)).toEqual({ text: 'äa\n\nsecret\nb', whole: true });
  const found = (from: number, to: number) => apart([{ name: 'key', from, to }], texts);
  expect(found(5, 11)).toEqual([{ name: 'key', text: 2, from: 0, to: 6 }]);
  // of several lines
  expect(found(2, 13)).toEqual([
    { name: 'key', text: 0, from: 2, to: 3 },
    { name: 'key', text: 2, from: 0, to: 6 },
    { name: 'key', text: 3, from: 0, to: 1 },
  ]);
});

test.each(['a', '\u0001', '€', '\ud800'])(
  'as much of %j as fits into a request is looked through, and the rest told of',
  (sign) => {
    const { text, whole } = joined(['before', sign.repeat(500_000)]);
    expect([whole, text.startsWith(`before\n${sign}`)]).toEqual([false, true]);
    const size = Buffer.byteLength(JSON.stringify(text));
    expect(size).toBeLessThanOrEqual(1_000_000);
    expect(size).toBeGreaterThan(390_000);
  },
);
