import { expect, it } from 'vitest';
import type { Output, Shown } from '../../src/engine/output.ts';
import { outputJson, outputKinds, secondsLeft, tokenJson } from '../../src/engine/output-json.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';

const now = 1_000_500;
const reference = Reference.of({ vault: 'Agents', item: 'Orders', field: 'credential' });
const token = {
  accessToken: new Secret('eyJ'),
  tokenType: 'Bearer',
  expiresAt: undefined,
  scope: undefined,
  jti: 'not told',
  audience: undefined,
};

const values: readonly (readonly [Shown, unknown])[] = [
  [
    { as: 'plain', value: { n: 1, list: ['x'] } },
    { n: 1, list: ['x'] },
  ],
  [{ as: 'reference', value: reference }, 'op://Agents/Orders/credential'],
  [{ as: 'secret', value: new Secret('s') }, 's'],
  [
    { as: 'token', token },
    { access_token: 'eyJ', token_type: 'Bearer' },
  ],
  [
    { as: 'one-time-code', code: new Secret('012345'), validFor: 30, validUntil: now + 9_001 },
    { code: '012345', valid_for: 10 },
  ],
];

it.each(values)('case %#: by itself, and by its name', (value, json) => {
  const scalar: Output = { kind: 'scalar', value };
  const mapping: Output = { kind: 'mapping', entries: [['it', value]] };
  expect([outputJson(scalar, now), outputKinds(scalar)]).toEqual([json, value.as]);
  expect([outputJson(mapping, now), outputKinds(mapping)]).toEqual([{ it: json }, { it: value.as }]);
});

it('nothing is an empty object', () => {
  expect([outputJson({ kind: 'none' }, now), outputKinds({ kind: 'none' })]).toEqual([{}, 'none']);
});

// RFC 6749, section 5.1: expires_in is RECOMMENDED, scope OPTIONAL; whole seconds, of which none is promised too much
it.each([
  [1_010, 9],
  [1_001, 0],
  [1_000, 0],
  [900, 0],
])('a token that ends at %s has %s whole seconds', (expiresAt, left) => {
  expect(tokenJson({ ...token, expiresAt, scope: 'a b' }, now)).toEqual({
    access_token: 'eyJ',
    token_type: 'Bearer',
    expires_in: left,
    expires_at: expiresAt,
    scope: 'a b',
  });
});

it.each([
  [now + 1, 1],
  [now + 1_000, 1],
  [now + 1_001, 2],
  [now, 0],
  [now - 5_000, 0],
])('until %s a code has %s seconds', (until, left) => {
  expect(secondsLeft(until, now)).toBe(left);
});
