import { hash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { bearerHash, bearersOf, createBearer, isExpired } from '../../../src/broker/authentication/bearer-token.ts';

describe('a bearer token', () => {
  it('has a form of its own, and never comes twice', () => {
    const tokens = Array.from({ length: 500 }, () => createBearer().reveal());
    for (const token of tokens) expect(token).toMatch(/^flows_[0-9A-Za-z]{38}$/);
    expect(new Set(tokens).size).toBe(500);
    // all characters are used
    expect(new Set(tokens.map((token) => token.slice(6, 38)).join('')).size).toBe(62);
  });

  it('is known by its SHA-256', () => {
    const token = createBearer().reveal();
    expect(bearerHash(token)).toBe(hash('sha256', token, 'hex'));
  });

  it('shows every single wrong character', () => {
    const token = createBearer().reveal();
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === 'x' ? 'y' : 'x';
      expect(bearerHash(`${token.slice(0, at)}${other}${token.slice(at + 1)}`)).toBeUndefined();
    }
  });

  test.each(['', 'flows_', 'x'.repeat(1_000_000), 'ghp_00000000000000000000000000000000000000'])(
    'is nothing else (%#)',
    (text) => {
      const token = createBearer().reveal();
      expect(bearerHash(text)).toBeUndefined();
      for (const wrong of [`${token}\n`, ` ${token}`, `${token}0`, token.slice(0, -1), token.toUpperCase()])
        expect(bearerHash(wrong)).toBeUndefined();
    },
  );

  it('is what anyone else works out: here Python', () => {
    // zlib.crc32 in base62, hashlib.sha256
    const token = 'flows_0123456789abcdefghijABCDEFGHIJxy0PImn9';
    expect(bearerHash(token)).toBe('dfdd94704d8dfb361b64ba034b3b854c2b62c2d2ad10ac0c4badc16ae14ee89e');
  });
});

it('finds the owner of each token that a policy has', () => {
  const agent = { trust: [], allow: [], flows: [], deny: [], maxTtl: undefined, rate: undefined, requireReason: false };
  const owners = bearersOf({
    agents: new Map([
      [
        'a',
        {
          ...agent,
          name: 'a',
          tokens: [
            { sha256: '1', expires: undefined },
            { sha256: '2', expires: 5 },
          ],
        },
      ],
      ['b', { ...agent, name: 'b', tokens: [{ sha256: '3', expires: undefined }] }],
    ]),
  });
  expect([...owners]).toEqual([
    ['1', { agent: 'a', expires: undefined }],
    ['2', { agent: 'a', expires: 5 }],
    ['3', { agent: 'b', expires: undefined }],
  ]);
  expect([isExpired({ expires: 5 }, 4), isExpired({ expires: 5 }, 5), isExpired({ expires: undefined }, 5)]).toEqual([
    false,
    true,
    false,
  ]);
});
