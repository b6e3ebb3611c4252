import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bestNamed, cutAtSlash, folded, sameName } from '../../src/foundation/names.ts';

const composed = 'Z\u00fcrich';
const decomposed = 'Zu\u0308rich';

describe('names that look the same', () => {
  test.each([
    ['composed and decomposed', composed, decomposed, true],
    ['a no-break space', 'Orders M2M', 'Orders\u00a0M2M', true],
    ['a narrow one, and two', 'Orders M2M', 'Orders\u202f M2M', true],
    ['case', 'orders m2m', 'ORDERS M2M', true],
    ['case of a decomposed letter', 'z\u00fcrich', 'ZU\u0308RICH', true],
    ['a Turkish letter', '\u0130', 'I\u0307', true],
    ['another letter', 'Zurich', composed, false],
    ['a ligature, which is another character', 'file', '\ufb01le', false],
  ])('%s', (_, one, other, same) => {
    expect(sameName(one, other)).toBe(same);
    expect(sameName(other, one)).toBe(same);
  });

  test('a folded name is its own fold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(folded(folded(name))).toBe(folded(name));
        expect(sameName(name.normalize('NFD'), name.normalize('NFC'))).toBe(true);
      }),
    );
  });
});

describe('which of them is meant', () => {
  const all = [
    { id: 'i1', name: composed },
    { id: 'i2', name: decomposed },
    { id: 'i3', name: 'zu\u0308rich' },
    { id: 'credential', name: 'other' },
    { id: 'i5', name: 'credential' },
    { id: 'i6', name: 'a\u00a0b' },
    { id: 'i7', name: 'a b' },
    { id: 'i8', name: 'a\u202fb' },
  ];
  test.each([
    ['exact first', composed, ['i1']],
    ['exact, decomposed', decomposed, ['i2']],
    ['without regard to case last', 'z\u00fcrich', ['i3']],
    ['without any exact one: ambiguous', 'Z\u00dcRICH', ['i1', 'i2', 'i3']],
    ['an id before a name', 'credential', ['credential']],
    ['spaces: exact', 'a b', ['i7']],
    ['spaces: ambiguous', 'a\u2003b', ['i6', 'i7', 'i8']],
    ['none', 'nothing', []],
  ])('%s', (_, name, ids) => {
    expect(bestNamed(all, [name], (each) => each).map(({ id }) => id)).toEqual(ids);
  });
});

test('a name that goes on after a slash', () => {
  expect(cutAtSlash('it', ['Ops', 'IT/Dev'])).toBe('IT/Dev');
  expect(cutAtSlash('I', ['IT/Dev'])).toBeUndefined();
});
