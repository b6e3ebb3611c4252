import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, type CryptoKey, type JWK } from 'jose';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  startIdentityProvider,
  type DevelopmentIdentityProvider,
} from '../../../src/laptop/identity-provider/server.ts';
import { Secret } from '../../../src/foundation/secret.ts';

const audience = 'https://orders.example';
const live = new Secret('new-secret-of-the-rotation');
const former = new Secret('old-secret-of-the-rotation');
// any character that RFC 6749 allows in a secret (appendix A.2: printable ASCII)
const odd = new Secret('s p+a/c%3D=\'s &"~:');

let provider: DevelopmentIdentityProvider;
let signing: CryptoKey;
const reported: unknown[] = [];

beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  signing = pair.privateKey;
  const publicKey: JWK = await exportJWK(pair.publicKey);
  provider = await startIdentityProvider({
    clients: [
      {
        clientId: 'orders',
        secrets: [live, former],
        audiences: [audience, 'orders api'],
        scopes: ['orders:read', 'orders:write'],
        claims: { owner: 'payments', agent_type: 'batch', iss: 'https://not.this.one', tags: ['a'] },
        tokenTtl: 120,
      },
      { clientId: 'reader', secrets: [new Secret('of-the-reader')], scopes: ['orders:read'] },
      { clientId: 'keyed', publicKey, secrets: [new Secret('besides-the-key')] },
      { clientId: 'opaque', secrets: [new Secret('of-the-opaque')], tokenFormat: 'opaque' },
      { clientId: 'odd:id', secrets: [odd] },
      { clientId: 'faulty', secrets: [odd], claims: { cannot: 1n } },
    ],
    agentClaim: {
      claim: 'act.sub',
      parameter: 'agent',
      agents: (clientId) => (clientId === 'orders' ? ['codex', 'local:ada'] : []),
    },
    report: (error) => void reported.push(error),
  });
});
afterAll(() => provider.close());

async function configuration(clientId: string, authentication: client.ClientAuth) {
  return client.discovery(new URL(provider.issuer), clientId, undefined, authentication, {
    execute: [client.allowInsecureRequests],
  });
}

async function grant(clientId: string, secret: Secret, parameters: Record<string, string>) {
  const config = await configuration(clientId, client.ClientSecretPost(secret.reveal()));
  return client.clientCredentialsGrant(config, parameters);
}

