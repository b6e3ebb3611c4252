import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { nearest, suggest } from '../../src/language/nearest-name.ts';

const names = ['client-id', 'client-secret', 'audience', 'scope'];

it.each([
  ['client-di', 'client-id'],
  ['CLIENT-ID', 'client-id'],
  ['clientid', 'client-id'],
  ['audeince', 'audience'],
  ['scop', 'scope'],
  ['csope', 'scope'],
  ['spoce', undefined],
  ['cope', 'scope'],
  ['port', undefined],
  ['', undefined],
  ['x'.repeat(65), undefined],
])('%s means %s', (word, meant) => {
  expect(nearest(word, names)).toBe(meant);
});

it('of two that are as near the first is meant', () => {
  expect(nearest('bat', ['cat', 'rat'])).toBe('cat');
});

it('one letter that is wrong, missing, too many or swapped with its neighbour is never too many', () => {
  const word = fc.stringMatching(/^[a-z]{3,20}$/);
  fc.assert(
    fc.property(word, fc.nat(), fc.constantFrom('change', 'leave out', 'double', 'swap'), (name, at, how) => {
      const index = at % (name.length - 1);
      const [before, one, two, rest] = [name.slice(0, index), name[index], name[index + 1], name.slice(index + 2)];
      const wrong = { change: `_${two}`, 'leave out': two, double: `${one}${one}${two}`, swap: `${two}${one}` }[how];
      expect(nearest(`${before}${wrong}${rest}`, [name])).toBe(name);
    }),
  );
});

it('all names are told where none is near, and there are few', () => {
  expect(suggest('scpoe', names)).toBe('did you mean "scope"?');
  expect(suggest('other', names)).toBe('one of: client-id, client-secret, audience, scope');
  expect(suggest('other', [])).toBeUndefined();
  expect(
    suggest(
      'other',
      Array.from({ length: 17 }, (_, index) => `name-${index}-long`),
    ),
  ).toBeUndefined();
});
