import { expect, test } from 'vitest';
import { shownIn } from '../../src/engine/output.ts';

test('an output has the values that it shows, in their order', () => {
  const [one, two] = [1, 2].map((value) => ({ as: 'plain' as const, value }));
  if (one === undefined || two === undefined) throw new TypeError('two values');
  expect(shownIn({ kind: 'none' })).toEqual([]);
  expect(shownIn({ kind: 'scalar', value: one })).toEqual([one]);
  expect(
    shownIn({
      kind: 'mapping',
      entries: [
        ['b', two],
        ['a', one],
      ],
    }),
  ).toEqual([two, one]);
});
