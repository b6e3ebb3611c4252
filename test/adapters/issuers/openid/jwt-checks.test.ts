import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import type { TokenRequest } from '../../../../src/adapters/issuers/contract.ts';
import type { IssuerOptions } from '../../../../src/adapters/issuers/openid/issuer.ts';
import { hostileStand, body, failureOf, secret } from './arrange.ts';
import { type Handler, json } from './hostile.ts';

const { hostile, arrange, token } = await hostileStand();

const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const forged =
  (make: (input: string, claims: Record<string, unknown>) => string | Promise<string>): Handler =>
  async (_, response) => {
    const now = Math.floor(Date.now() / 1000);
    const access_token = await make('', { iss: hostile.issuer, iat: now, exp: now + 300 });
    json(response, { access_token, token_type: 'Bearer', expires_in: 300 });
  };

describe('a token that is not good is never given out', () => {
  const cases: readonly (readonly [string, Handler, Partial<TokenRequest>?, Partial<IssuerOptions>?])[] = [
    ['another issuer', token({ iss: 'https://evil.example' })],
    ['the issuer with a slash more', async (...call) => token({ iss: `${hostile.issuer}/` })(...call)],
    ['no issuer', token({ iss: undefined })],
    ['another audience', token({ aud: 'https://other.example' }), { audience: 'https://api.example' }],
    ['no audience', token({}), { resource: ['https://api.example'] }],
    [
      'one audience of two',
      token({ aud: ['https://a.example'] }),
      { audience: 'https://a.example', resource: ['https://b.example'] },
    ],
    ['an audience in other letters', token({ aud: 'https://API.example' }), { audience: 'https://api.example' }],
    ['expired', token({ exp: Math.floor(Date.now() / 1000) - 10 })],
    ['no expiry', token({ exp: undefined })],
    ['an expiry that is text', token({ exp: '9999999999' })],
    ['not valid yet', token({ nbf: Math.floor(Date.now() / 1000) + 600 })],
    ['made in the future', token({ iat: Math.floor(Date.now() / 1000) + 600 })],
    ['a required claim missing', token({}), { requireClaims: { owner: 'team-a' } }],
    ['a required claim different', token({ owner: 'team-b' }), { requireClaims: { owner: 'team-a' } }],
    ['a required claim of a prototype', token({}), { requireClaims: { constructor: 'x' } }],
    ['the type of a logout token', token({}, { typ: 'logout+jwt' })],
    ['not the type that the issuer is set to', token({}, { typ: 'JWT' }), {}, { typ: 'at+jwt' }],
    ['not the algorithm that the issuer is set to', token({}), {}, { algorithms: ['RS256'] }],
    ['a key that is not in the set', token({}, { kid: 'unknown' })],
    ['an unknown critical header', token({}, { crit: ['x'], x: 1 })],
    ['alg none', forged((_, claims) => `${b64({ alg: 'none', typ: 'at+jwt' })}.${b64(claims)}.`)],
    [
      'HS256 with the public key as secret',
      forged(async (_, claims) => {
        const input = `${b64({ alg: 'HS256', typ: 'at+jwt', kid: 'one' })}.${b64(claims)}`;
        return `${input}.${createHmac('sha256', await hostile.publicPem())
          .update(input)
          .digest('base64url')}`;
      }),
    ],
    [
      'a wrong signature',
      forged(
        async (_, claims) => `${b64({ alg: 'ES256', typ: 'at+jwt', kid: 'one' })}.${b64(claims)}.${'A'.repeat(86)}`,
      ),
    ],
    [
      'claims that were changed',
      forged(async (_, claims) => {
        const [header, , signature] = (await hostile.sign()).split('.');
        return `${header}.${b64({ ...claims, admin: true })}.${signature}`;
      }),
    ],
    ['an opaque token', body({ access_token: 'eyJopaque', token_type: 'Bearer' })],
    ['a JWE', body({ access_token: 'eyJ.a.b.c.d', token_type: 'Bearer' })],
    ['a huge token', body({ access_token: `eyJ${'a'.repeat(100_000)}.a.a`, token_type: 'Bearer' })],
    ['a DPoP token', body({ access_token: 'eyJx', token_type: 'DPoP' })],
    ['no token', body({ token_type: 'Bearer', refresh: 'eyJx' })],
    ['a token that is a number', body({ access_token: 12, token_type: 'Bearer' })],
    ['no token type', body({ access_token: 'eyJx' })],
    [
      'a negative life',
      async (_, response) =>
        json(response, { access_token: await hostile.sign(), token_type: 'Bearer', expires_in: -5 }),
    ],
    [
      'a scope that is missing',
      async (_, response) => json(response, { access_token: await hostile.sign(), token_type: 'Bearer', scope: 'a' }),
      { scope: ['a', 'b'] },
    ],
    [
      'an empty scope',
      async (_, response) => json(response, { access_token: await hostile.sign(), token_type: 'Bearer', scope: '' }),
      { scope: ['a'] },
    ],
    ['a scope that is missing in the token', token({ scope: 'a' }), { scope: ['a', 'b'] }],
    ['broken JSON', body('{"access_token": "eyJ')],
    ['HTML', (_, response) => json(response, '<html>eyJ</html>', 200, { 'content-type': 'text/html' })],
    ['an array', body(['eyJ'])],
    ['201', body({ access_token: 'eyJx', token_type: 'Bearer' }, 201)],
  ];
  const whole = cases.map(([name, handler, request = {}, options = {}]) => [name, handler, request, options] as const);
  it.each(whole)('%s', async (_, handler, request, options) => {
    hostile.handlers.set('/token', handler);
    const error = await failureOf(arrange(options).ask(request));
    expect(error.code).toBe('protocol');
    expect(hostile.count('/token')).toBe(1);
  });
});

