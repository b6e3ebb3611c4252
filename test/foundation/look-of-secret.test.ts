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
  ['can\u00adary', 'holds a character without width'],
  ['\u202ecanary', 'holds a character without width'],
  ['canary\u{e0041}', 'holds a character without width'],
  ['can\u2009ary', 'holds a space of another kind'],
  ['\u3000canary', 'holds a space of another kind'],
  ['c\0a\0n\0', 'holds a control character'],
  ['\u001b[31mcanary', 'holds a control character'],
  ['can ary', undefined],
  ['-----BEGIN KEY-----\r\ncanary\r\n-----END KEY-----', undefined],
  ['“canary"', undefined],
  ['canary ', 'ends with a space'],
  ['\tcanary', 'begins with a space'],
])('%j', (value, look) => {
  expect(lookOf(new Secret(value))).toBe(look);
});
