import { expect, test } from 'vitest';
import { createGivenValues, type GivenValue, printsOf } from '../../src/broker/given-values.ts';
import { createValuePrints } from '../../src/foundation/value-prints.ts';
import { Secret } from '../../src/foundation/secret.ts';

const value = (text: string, name = 'api.key'): GivenValue => ({ name, kind: 'secret', value: new Secret(text) });
const all = () => true;

test('a repeat is what this agent has all of, and what has left the memory is new again', () => {
  const given = createGivenValues(3);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text) => value(text)) as [
    GivenValue,
    GivenValue,
    GivenValue,
    GivenValue,
  ];
  given.add('codex', [a, b]);
  expect(given.has('codex', [a, b])).toBe(true);
  expect(given.has('codex', [a, c])).toBe(false);
  expect(given.has('gemini', [a])).toBe(false);
  given.add('codex', [c, d]);
  expect(given.has('codex', [a])).toBe(false);
  expect(given.has('codex', [b, c, d])).toBe(true);
});

const key = 'sk-live-0123456789-äöü';

test.each([
  ['as it is', `curl -H 'Key: ${key}'`, 14, 14 + 25],
  ['in hex', `x ${Buffer.from(key).toString('hex')}`, 2, 52],
  ['in base64', Buffer.from(key).toString('base64url'), 0, 34],
  ['in the middle of letters', `Ä${key}z`, 2, 27],
])('a value is found %s, by bytes', (_, text, from, to) => {
  const given = createGivenValues();
  given.add('codex', [value(key)]);
  expect(given.find('codex', text, all)).toEqual([{ name: 'api.key', kind: 'secret', from, to }]);
});

test('what touches is one, and the longer of two gives its name', () => {
  const given = createGivenValues();
  given.add('codex', [value('abcdefgh', 'short'), value('abcdefgh-more', 'long')]);
  expect(given.find('codex', '-abcdefgh-moreabcdefgh', all)).toEqual([
    { name: 'long', kind: 'secret', from: 1, to: 22 },
  ]);
});

test('nothing is told of another agent, of a name that it may not have, of a part of a value, or of a short one', () => {
  const given = createGivenValues();
  given.add('codex', [value(key), value('secret7', 'short.key')]);
  expect(given.find('gemini', key, all)).toEqual([]);
  expect(given.find('codex', key, (name) => name !== 'api.key')).toEqual([]);
  expect(given.find('codex', key.slice(1), all)).toEqual([]);
  expect(given.find('codex', `${key.slice(0, -1)} secret7`, all)).toEqual([]);
});

test('a text that is made to look like a value over and over costs few hashes, and its ends count as values', () => {
  const given = createGivenValues();
  given.add('codex', [value(key)]);
  const found = given.find('codex', `${key.slice(-5)} `.repeat(100_000), all);
  expect(found.length).toBeGreaterThan(0);
  expect(given.find('codex', `${key.slice(-5)} `.repeat(100), all)).toEqual([]);
});

test('what is kept of a value holds no part of it, and tells nothing to another process', () => {
  const [one, other] = [1, 2].map(() => JSON.stringify(printsOf(new Secret(key), createValuePrints())));
  expect(one).not.toContain(key.slice(0, 8));
  expect(one).not.toBe(other);
});
