import { expect, test } from 'vitest';
import { lookOf } from '../../src/foundation/look-of-secret.ts';
import { Secret } from '../../src/foundation/secret.ts';

test.each([
  ['canary', undefined],
  ['can ary"', undefined],
  ['', undefined],
  ['canary\n', 'ends with a line break'],
  ['canary\r\n', 'ends with a line break'],
  ['\ncanary', 'begins with a line break'],
  ['"canary"', 'is in quotes'],
  ["'canary'", 'is in quotes'],
  ['“canary”', 'is in quotes'],
  ['\ufeffcanary', 'begins with a byte order mark'],
  ['can\u200bary', 'holds a character without width'],
  ['canary\u00a0', 'holds a no-break space'],
  ['canary ', 'ends with a space'],
  ['\tcanary', 'begins with a space'],
])('%j', (value, look) => {
  expect(lookOf(new Secret(value))).toBe(look);
});
