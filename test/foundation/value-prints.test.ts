import { expect, test } from 'vitest';
import { createValuePrints } from '../../src/foundation/value-prints.ts';

const bytes = (...texts: readonly string[]) => texts.map((text) => Buffer.from(text));

test('a text is found wherever it stands, and where two end alike, both are', () => {
  const prints = createValuePrints();
  const index = prints.index<string>(100);
  index.add(prints.of(bytes('hunter2-hunter2')), 'long');
  index.add(prints.of(bytes('-hunter2')), 'short');
  expect(index.find(Buffer.from('me:hunter2-hunter2!'))).toEqual([
    { of: 'long', from: 3, to: 18 },
    { of: 'short', from: 10, to: 18 },
  ]);
  expect(index.find(Buffer.from('hunter2_hunter2'))).toEqual([]);
});

test('a text of a slice of a buffer is that slice', () => {
  const prints = createValuePrints();
  const index = prints.index<true>(100);
  index.add(prints.of([Buffer.from('before the-value after').subarray(7, 16)]), true);
  expect(index.find(Buffer.from('of the-value'))).toEqual([{ of: true, from: 3, to: 12 }]);
});

test('what is taken away is found no more, and what ends alike stays', () => {
  const prints = createValuePrints();
  const index = prints.index<string>(100);
  const [one, other] = [prints.of(bytes('a-hunter2')), prints.of(bytes('b-hunter2'))];
  index.add(one, 'one');
  index.add(other, 'other');
  index.remove(one);
  expect(index.find(Buffer.from('a-hunter2 b-hunter2'))).toEqual([{ of: 'other', from: 10, to: 19 }]);
  index.remove(other);
  expect(index.find(Buffer.from('b-hunter2'))).toEqual([]);
});

test('fewer than eight bytes have no print', () => {
  expect(createValuePrints().of(bytes('1234567', '', '1234567é'))).toHaveLength(1);
});

test('beyond so many hashes of one text, ends of values are taken for values; without a bound never', () => {
  const prints = createValuePrints();
  const near = Buffer.from('x-hunter2 '.repeat(20));
  for (const [most, found] of [
    [5, 15],
    [Infinity, 0],
  ] as const) {
    const index = prints.index<true>(most);
    index.add(prints.of(bytes('a-hunter2')), true);
    expect(index.find(near)).toHaveLength(found);
  }
});