describe('a refusal says what came and what was wanted', () => {
  const audience = 'https://api.example';
  const cases: readonly (readonly [
    string,
    Handler,
    readonly string[],
    Partial<TokenRequest>?,
    Partial<IssuerOptions>?,
  ])[] = [
    ['iss', token({ iss: 'https://evil.example/' }), ['"https://evil.example/"', 'http://127.0.0.1']],
    ['no iss', token({ iss: undefined }), ['iss']],
    ['aud with a last slash', token({ aud: `${audience}/` }), [`"${audience}/"`, `"${audience}"`], { audience }],
    ['aud, a list', token({ aud: ['account', 'x'] }), ['["account", "x"]', `"${audience}"`], { audience }],
    ['no aud', token({}), ['its aud is none', audience], { audience }],
    ['typ', token({}, { typ: 'logout+jwt' }), ['"logout+jwt"', '"at+jwt"']],
    ['alg', token({}), ['"ES256"', '"RS256"'], {}, { algorithms: ['RS256'] }],
    ['kid', token({}, { kid: 'unknown' }), ['its kid is "unknown"']],
    ['exp', token({ exp: 1_700_000_000 }), ['2023-11-14T22:13:20.000Z', 'after 2']],
    ['nbf', token({ nbf: 4_000_000_000 }), ['2096-10-02T07:06:40.000Z', 'before 2']],
    ['iat', token({ iat: 4_000_000_000 }), ['2096-10-02T07:06:40.000Z']],
    [
      'control characters',
      token({ aud: 'a\u001b[31m\u202e\n\u00a0b' }),
      ['"a\\u{1b}[31m\\u{202e}\\u{a}\\u{a0}b"'],
      { audience },
    ],
    ['a long one, cut', token({ aud: 'x'.repeat(9_000) }), [`"${'x'.repeat(120)}…"`], { audience }],
    [
      'another claim, by its name alone',
      token({ email: 'ann@example.com' }),
      ['email'],
      { requireClaims: { email: 'x' } },
    ],
    [
      'the client secret, withheld',
      token({ aud: Array.from(secret).toReversed().join('') }),
      ['withheld'],
      { audience },
    ],
  ];
  const whole = cases.map(
    ([name, handler, wanted, request = {}, options = {}]) => [name, handler, wanted, request, options] as const,
  );
  it.each(whole)('%s', async (_, handler, wanted, request, options) => {
    hostile.handlers.set('/token', handler);
    const { code, message } = await failureOf(arrange(options).ask(request));
    expect(code).toBe('protocol');
    for (const part of wanted) expect(message).toContain(part);
    expect(message).not.toContain('ann@example.com');
    expect(message).not.toContain(Array.from(secret).toReversed().join(''));
    expect(message).toMatch(/^[\x20-\x7e…]{1,600}$/);
  });
});