async function verified(token: string, expected: { audience?: string } = {}) {
  const keys = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`));
  return jwtVerify(token, keys, { issuer: provider.issuer, typ: 'at+jwt', algorithms: ['ES256'], ...expected });
}

describe('client credentials', () => {
  test('gives an RFC 9068 access token with audience, scope and the claims of the client', async () => {
    const answer = await grant('orders', live, { audience, scope: 'orders:read', purpose: 'a test' });
    expect(answer).toMatchObject({ token_type: 'bearer', expires_in: 120, scope: 'orders:read' });
    const { payload } = await verified(answer.access_token, { audience });
    expect(payload).toMatchObject({
      sub: 'orders',
      client_id: 'orders',
      scope: 'orders:read',
      owner: 'payments',
      agent_type: 'batch',
      tags: ['a'],
    });
    expect(payload.jti).toBeTypeOf('string');
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120);
  });

  test.each([
    ['new', live],
    ['former', former],
  ])('accepts the %s one of two live secrets', async (_name, secret) => {
    const post = await grant('orders', secret, { audience });
    const basic = await configuration('orders', client.ClientSecretBasic(secret.reveal()));
    const answer = await client.clientCredentialsGrant(basic, { audience });
    for (const { access_token: token } of [post, answer]) {
      expect((await verified(token, { audience })).payload.sub).toBe('orders');
    }
  });

  test('takes a secret and an id of any characters by Basic and Post', async () => {
    for (const authentication of [client.ClientSecretBasic(odd.reveal()), client.ClientSecretPost(odd.reveal())]) {
      const config = await configuration('odd:id', authentication);
      const { payload } = await verified((await client.clientCredentialsGrant(config)).access_token);
      expect(payload.sub).toBe('odd:id');
    }
  });

  test('takes private_key_jwt, and a secret of the same client', async () => {
    const keyed = await configuration('keyed', client.PrivateKeyJwt(signing));
    await verified((await client.clientCredentialsGrant(keyed, { audience })).access_token, { audience });
    await grant('keyed', new Secret('besides-the-key'), { audience });
    const other = await generateKeyPair('ES256');
    const forged = await configuration('keyed', client.PrivateKeyJwt(other.privateKey));
    await expect(client.clientCredentialsGrant(forged, { audience })).rejects.toMatchObject({
      error: 'invalid_client',
    });
  });

  test('an assertion instead of a secret is refused for a client without a key', async () => {
    const config = await configuration('orders', client.PrivateKeyJwt(signing));
    await expect(client.clientCredentialsGrant(config, { audience })).rejects.toMatchObject({
      error: 'invalid_client',
    });
  });

  test.each([
    ['an audience that is no URI', { audience: 'orders api' }, 'orders api'],
    ['a resource', { resource: audience }, audience],
    ['both', { resource: audience, audience: 'orders api' }, [audience, 'orders api']],
    ['both, the same', { resource: audience, audience }, audience],
    ['neither: the first of the client', {}, audience],
  ])('audience: %s', async (_name, parameters, expected) => {
    const { payload } = await verified((await grant('orders', live, parameters)).access_token);
    expect(payload.aud).toEqual(expected);
  });

  test('an opaque token where the client has them', async () => {
    const answer = await grant('opaque', new Secret('of-the-opaque'), { audience, scope: 'anything at:all' });
    expect(answer.access_token).not.toContain('.');
    expect(answer).toMatchObject({ scope: 'anything at:all', expires_in: 300 });
  });

  test('a scope that nobody knows is dropped without a word, as the real ones do', async () => {
    expect((await grant('orders', live, { scope: 'orders:read nonsense' })).scope).toBe('orders:read');
  });

  test.each([
    ['wrong secret', 'orders', 'not-it', {}, 401, 'invalid_client'],
    ['empty secret', 'orders', '', {}, 401, 'invalid_client'],
    ["another client's secret", 'orders', 'of-the-reader', {}, 401, 'invalid_client'],
    ['unknown client', 'nobody', 'not-it', {}, 401, 'invalid_client'],
    ['unknown audience', 'orders', undefined, { audience: 'https://other.example' }, 400, 'invalid_target'],
    ['unknown resource', 'orders', undefined, { resource: 'https://other.example' }, 400, 'invalid_target'],
    ['good resource, bad audience', 'orders', undefined, { resource: audience, audience: 'x' }, 400, 'invalid_target'],
    ['a resource that is no URI', 'orders', undefined, { resource: 'orders api' }, 400, 'invalid_target'],
    ['known scope of another client', 'reader', 'of-the-reader', { scope: 'orders:write' }, 400, 'invalid_scope'],
    ['unknown grant', 'orders', undefined, { grant_type: 'password' }, 400, 'unsupported_grant_type'],
  ])('%s', async (_name, clientId, secret, parameters, status, error) => {
    const before = provider.requests().token;
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: secret ?? live.reveal(),
        ...parameters,
      }),
    });
    const body: unknown = await response.json();
    expect(response.status).toBe(status);
    expect(body).toMatchObject({ error });
    expect(body).not.toHaveProperty('access_token');
    expect(provider.requests().token).toBe(before + 1);
  });

  test('an audience given twice is refused', async () => {
    const body = `grant_type=client_credentials&client_id=orders&client_secret=${live.reveal()}&audience=a&audience=b`;
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });
    expect(response.status).toBe(400);
  });
});

describe('faults for tests', () => {
  test.each([
    ['issuer', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['audience', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['expired', 'ERR_JWT_EXPIRED'],
    ['signature', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
  ] as const)('a token with a wrong %s, once', async (forgery, code) => {
    provider.faults.forgeNextToken(forgery);
    const bad = await grant('orders', live, { audience });
    await expect(verified(bad.access_token, { audience })).rejects.toMatchObject({ code });
    const good = await grant('orders', live, { audience });
    await verified(good.access_token, { audience });
  });

  test('an answer of our choice, once', async () => {
    provider.faults.nextToken({ status: 429, headers: { 'Retry-After': '7' }, body: { error: 'too_many_requests' } });
    const failed = await grant('orders', live, {}).catch((error: unknown) => error);
    expect(failed).toMatchObject({ status: 429, error: 'too_many_requests' });
    await grant('orders', live, {});
  });

  test('a discovery document of our choice, once', async () => {
    provider.faults.nextDiscovery({ status: 200, body: '<html>' });
    await expect(grant('orders', live, {})).rejects.toMatchObject({ code: 'OAUTH_RESPONSE_IS_NOT_JSON' });
    await expect(grant('orders', live, {})).resolves.toHaveProperty('access_token');
  });

  test('an answer that takes its time', async () => {
    provider.faults.nextToken({ delay: 5000 });
    const asked = fetch(`${provider.issuer}/token`, { method: 'POST', signal: AbortSignal.timeout(100) });
    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' });
    await expect(grant('orders', live, {})).resolves.toHaveProperty('access_token');
  });

  test('a lost answer', async () => {
    provider.faults.nextToken({ lose: true });
    await expect(grant('orders', live, {})).rejects.toBeInstanceOf(TypeError);
    await grant('orders', live, {});
  });

  test('a clock that is off', async () => {
    provider.faults.skewDate(-90);
    const skewed = await fetch(`${provider.issuer}/jwks`);
    provider.faults.skewDate(0);
    const off = Date.parse(skewed.headers.get('date') ?? '') - Date.now();
    expect(Math.abs(off + 90_000)).toBeLessThan(5000);
    const right = await fetch(`${provider.issuer}/jwks`);
    expect(Math.abs(Date.parse(right.headers.get('date') ?? '') - Date.now())).toBeLessThan(5000);
  });
});

describe('start', () => {
  test('a fault within leaves as a fixed answer, and is reported', async () => {
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'faulty',
        client_secret: odd.reveal(),
      }),
    });
    const body: unknown = await response.json();
    expect([response.status, body]).toMatchObject([500, { error: 'server_error' }]);
    expect(JSON.stringify(body)).not.toMatch(/bigint/i);
    expect(reported).toEqual([expect.any(TypeError)]);
  });

  test('a port that is taken, and one that was given back', async () => {
    const port = Number(new URL(provider.issuer).port);
    await expect(startIdentityProvider({ clients: [], port })).rejects.toMatchObject({ code: 'unavailable' });
    const first = await startIdentityProvider({ clients: [] });
    await first.close();
    const again = await startIdentityProvider({ clients: [], port: Number(new URL(first.issuer).port) });
    expect(again.issuer).toBe(first.issuer);
    await again.close();
  });

  test.each([
    ['a client without credentials', { clients: [{ clientId: 'x' }] }],
    ['two clients with one id', { clients: [1, 2].map(() => ({ clientId: 'x', secrets: [odd] })) }],
    [
      'two users with one name',
      { clients: [], users: ['Ada', 'ada'].map((userName) => ({ userName, password: odd })) },
    ],
  ])('%s is a mistake of the caller', async (_name, options) => {
    await expect(startIdentityProvider(options)).rejects.toBeInstanceOf(TypeError);
  });

  test('a page of another site whose name resolves to loopback gets nothing', async () => {
    const { request } = await import('node:http');
    const { port } = new URL(provider.issuer);
    const status = await new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/', headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(status).toBe(421);
  });
});

describe('tokens that say which agent they are for', () => {
  test.each(['codex', 'local:ada'])('name %s, who is on the list of the client', async (agent) => {
    const { access_token: token } = await grant('orders', live, { audience, agent });
    expect((await verified(token, { audience })).payload['act']).toEqual({ sub: agent });
  });

  test.each([
    ['an agent on nobody’s list', 'orders', live, 'mallory'],
    ['an agent of another client', 'reader', new Secret('of-the-reader'), 'codex'],
  ])('are not given for %s', async (_, clientId, secret, agent) => {
    await expect(grant(clientId, secret, { agent })).rejects.toMatchObject({ error: 'invalid_request' });
  });

  test('name nobody where nobody is asked for', async () => {
    const { access_token: token } = await grant('orders', live, { audience });
    expect((await verified(token)).payload['act']).toBeUndefined();
  });
});

const typeOf = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;

describe('token exchange', () => {
  async function exchange(parameters: Record<string, string>, clientId = 'orders', secret = live) {
    const config = await configuration(clientId, client.ClientSecretPost(secret.reveal()));
    const whole = { subject_token_type: typeOf('access_token'), ...parameters };
    return client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', whole);
  }
  const tokenOf = async (clientId: string, secret: Secret, more: Record<string, string> = {}) =>
    (await grant(clientId, secret, more)).access_token;

  test('gives a token about the subject, for another audience, with less scope', async () => {
    const subject = await tokenOf('reader', new Secret('of-the-reader'), { scope: 'orders:read' });
    const answer = await exchange({ subject_token: subject, audience, scope: 'orders:read' });
    expect(answer).toMatchObject({ issued_token_type: typeOf('access_token'), scope: 'orders:read', expires_in: 120 });
    const { payload } = await verified(answer.access_token, { audience });
    expect(payload).toMatchObject({ sub: 'reader', client_id: 'orders' });
    expect(payload['act']).toBeUndefined();
  });

  test('says who acts, and in that who acted before', async () => {
    const [user, agent] = [
      await tokenOf('orders', live, { audience, agent: 'codex' }),
      await tokenOf('reader', new Secret('of-the-reader')),
    ];
    const actor = { actor_token: agent, actor_token_type: typeOf('access_token') };
    const { access_token: token } = await exchange({ subject_token: user, audience, ...actor });
    expect((await verified(token)).payload['act']).toEqual({ sub: 'reader', act: { sub: 'codex' } });
    const again = await exchange({ subject_token: token, audience });
    expect((await verified(again.access_token)).payload['act']).toEqual({ sub: 'reader', act: { sub: 'codex' } });
  });

  test.each([
    ['a token of another issuer', { subject_token: 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA' }, 'invalid_request'],
    ['an opaque token', { subject_token: 'opaque' }, 'invalid_request'],
    ['an empty token', { subject_token: '' }, 'invalid_request'],
    ['a type that it does not take', { subject_token_type: typeOf('saml2') }, 'invalid_request'],
    ['a type that it does not give', { requested_token_type: typeOf('refresh_token') }, 'invalid_request'],
    ['an audience of another client', { audience: 'https://else.example' }, 'invalid_target'],
  ])('refuses %s', async (_, change, error) => {
    const good = await tokenOf('reader', new Secret('of-the-reader'));
    await expect(exchange({ subject_token: good, ...change })).rejects.toMatchObject({ error });
  });
});

describe('revocation', () => {
  test('ends a JWT for this provider: no exchange takes it; another client’s, and none at all, is left alone', async () => {
    const config = await configuration('orders', client.ClientSecretPost(live.reveal()));
    const other = await configuration('reader', client.ClientSecretPost('of-the-reader'));
    const { access_token: token } = await grant('orders', live, { audience });
    const exchanged = () =>
      client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', {
        subject_token: token,
        subject_token_type: typeOf('access_token'),
        audience,
      });
    await client.tokenRevocation(other, token);
    await client.tokenRevocation(config, 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA');
    await exchanged();
    for (const _ of [1, 2]) await client.tokenRevocation(config, token);
    await expect(exchanged()).rejects.toMatchObject({ error: 'invalid_request' });
    // an API that verifies it by itself does not notice
    await verified(token, { audience });
  });

  test('wants the client’s own secret', async () => {
    const { access_token: token } = await grant('orders', live, { audience });
    const config = await configuration('orders', client.ClientSecretPost('wrong'));
    await expect(client.tokenRevocation(config, token)).rejects.toMatchObject({ error: 'invalid_client' });
  });
});
