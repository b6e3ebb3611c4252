import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createRunTokens, type RunClaims } from '../../../src/broker/agent-runs/run-token.ts';
import { isRunToken } from '../../../src/broker/agent-runs/run-token-type.ts';

const seed = (byte: number) => new Uint8Array(32).fill(byte);
const claims: RunClaims = {
  run: 'ar-child',
  root: 'ar-root',
  parent: 'ar-root',
  agent: 'codex',
  begunBy: 'planner',
  jkt: 'thumb',
  expires: 1_900_000_600,
  id: 'id-1',
};
const time = { now: 1_900_000_000_000 };
const now = () => time.now;

describe('the token of an agent run', () => {
  it('says what RFC 7519, 8693 and 9449 have names for, signed with Ed25519', async () => {
    const tokens = await createRunTokens([seed(1)], now);
    const token = (await tokens.mint(claims)).reveal();
    expect(isRunToken(token)).toBe(true);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'flows-run+jwt', kid: tokens.installation });
    const { installation } = tokens;
    const registered = { iss: installation, aud: installation, sub: 'codex', jti: 'id-1', iat: 1_900_000_000 };
    const ours = {
      run: 'ar-child',
      root: 'ar-root',
      parent: 'ar-root',
      act: { sub: 'planner' },
      cnf: { jkt: 'thumb' },
    };
    expect(decodeJwt(token)).toEqual({ ...registered, exp: 1_900_000_600, ...ours });
    expect(await tokens.read(token)).toEqual(claims);
  });

  it('is taken under the former key while keys are changed, and never from another installation', async () => {
    const [old, both, other] = await Promise.all([
      createRunTokens([seed(1)], now),
      createRunTokens([seed(2), seed(1)], now),
      createRunTokens([seed(3)], now),
    ]);
    const token = (await old.mint(claims)).reveal();
    expect(await both.read(token)).toEqual(claims);
    expect(await other.read(token)).toEqual({ problem: 'malformed' });
  });

  it('ends to the second', async () => {
    const at = { now: time.now };
    const tokens = await createRunTokens([seed(1)], () => at.now);
    const token = (await tokens.mint({ ...claims, expires: 1_900_000_001 })).reveal();
    at.now += 999;
    expect(await tokens.read(token)).toMatchObject({ run: 'ar-child' });
    at.now += 1;
    expect(await tokens.read(token)).toEqual({ problem: expect.stringMatching(/^expired/) });
  });

  it('is not one that somebody else signed, of another type, or without a signature', async () => {
    const tokens = await createRunTokens([seed(1)], now);
    const { installation } = tokens;
    const forged = (header: object, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT({ run: 'ar-1', root: 'ar-1' })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'flows-run+jwt', kid: installation, ...header })
        .setIssuer(installation)
        .setAudience(installation)
        .setSubject('codex')
        .setJti('x')
        .setIssuedAt(1_900_000_000)
        .setExpirationTime(1_900_000_600)
        .sign(key);
    const { privateKey } = generateKeyPairSync('ed25519');
    expect(await tokens.read(await forged({}, privateKey))).toEqual({ problem: expect.stringMatching(/^signature/) });
    const hmac = await forged({ alg: 'HS256' }, seed(1));
    expect(await tokens.read(hmac)).toEqual({ problem: expect.stringMatching(/^algorithm/) });
    const [, payload] = hmac.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'flows-run+jwt' })).toString('base64url');
    expect(await tokens.read(`${none}.${payload}.`)).toEqual({ problem: expect.any(String) });
    for (const text of ['', 'x', 'a.b.c', 'x'.repeat(70_000)]) {
      expect(await tokens.read(text)).toEqual({ problem: expect.any(String) });
    }
  });

  it('changed in any of its characters is no token', async () => {
    const tokens = await createRunTokens([seed(1)], now);
    const token = (await tokens.mint(claims)).reveal();
    let refused = 0;
    // the last characters of a part may have bits that mean nothing
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === 'A' ? 'B' : 'A';
      const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
      const same = Buffer.from(changed.split('.')[2] ?? '', 'base64url').equals(
        Buffer.from(token.split('.')[2] ?? '', 'base64url'),
      );
      if (at > token.lastIndexOf('.') && same) continue;
      expect(await tokens.read(changed)).toEqual({ problem: expect.any(String) });
      refused += 1;
    }
    expect(refused).toBeGreaterThan(token.length - 5);
  });
});
