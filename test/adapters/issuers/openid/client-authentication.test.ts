import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type DevelopmentIdentityProvider,
  startIdentityProvider,
} from '../../../../src/laptop/identity-provider/server.ts';
import { authenticationOf, basicHeader } from '../../../../src/adapters/openid-client/client-authentication.ts';
import type { Assertion, TokenRequest } from '../../../../src/adapters/issuers/contract.ts';
import { createIssuer } from '../../../../src/adapters/issuers/openid/issuer.ts';
import type { FlowError } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { credential, failureOf } from './arrange.ts';
import { certified } from './certificates.ts';
import { type Handler, json, startHostileIssuer } from './hostile.ts';

/** every kind of character that RFC 6749 lets a secret have */
const awkward = ' +%2B:/=&~!*()"\'\\ ';
const pairs: Readonly<Record<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>> = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ed25519: generateKeyPairSync('ed25519'),
};
const pair = (name: string) => pairs[name] ?? expect.unreachable();
const publicJwk = (name: string): JWK => ({ ...pair(name).publicKey.export({ format: 'jwk' }), kid: name });
const privateJwk = (name: string, more: object = {}) =>
  JSON.stringify({ ...pair(name).privateKey.export({ format: 'jwk' }), ...more });
const pem = (name: string, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  pair(name).privateKey.export({ format: 'pem', type }).toString();

/** oidc-provider, with the real libraries on both sides. */
let provider: DevelopmentIdentityProvider;
beforeAll(async () => {
  provider = await startIdentityProvider({
    clients: [
      { clientId: 'with secrets', secrets: [new Secret(awkward), new Secret('the-second-secret')] },
      ...Object.keys(pairs).map((name) => ({ clientId: name, publicKey: publicJwk(name) })),
    ],
  });
});
afterAll(async () => {
  await provider.close();
});

function ask(request: Partial<TokenRequest>) {
  const issuer = createIssuer({ name: 'main', url: provider.issuer, development: true });
  return issuer.clientCredentials({
    clientId: 'with secrets',
    audience: 'https://api.example',
    tokenFormat: 'jwt',
    warn: () => undefined,
    ...request,
  });
}

describe('a client is accepted by a real provider', () => {
  it.each(['client_secret_post', 'client_secret_basic', undefined] as const)(
    'with its secret, %s',
    async (authentication) => {
      const token = await ask({ authentication, clientSecrets: [credential(awkward)] });
      expect(token).toMatchObject({ tokenType: 'Bearer', expiresAt: expect.any(Number) });
    },
  );

  it('not with its secret trimmed', async () => {
    const error = await failureOf(ask({ clientSecrets: [credential(awkward.trim())] }));
    expect(error).toMatchObject({ code: 'denied', place: { subject: 'op://v/i/credential' } });
  });

  it.each([
    ['rsa, PEM', 'rsa', () => pem('rsa')],
    ['rsa, PEM with space around', 'rsa', () => `\n${pem('rsa')}\n\n`],
    ['rsa, PKCS #1', 'rsa', () => pem('rsa', 'pkcs1')],
    [
      'rsa, JWK with RS256',
      'rsa',
      () => privateJwk('rsa', { alg: 'RS256', kid: 'rsa', use: 'sig', key_ops: ['sign'] }),
    ],
    ['rsa, JWK with PS256', 'rsa', () => privateJwk('rsa', { alg: 'PS256' })],
    ['P-256, PEM', 'p256', () => pem('p256')],
    ['P-256, SEC1', 'p256', () => pem('p256', 'sec1')],
    ['P-256, JWK', 'p256', () => privateJwk('p256', { kid: 'p256' })],
    ['Ed25519, PEM', 'ed25519', () => pem('ed25519')],
  ])('with its key: %s', async (_, clientId, key) => {
    await expect(ask({ clientId, clientKey: credential(key()) })).resolves.toMatchObject({ tokenType: 'Bearer' });
  });

  it('not with the key of another one', async () => {
    expect((await failureOf(ask({ clientId: 'rsa', clientKey: credential(pem('p256')) }))).code).toBe('denied');
  });

  it.each([
    ['text', () => 'not a key'],
    ['a PEM that is cut', () => pem('rsa').slice(0, 300)],
    ['a public PEM', () => pair('rsa').publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    ['a public JWK', () => JSON.stringify(publicJwk('rsa'))],
    ['broken JSON', () => '{"kty":"EC","d":"canary'],
    ['a symmetric JWK', () => JSON.stringify({ kty: 'oct', k: 'Y2FuYXJ5', d: 'x', alg: 'HS256' })],
    ['a JWK for encryption', () => privateJwk('rsa', { alg: 'RSA-OAEP' })],
    ['a JWK with an unknown algorithm', () => privateJwk('p256', { alg: 'ES999' })],
    [
      'an X25519 PEM',
      () => generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    ],
    [
      'an encrypted PEM',
      () =>
        pair('p256')
          .privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
    ],
    ['nothing', () => ''],
  ])('not with %s for a key, which is told before anything is sent with it', async (_, key) => {
    const before = provider.requests().token;
    const error = await failureOf(ask({ clientId: 'rsa', clientKey: credential(key()) }));
    expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://v/i/credential' } });
    expect(provider.requests().token).toBe(before);
  });
});

it.each([
  ['P-256', 'ES256', []],
  ['P-384', 'ES384', []],
  ['P-521', 'ES512', []],
  ['rsa', 'RS256', []],
  ['rsa', 'RS256', ['RS256', 'PS256']],
  ['rsa', 'PS256', ['PS256', 'ES256']],
])('an assertion with a key of %s is signed with %s', async (kind, algorithm, listed) => {
  const hostile = await startHostileIssuer();
  const { privateKey } = kind === 'rsa' ? pair('rsa') : generateKeyPairSync('ec', { namedCurve: kind });
  hostile.handlers.set('/.well-known/openid-configuration', (_, response) => {
    const metadata = { ...hostile.metadata, token_endpoint_auth_signing_alg_values_supported: listed };
    // its clock is an hour ahead
    json(response, metadata, 200, { date: new Date(Date.now() + 3_600_000).toUTCString() });
  });
  const issuer = createIssuer({ name: 'main', url: hostile.issuer, development: true });
  const clientKey = credential(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  await issuer.clientCredentials({ clientId: 'c', clientKey, tokenFormat: 'jwt', warn: () => undefined });
  await hostile.close();
  const form = hostile.seen.find(({ path }) => path === '/token')?.form;
  const assertion = form?.get('client_assertion') ?? '';
  expect(decodeProtectedHeader(assertion)).toEqual({ alg: algorithm });
  const claims = decodeJwt(assertion);
  expect(claims).toMatchObject({ iss: 'c', sub: 'c', aud: hostile.issuer });
  expect(claims.iat ?? 0).toBeGreaterThan(Date.now() / 1000 + 3590);
  expect(form?.has('client_secret')).toBe(false);
});

describe('the authentication, where none is asked for', () => {
  const secrets = { clientSecrets: [credential('x')] };
  it.each([
    [secrets, undefined, 'client_secret_post'],
    [secrets, ['client_secret_basic', 'client_secret_post'], 'client_secret_post'],
    [secrets, ['client_secret_basic'], 'client_secret_basic'],
    [secrets, ['private_key_jwt'], 'client_secret_post'],
    [secrets, 'client_secret_basic' as never, 'client_secret_post'],
    [{ clientKey: credential('x') }, ['client_secret_basic'], 'private_key_jwt'],
    [{ ...secrets, authentication: 'client_secret_basic' as const }, ['client_secret_post'], 'client_secret_basic'],
  ])('case %#', (given, supported, wanted) => {
    const request: TokenRequest = { clientId: 'c', tokenFormat: 'jwt', warn: () => undefined, ...given };
    const metadata = { token_endpoint_auth_methods_supported: supported };
    expect(authenticationOf(request, metadata)).toBe(wanted);
  });
});

it('a real provider answers as asked: audience, resources, scope; and what it drops is told', async () => {
  const clientSecrets = [credential(awkward)];
  const one = await ask({ clientSecrets, audience: undefined, resource: ['https://a.example/'], scope: ['a', 'b'] });
  expect(one.scope?.split(' ').toSorted()).toEqual(['a', 'b']);
  const rotated = await ask({ clientSecrets: [credential('wrong'), credential('the-second-secret')] });
  expect(rotated.tokenType).toBe('Bearer');
  expect((await failureOf(ask({ clientSecrets, requireClaims: { owner: 'team' } }))).code).toBe('protocol');
});

it('a token from a real provider is verified, and refused by another one', async () => {
  const { accessToken } = await ask({ clientSecrets: [credential(awkward)] });
  const issuer = createIssuer({ name: 'main', url: provider.issuer, development: true });
  const { header, claims } = await issuer.verify(accessToken, { audience: 'https://api.example' });
  expect(header).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
  expect(claims).toMatchObject({ iss: provider.issuer, aud: 'https://api.example' });
  await expect(issuer.verify(accessToken, { audience: 'https://other.example' })).rejects.toMatchObject({
    code: 'protocol',
  });
  const other = await startIdentityProvider({ clients: [] });
  const stranger = createIssuer({ name: 'other', url: other.issuer, development: true });
  await expect(stranger.verify(accessToken, {})).rejects.toMatchObject({ code: 'protocol' });
  await other.close();
});

describe('Basic', () => {
  // RFC 6749, section 2.3.1: form-encoded first; RFC 3986, section 2.3: what needs no escape
  it.each([
    ['-_.~', '-_.~'],
    ['a b+c%d:e', 'a+b%2Bc%25d%3Ae'],
    ["!'()*", '%21%27%28%29%2A'],
    ['ü€', '%C3%BC%E2%82%AC'],
  ])('sends %j as %j', (value, wanted) => {
    const decoded = Buffer.from(basicHeader(value, new Secret(value)).replace('Basic ', ''), 'base64').toString();
    expect(decoded).toBe(`${wanted}:${wanted}`);
    expect(new URLSearchParams(`v=${wanted}`).get('v')).toBe(value);
  });

  const basicOnly =
    (challenge: Record<string, string>): Handler =>
    async (request, response) => {
      const ours = request.headers.authorization === basicHeader('c', new Secret('s-e_c.r~et'));
      if (ours) json(response, { access_token: 'opaque', token_type: 'Bearer' });
      else json(response, { error: 'invalid_client' }, 401, challenge);
    };
  const basic = { 'www-authenticate': 'Bearer realm="x", Basic realm="y"' };

  it.each([
    // what was accepted is what is tried first from then on
    ['is tried where no methods are listed', undefined, {}, undefined, [2, 1]],
    ['is tried where it is asked for', ['client_secret_post', 'client_secret_basic'], basic, undefined, [2, 1]],
    ['is not tried where nobody asks', ['client_secret_post', 'client_secret_basic'], {}, undefined, [1, 1, 'denied']],
    ['is not tried where it is not listed', ['client_secret_post'], basic, undefined, [1, 1, 'denied']],
    ['is not tried where the flow says otherwise', undefined, basic, 'client_secret_post', [1, 1, 'denied']],
  ] as const)('%s', async (_, methods, challenge, authentication, requests) => {
    const hostile = await startHostileIssuer();
    hostile.handlers.set('/token', basicOnly(challenge));
    hostile.handlers.set('/.well-known/openid-configuration', (__, response) => {
      json(response, { ...hostile.metadata, token_endpoint_auth_methods_supported: methods });
    });
    const issuer = createIssuer({ name: 'main', url: hostile.issuer, development: true });
    const clientSecrets = [credential('s-e_c.r~et')];
    const request: TokenRequest = {
      clientId: 'c',
      clientSecrets,
      tokenFormat: 'opaque',
      authentication,
      warn: () => undefined,
    };
    const outcome = async () => {
      const before = issuer.requests();
      const code = await issuer.clientCredentials(request).then(
        () => [],
        (error: FlowError) => [error.code],
      );
      return [issuer.requests() - before, ...code];
    };
    const [first, second] = [await outcome(), await outcome()];
    expect([first[0], second[0], ...first.slice(1)]).toEqual(requests);
    await hostile.close();
  });
});

describe('an assertion', () => {
  const key = credential(certified.key);
  const certificate = credential(certified.certificate, 'op://v/i/certificate');

  async function sent(assertion: Assertion) {
    const hostile = await startHostileIssuer();
    const issuer = createIssuer({ name: 'main', url: hostile.issuer, development: true });
    const request: TokenRequest = {
      clientId: 'c',
      clientKey: key,
      assertion,
      tokenFormat: 'jwt',
      warn: () => undefined,
    };
    try {
      await issuer.clientCredentials(request);
      const jwt = hostile.seen.find(({ path }) => path === '/token')?.form.get('client_assertion') ?? '';
      return { header: decodeProtectedHeader(jwt), claims: decodeJwt(jwt), issuer: hostile.issuer };
    } finally {
      await hostile.close();
    }
  }

  it('says its audience, and the id of its key', async () => {
    const { header, claims } = await sent({ audience: 'https://login.example/token', keyId: 'k1' });
    expect(header).toEqual({ alg: 'ES256', kid: 'k1' });
    expect(claims.aud).toBe('https://login.example/token');
  });

  it('says the certificate of its key as openssl does', async () => {
    const { header, claims, issuer } = await sent({ certificate });
    expect(header).toEqual({ alg: 'ES256', x5t: certified.sha1, 'x5t#S256': certified.sha256 });
    expect(claims.aud).toBe(issuer);
  });

  it.each([
    ['no certificate', 'canary', 'is not one'],
    ['the certificate of another key', certified.other, 'not that of the client key'],
  ])('is not sent with %s', async (_, text, words) => {
    const error = await failureOf(sent({ certificate: credential(text, 'op://v/i/certificate') }));
    expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://v/i/certificate' } });
    expect(error.message).toContain(words);
  });
});

it.each([
  ['client_secret_post', { clientSecrets: [credential('x')] }],
  ['private_key_jwt', { clientKey: credential(certified.key) }],
])('%s is tried once more where the issuer closed the connection meanwhile, an assertion anew', async (_, given) => {
  const hostile = await startHostileIssuer();
  hostile.handlers.set('/token', (request) => {
    hostile.handlers.delete('/token');
    request.socket.destroy();
  });
  const issuer = createIssuer({ name: 'main', url: hostile.issuer, development: true });
  await issuer.clientCredentials({ clientId: 'c', tokenFormat: 'jwt', warn: () => undefined, ...given });
  const sent = hostile.seen.filter(({ path }) => path === '/token').map(({ form }) => form.get('client_assertion'));
  await hostile.close();
  expect(sent).toHaveLength(2);
  expect(new Set(sent).size).toBe('clientKey' in given ? 2 : 1);
});
