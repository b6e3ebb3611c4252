import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { compileClaims } from '../../../src/broker/authentication/claim-patterns.ts';

const misfit = (wanted: Record<string, string>, held: Record<string, unknown>) =>
  compileClaims({ claims: wanted })(held);

describe('claims', () => {
  test.each<[string, unknown, boolean]>([
    ['acme/orders', 'acme/orders', true],
    ['acme/orders', 'acme/orders-evil', false],
    ['acme/orders', 'evil/acme/orders', false],
    ['acme/orders', 'ACME/orders', false],
    ['acme/orders', 'acme/orders\n', false],
    ['acme/orders', undefined, false],
    ['acme/orders', ['acme/orders'], false],
    ['acme/orders', { toString: 'acme/orders' }, false],
    ['acme/orders', null, false],
    ['refs/heads/*', 'refs/heads/main', true],
    ['refs/heads/*', 'refs/heads/', true],
    ['refs/heads/*', 'refs/heads', false],
    ['refs/heads/*', 'xrefs/heads/main', false],
    ['refs/*/v*.0', 'refs/tags/v1.2.0', true],
    ['refs/*/v*.0', 'refs/tags/v.0', true],
    ['refs/*/v*.0', 'refs/tags/v0', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*ab*ab*', 'ab-ab', true],
    ['*ab*ab*', 'aab', false],
    ['*', '', true],
    ['*', undefined, false],
    ['a.c', 'abc', false],
    ['a?c', 'abc', false],
    ['[a-z]*', 'b', false],
    ['42', 42, true],
    ['42', 42.5, false],
    ['true', true, true],
    ['true', 'true', true],
    ['null', null, false],
    ['*', 'x'.repeat(2_049), false],
  ])('%s for %j: %s', (pattern, value, fits) => {
    expect(misfit({ claim: pattern }, { claim: value })).toBe(fits ? undefined : 'claim');
  });

  it('must all fit, and are told by name', () => {
    const wanted = { repository: 'acme/orders', ref: 'refs/heads/*' };
    expect(misfit(wanted, { repository: 'acme/orders', ref: 'refs/heads/main' })).toBeUndefined();
    expect(misfit(wanted, { repository: 'acme/orders', ref: 'refs/pull/1' })).toBe('ref');
    expect(misfit(wanted, { ref: 'refs/heads/main' })).toBe('repository');
  });

  it('are the token’s own', () => {
    expect(misfit({ toString: '*', repository: 'a' }, { repository: 'a' })).toBe('toString');
    expect(misfit({ constructor: '*', repository: 'a' }, { repository: 'a' })).toBe('constructor');
  });

  it('fit as a regular expression of the same meaning says', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '\n'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (pattern, value) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('*', '[^]*');
        expect(misfit({ claim: pattern }, { claim: value }) === undefined).toBe(
          new RegExp(`^(?:${source})$`, 'u').test(value),
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('cost little, however they are made', () => {
    const started = performance.now();
    const check = compileClaims({ claims: { claim: `${'a*'.repeat(1_000)}b` } });
    for (let round = 0; round < 100; round += 1) check({ claim: 'a'.repeat(2_048) });
    // a backtracking match would take longer than the age of the universe
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
