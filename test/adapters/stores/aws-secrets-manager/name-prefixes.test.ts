import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefixesOf } from '../../../../src/adapters/stores/aws-secrets-manager/name-prefixes.ts';

describe('prefixes of a filter', () => {
  it('are the names themselves up to ten', () => {
    expect(prefixesOf(['a', 'b/c'])).toEqual(['a', 'b/c']);
  });

  it('are none where names have nothing in common', () => {
    expect(prefixesOf('abcdefghijklm'.split(''))).toEqual([]);
  });

  it('do not take in a neighbour where the names allow it', () => {
    const names = Array.from({ length: 12 }, (_, index) => `${index % 2 === 0 ? 'prod' : 'test'}/app/${index}`);
    for (const prefix of prefixesOf(names))
      expect('prod/other'.startsWith(prefix) || 'test/other'.startsWith(prefix)).toBe(false);
  });

  it('cover all names, are at most ten, and are prefixes of names', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', '-', '1'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 60 }), (names) => {
        const prefixes = prefixesOf(names);
        expect(prefixes.length).toBeLessThanOrEqual(10);
        expect(prefixes).not.toContain('');
        if (prefixes.length === 0) return;
        for (const each of names) expect(prefixes.some((prefix) => each.startsWith(prefix))).toBe(true);
        for (const prefix of prefixes) expect(names.some((each) => each.startsWith(prefix))).toBe(true);
      }),
    );
  });
});