it.each([
  [1e300, undefined],
  [9_000_000_000_000, undefined],
  [4_000_000_000, 4_000_000_000],
])('a token whose own end is %d ends at %s', async (exp, wanted) => {
  hostile.handlers.set('/token', async (_, response) =>
    json(response, { access_token: await hostile.sign({ exp }), token_type: 'Bearer' }),
  );
  expect((await arrange().ask()).expiresAt).toBe(wanted);
});

describe('a key set', () => {
  it.each([
    ['null members', (key: object) => [{ ...key, use: null, alg: null, key_ops: null }]],
    ['neighbours that are no keys', (key: object) => [null, 5, 'RSA', { kty: 'RSA' }, { kty: 'XYZ', kid: '' }, key]],
    ['a key without `kid`, while the token has one', (key: object) => [{ ...key, kid: undefined }]],
    ['such a key with `kid: null`', (key: object) => [{ ...key, kid: null }]],
    [
      'such keys beside named ones',
      (key: object) => [
        { ...key, kid: 'other' },
        { ...key, kid: undefined },
      ],
    ],
  ])('is taken with %s', async (_, keys) => {
    const [key = {}] = await hostile.keys();
    hostile.handlers.set('/jwks', body({ keys: keys(key) }));
    expect(await arrange().ask()).toMatchObject({ tokenType: 'Bearer' });
  });

  it('a key of another name is not tried', async () => {
    const [key = {}] = await hostile.keys();
    hostile.handlers.set('/jwks', body({ keys: [{ ...key, kid: 'other' }] }));
    expect((await failureOf(arrange().ask())).code).toBe('protocol');
  });

  it('with a key that is too short for anything is told as that, and takes no other with it', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const short = { ...publicKey.export({ format: 'jwk' }), use: 'sig' };
    const { privateKey, publicKey: whole } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const claims = { iss: hostile.issuer, iat: 1, exp: 9_000_000_000 };
    const access_token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
    hostile.handlers.set('/token', body({ access_token, token_type: 'Bearer' }));
    hostile.handlers.set('/jwks', body({ keys: [short] }));
    const { code, message } = await failureOf(arrange().ask());
    expect([code, message]).toEqual(['protocol', "a key of the issuer's key set is too short"]);
    hostile.handlers.set('/jwks', body({ keys: [short, whole.export({ format: 'jwk' })] }));
    expect(await arrange().ask()).toMatchObject({ tokenType: 'Bearer' });
  });
});

it('takes a scope with commas where only so it holds what was asked for', async () => {
  hostile.handlers.set('/token', async (_, response) => {
    json(response, { access_token: await hostile.sign(), token_type: 'Bearer', scope: 'a,b' });
  });
  expect((await arrange().ask({ scope: ['a', 'b'] })).scope).toBe('a b');
  expect((await arrange().ask({ scope: ['a,b'] })).scope).toBe('a,b');
  expect((await failureOf(arrange().ask({ scope: ['a', 'c'] }))).code).toBe('protocol');
});
