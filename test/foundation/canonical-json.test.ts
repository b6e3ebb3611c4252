import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, digestOf, journalled } from '../../src/foundation/canonical-json.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';

const text = 'op://Agents/Orders/credential';
const reference = Reference.parse(text);
const adapter = { ask: () => undefined };
const labels = new Map([[adapter, 'issuers.main']]);

describe('the canonical form', () => {
  it.each([
    [{ b: 1, a: [true, null, 'x'] }, '{"a":[true,null,"x"],"b":1}'],
    [{ a: undefined, b: { d: 1, c: 2 } }, '{"b":{"c":2,"d":1}}'],
    [[undefined], '[null]'],
    [new Map([['b', 1]]), '{"b":1}'],
    [text, `"${text}"`],
    [{ at: reference }, `{"at":{"reference":"${text}"}}`],
    [{ issuer: adapter }, '{"issuer":{"connection":"issuers.main"}}'],
    ['issuers.main', '"issuers.main"'],
  ])('of %j is %s', (value, form) => {
    expect(canonical(value, labels)).toBe(form);
  });

  it('is JSON of the same data, whatever the order of the keys', () => {
    const backwards = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(backwards);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([key, each]) => [key, backwards(each)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(canonical(plain))).toEqual(plain);
        expect(canonical(backwards(plain))).toBe(canonical(plain));
      }),
    );
  });

  it('of other data is another', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const [a, b] = [one, other].map((each): unknown => JSON.parse(JSON.stringify(each)));
        const same = canonical(a) === canonical(b);
        expect([same, digestOf(a) === digestOf(b)]).toEqual([isDeepStrictEqual(a, b), same]);
      }),
    );
  });

  it('of a secret there is none', () => {
    for (const value of [new Secret('x'), [new Secret('x')], { a: { b: new Secret('x') } }])
      expect(() => canonical(value)).toThrow(TypeError);
  });

  it('has the SHA-256 of its bytes', () => {
    // printf '{"a":1}' | sha256sum
    expect(digestOf({ a: 1 })).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862');
  });
});

it('a journal holds references and connections as text, and no secret', () => {
  const value = { at: reference, issuer: adapter, token: new Secret('x'), list: [new Secret('x'), 1], name: 'n' };
  expect(journalled(value, labels)).toEqual({ at: text, issuer: 'issuers.main', list: [null, 1], name: 'n' });
});
