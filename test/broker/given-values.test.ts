import { expect, test } from 'vitest';
import { createGivenValues } from '../../src/broker/given-values.ts';

test('a repeat is what this agent has all of, and what has left the memory is new again', () => {
  const given = createGivenValues(3);
  given.add('codex', ['a', 'b']);
  expect(given.has('codex', ['a', 'b'])).toBe(true);
  expect(given.has('codex', ['a', 'c'])).toBe(false);
  expect(given.has('gemini', ['a'])).toBe(false);
  given.add('codex', ['c', 'd']);
  expect(given.has('codex', ['a'])).toBe(false);
  expect(given.has('codex', ['b', 'c', 'd'])).toBe(true);
});
