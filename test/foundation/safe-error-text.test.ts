import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { causesOf, worded } from '../../src/foundation/safe-error-text.ts';

test.each([
  [new Error('item is archived'), { name: 'Error', text: 'item is archived' }],
  [new RangeError('no'), { name: 'RangeError', text: 'no' }],
  ['{"name":"InvalidConfiguration"}', { name: 'string', text: '{"…":"…"}' }],
  [
    new Error(`invalid type: string "s\\"ecret", expected u8`),
    { name: 'Error', text: 'invalid type: string "…", expected u8' },
  ],
  [new Error('token ops_eyJzaWduSW5BZGRyZXNzIjoiaHR0cHM6Ly8'), { name: 'Error', text: 'token …' }],
  [undefined, { name: 'undefined', text: 'undefined' }],
])('%s', (error, expected) => {
  expect(worded(error)).toEqual(expected);
});

test('what is quoted as JSON, or long, is not told', () => {
  const value = fc.string({ minLength: 6 }).filter((text) => !'expected u8 at line 1 … "'.includes(text));
  fc.assert(
    fc.property(value, (text) => {
      const quoted = worded(new Error(`expected u8, ${JSON.stringify(text)} at line 1`));
      expect(quoted.text).toBe('expected u8, "…" at line 1');
    }),
  );
  const token = fc.stringMatching(/^[A-Za-z0-9_-]{24,200}$/);
  fc.assert(
    fc.property(token, (text) => {
      expect(worded(`x ${text} y`).text).toBe('x … y');
    }),
  );
});

test('causes are told one line each, without what is quoted in them', () => {
  const deepest = new SyntaxError(`Unexpected token 'h', "hunter2" is not valid JSON near \`pw\``);
  const error = new Error('outer', { cause: new TypeError("it couldn't be\nread", { cause: deepest }) });
  expect(causesOf(error)).toEqual([
    "TypeError: it couldn't be read",
    `SyntaxError: Unexpected token '…', "…" is not valid JSON near \`…\``,
  ]);
});
