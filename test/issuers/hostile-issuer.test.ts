import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FlowError } from '../../src/errors.ts';
import type { Credential, TokenRequest } from '../../src/issuers/contract.ts';
import { createIssuer, type IssuerOptions } from '../../src/issuers/openid.ts';
import { Secret } from '../../src/secret.ts';
import { type Handler, type HostileIssuer, json, startHostileIssuer } from './hostile.ts';

const secret = 'canary+5e/cr=et%2FvA l"ue';
const discovery = '/.well-known/openid-configuration';
let hostile: HostileIssuer;
beforeAll(async () => {
  hostile = await startHostileIssuer();
});
beforeEach(() => {
  hostile.reset();
});
afterAll(async () => {
  await hostile.close();
});

const credential = (value: string, label = 'op://v/i/credential'): Credential => ({
  label,
  read: async () => new Secret(value),
});

function arrange(options: Partial<IssuerOptions> = {}) {
  const warnings: string[] = [];
  const issuer = createIssuer({ name: 'main', url: hostile.issuer, development: true, ...options });
  const ask = (more: Partial<TokenRequest> = {}) =>
    issuer.clientCredentials({
      clientId: 'client-canary',
      clientSecrets: [credential(secret)],
      tokenFormat: 'jwt',
      warn: (message) => {
        warnings.push(message);
      },
      ...more,
    });
  return { issuer, ask, warnings };
}

/** The error, of which nothing that anybody could print holds the secret or a token. */
async function failureOf(work: Promise<unknown>): Promise<FlowError> {
  const error: unknown = await work.then(
    (value) => value,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FlowError);
  const text = `${inspect(error, { depth: 20, showHidden: true })} ${error instanceof FlowError ? error.line() : ''}`;
  for (const form of [
    secret,
    'canary+5e',
    'client-canary',
    encodeURIComponent(secret),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64').slice(0, 20),
    'eyJ',
  ]) {
    expect(text).not.toContain(form);
  }
  return error as FlowError;
}

const token =
  (claims: Record<string, unknown>, header: Record<string, unknown> = {}): Handler =>
  async (_, response) => {
    json(response, { access_token: await hostile.sign(claims, header), token_type: 'Bearer', expires_in: 300 });
  };
const body =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    json(response, value, status, headers);
  };
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

describe('a refusal', () => {
  const cases: readonly (readonly [string, Handler, string, number?])[] = [
    ['wrong secret (RFC 6749)', body({ error: 'invalid_client' }, 401), 'denied'],
    [
      'wrong secret with a challenge',
      body({ error: 'invalid_client' }, 401, { 'www-authenticate': 'Basic realm="x", error="invalid_client"' }),
      'denied',
    ],
    [
      'wrong secret (Keycloak)',
      body({ error: 'unauthorized_client', error_description: 'Invalid client or Invalid client credentials' }, 401),
      'denied',
    ],
    ['wrong secret (Auth0)', body({ error: 'access_denied', error_description: 'Unauthorized' }, 401), 'denied'],
    ['wrong secret, no body', body('', 401), 'denied'],
    [
      'disabled (Keycloak)',
      body({ error: 'invalid_request', error_description: "User 'service-account-x' disabled" }, 400),
      'denied',
    ],
    [
      'unknown audience (Auth0)',
      body({ error: 'access_denied', error_description: 'Service not found' }, 403),
      'denied',
    ],
    ['unknown resource', body({ error: 'invalid_target' }, 400), 'denied'],
    ['invalid scope', body({ error: 'invalid_scope' }, 400), 'denied'],
    ['no such grant', body({ error: 'unsupported_grant_type' }, 400), 'denied'],
    ['invalid request', body({ error: 'invalid_request' }, 400), 'denied'],
    ['an error of its own', body({ error: 'mfa_required' }, 400), 'denied'],
    ['an error with 200', body({ error: 'invalid_scope' }), 'denied'],
    ['forbidden by a proxy', body('<html>', 403, { 'content-type': 'text/html' }), 'denied'],
    ['429 with seconds', body('', 429, { 'retry-after': '30' }), 'rate-limited', 30],
    ['429 without', body({ error: 'too_many_requests' }, 429), 'rate-limited'],
    ['429 with nonsense', body('', 429, { 'retry-after': 'soon' }), 'rate-limited'],
    [
      '429 with a quota (Auth0)',
      body({}, 429, { 'auth0-client-quota-limit': 'b=per_hour;q=10;r=0;t=77,b=per_day;q=50;r=7;t=9000' }),
      'rate-limited',
      77,
    ],
    ['503 with HTML', body('<html>', 503, { 'content-type': 'text/html', 'retry-after': '5' }), 'unavailable', 5],
    ['500', body('', 500), 'unavailable'],
    ['temporarily unavailable', body({ error: 'temporarily_unavailable' }, 400), 'unavailable'],
    ['no such page', body('<html>', 404, { 'content-type': 'text/html' }), 'protocol'],
    ['redirect', body('', 307, { location: 'https://evil.example/token' }), 'refused'],
    ['redirect to itself', body('', 302, { location: '/token' }), 'refused'],
    ['a description that is an object', body({ error: 'invalid_scope', error_description: { a: 1 } }, 400), 'denied'],
    ['an error that is an object', body({ error: { a: 1 } }, 400), 'protocol'],
  ];
  const whole = cases.map(([name, handler, code, retryAfter]) => [name, handler, code, retryAfter] as const);
  it.each(whole)('%s', async (_, handler, code, retryAfter) => {
    hostile.handlers.set('/token', handler);
    const error = await failureOf(arrange().ask());
    expect({ code: error.code, retryAfter: error.retryAfter }).toEqual({ code, retryAfter });
    expect(error.hint ?? '').not.toBe('');
    expect(hostile.count('/token')).toBe(1);
  });

  it('tells a Retry-After date in seconds', async () => {
    hostile.handlers.set('/token', body('', 429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }));
    const { retryAfter } = await failureOf(arrange().ask());
    expect(retryAfter).toBeGreaterThan(55);
    expect(retryAfter).toBeLessThanOrEqual(61);
  });

  it.each([
    ['plain', (value: string) => value],
    ['URL-encoded', encodeURIComponent],
    ['in base64', (value: string) => Buffer.from(value).toString('base64')],
    ['in base64, behind the client id', (value: string) => Buffer.from(`client-canary:${value}`).toString('base64')],
    ['in base64url', (value: string) => Buffer.from(`c:${value}`).toString('base64url')],
    ['in hex', (value: string) => Buffer.from(value).toString('hex').toUpperCase()],
    ['as JSON', (value: string) => JSON.stringify(value)],
    ['cut', (value: string) => value.slice(3, 15)],
    ['in capitals', (value: string) => value.toUpperCase()],
    ['behind a long text', (value: string) => `${'x'.repeat(180)}${value}`],
  ])('that repeats the secret %s withholds it', async (_, form) => {
    hostile.handlers.set('/token', body({ error: 'invalid_request', error_description: `bad: ${form(secret)}` }, 400));
    const error = await failureOf(arrange().ask());
    expect(error.message).toContain('withheld');
    expect(error.message).not.toContain(form(secret).slice(0, 12));
  });

  it('shows an explanation on one line, bounded, without the client id', async () => {
    const error_description = `client client-canary\u001b[31m\n${'long '.repeat(500)}`;
    hostile.handlers.set('/token', body({ error: 'invalid_scope', error_description }, 400));
    const { message } = await failureOf(arrange().ask());
    expect(message).toContain('client [client-id]');
    expect(message).toMatch(/^[\x20-\x7e…]{1,400}$/);
  });

  it('that repeats the assertion withholds it', async () => {
    const { privateKey } = await import('node:crypto').then(({ generateKeyPairSync }) =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    );
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    hostile.handlers.set('/token', ({ form }, response) => {
      json(response, { error: 'invalid_client', error_description: form.get('client_assertion') }, 401);
    });
    const error = await failureOf(arrange().ask({ clientSecrets: undefined, clientKey: credential(pem) }));
    expect(error).toMatchObject({ code: 'denied' });
  });
});

describe('discovery', () => {
  const change =
    (values: Record<string, unknown>): Handler =>
    (_, response) => {
      json(response, { ...hostile.metadata, ...values });
    };
  const cases: readonly (readonly [string, Handler, string])[] = [
    ['another issuer', change({ issuer: 'https://evil.example' }), 'protocol'],
    ['no issuer', change({ issuer: undefined }), 'protocol'],
    ['an issuer that is no URL', change({ issuer: 'main' }), 'protocol'],
    ['no token endpoint', change({ token_endpoint: undefined }), 'protocol'],
    ['a token endpoint that is an object', change({ token_endpoint: {} }), 'protocol'],
    ['a token endpoint in plain http elsewhere', change({ token_endpoint: 'http://evil.example/token' }), 'refused'],
    ['a token endpoint of another scheme', change({ token_endpoint: 'file:///etc/passwd' }), 'refused'],
    ['a token endpoint with a password', change({ token_endpoint: 'https://a:b@evil.example/token' }), 'refused'],
    ['broken JSON', body('{'), 'protocol'],
    ['an array', body([]), 'protocol'],
    ['null', body('null'), 'protocol'],
    ['HTML', body('<html>', 200, { 'content-type': 'text/html' }), 'protocol'],
    ['404', body({}, 404), 'protocol'],
    ['503', body({}, 503), 'unavailable'],
    ['429', body({}, 429, { 'retry-after': '9' }), 'rate-limited'],
    ['redirect', body('', 301, { location: 'https://evil.example/' }), 'refused'],
    ['too large', body(`{"a":"${'a'.repeat(1_100_000)}"}`), 'protocol'],
  ];
  it.each(cases)('%s', async (_, handler, code) => {
    hostile.handlers.set(discovery, handler);
    const error = await failureOf(arrange().ask());
    expect(error.code).toBe(code);
    expect(hostile.count('/token')).toBe(0);
  });

  it.each([
    ['a key set in plain http elsewhere', { jwks_uri: 'http://evil.example/jwks' }, 'refused'],
    ['no key set', { jwks_uri: undefined }, 'protocol'],
  ])('%s', async (_, values, code) => {
    hostile.handlers.set(discovery, change(values));
    expect((await failureOf(arrange().ask())).code).toBe(code);
  });

  it.each([
    ['503', body('', 503), 'unavailable'],
    ['broken', body('{'), 'protocol'],
    ['not a key set', body({ keys: 7 }), 'protocol'],
    ['a redirect', body('', 302, { location: '/' }), 'refused'],
  ])('a key set that is %s', async (_, handler, code) => {
    hostile.handlers.set('/jwks', handler);
    expect((await failureOf(arrange().ask())).code).toBe(code);
  });

  it('is asked once by many callers, and again after a failure', async () => {
    hostile.handlers.set(discovery, body({}, 503));
    const { ask } = arrange();
    await Promise.allSettled(Array.from({ length: 20 }, () => ask()));
    expect(hostile.count(discovery)).toBe(1);
    hostile.handlers.clear();
    await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect([hostile.count(discovery), hostile.count('/jwks'), hostile.count('/token')]).toEqual([2, 1, 20]);
  });

  it('is asked again after an hour; the old document serves where that fails', async () => {
    let clock = Date.now();
    const { ask } = arrange({ now: () => clock });
    await ask();
    clock += 3_599_000;
    hostile.handlers.set(discovery, body({}, 503));
    hostile.handlers.set('/token', token({ iat: undefined, exp: Math.floor(clock / 1000) + 9000 }));
    await ask();
    expect(hostile.count(discovery)).toBe(1);
    clock += 2000;
    await ask();
    expect(hostile.count(discovery)).toBe(2);
  });

  it('takes the address of a discovery document for none', async () => {
    expect((await failureOf(arrange({ url: `${hostile.issuer}${discovery}` }).ask())).code).toBe('invalid');
    expect(hostile.seen).toEqual([]);
  });

  it.each([
    ['http://evil.example', true],
    ['http://127.0.0.1:9', false],
    ['ftp://127.0.0.1', true],
  ])('contacts nothing at %s, development %s', async (url, development) => {
    const sent: string[] = [];
    const fetch = async (address: string) => {
      sent.push(address);
      return Response.json({});
    };
    expect((await failureOf(arrange({ url, development, fetch }).ask())).code).toBe('refused');
    expect(sent).toEqual([]);
  });
});

describe('time', () => {
  it.each([
    ['discovery', discovery],
    ['the token', '/token'],
    ['the keys', '/jwks'],
  ])('a slow answer for %s ends at the deadline', async (_, path) => {
    hostile.handlers.set(path, () => undefined);
    expect((await failureOf(arrange({ deadline: 60 }).ask())).code).toBe('timeout');
  });

  it('a body that drips ends at the deadline', async () => {
    hostile.handlers.set('/token', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{');
    });
    expect((await failureOf(arrange({ deadline: 60 }).ask())).code).toBe('timeout');
  });

  it('a fetch that ignores its signal ends at the deadline', async () => {
    const fetch = () => new Promise<Response>(() => undefined);
    expect((await failureOf(arrange({ deadline: 60, fetch }).ask())).code).toBe('timeout');
  });

  it('an endless body ends at its bound', async () => {
    hostile.handlers.set('/token', async (_, response) => {
      response.on('error', () => undefined);
      response.writeHead(200, { 'content-type': 'application/json' });
      while (!response.destroyed && response.writable) {
        response.write('a'.repeat(65_536));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect((await failureOf(arrange().ask())).code).toBe('protocol');
  });

  it.each([discovery, '/token'])('a caller that goes away ends its call at %s', async (path) => {
    const stop = new AbortController();
    hostile.handlers.set(path, () => {
      stop.abort();
    });
    expect((await failureOf(arrange().ask({ signal: stop.signal }))).code).toBe('aborted');
  });

  it('a caller that goes away does not end the discovery of another one', async () => {
    const stop = new AbortController();
    const { ask } = arrange();
    hostile.handlers.set(discovery, async (_, response) => {
      stop.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      json(response, hostile.metadata);
    });
    const [first, second] = await Promise.allSettled([ask({ signal: stop.signal }), ask()]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });

  it('nobody there', async () => {
    expect((await failureOf(arrange({ url: 'http://127.0.0.1:1' }).ask())).code).toBe('unavailable');
  });

  it.each([
    ['earlier than the JWT', 100, 300, 100],
    ['later than the JWT', 900, 300, 300],
    ['absent', undefined, 300, 300],
  ])('expires_in %s: the earlier one counts', async (_, expires_in, life, wanted) => {
    const exp = Math.floor(Date.now() / 1000) + life;
    hostile.handlers.set('/token', async (_, response) => {
      json(response, { access_token: await hostile.sign({ exp }), token_type: 'Bearer', expires_in });
    });
    const { expiresAt } = await arrange().ask();
    expect((expiresAt ?? 0) - (exp - life)).toBeGreaterThanOrEqual(wanted - 1);
    expect((expiresAt ?? 0) - (exp - life)).toBeLessThanOrEqual(wanted + 1);
  });

  it('tells how far the clocks are apart, and blames them for an expired token', async () => {
    const { issuer, ask } = arrange({ now: () => Date.now() + 3_600_000 });
    expect(issuer.clockSkew()).toBeUndefined();
    const error = await failureOf(ask());
    expect(error).toMatchObject({ code: 'protocol', hint: expect.stringMatching(/clock is 3(599|600|601) s ahead/) });
    expect(issuer.clockSkew()).toBeGreaterThan(3597);
  });
});

describe('two live client secrets', () => {
  const only =
    (accepted: string, status = 401, error = 'invalid_client'): Handler =>
    async ({ form }, response) => {
      if (form.get('client_secret') === accepted) await token({})({ form } as never, response);
      else json(response, { error }, status);
    };
  const pair = [credential('first-secret', 'op://v/i/first'), credential('second-secret', 'op://v/i/second')];

  it('are tried in order, with a warning that names the first', async () => {
    hostile.handlers.set('/token', only('second-secret'));
    const { issuer, ask, warnings } = arrange();
    await ask({ clientSecrets: pair });
    expect(issuer.requests()).toBe(2);
    expect(warnings).toEqual([expect.stringContaining('op://v/i/first')]);
  });

  it('the second is not read where the first is accepted', async () => {
    hostile.handlers.set('/token', only('first-secret'));
    const unread: Credential = { label: 'op://x', read: async () => expect.unreachable() };
    const { ask, warnings } = arrange();
    await ask({ clientSecrets: [credential('first-secret'), unread] });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['a scope', 400, 'invalid_scope', 'denied'],
    ['a quota', 429, 'too_many_requests', 'rate-limited'],
    ['a fault', 500, '', 'unavailable'],
  ])('the second is not tried where %s is the trouble', async (_, status, error, code) => {
    hostile.handlers.set('/token', only('nothing', status, error));
    const { issuer, ask } = arrange();
    expect((await failureOf(ask({ clientSecrets: pair }))).code).toBe(code);
    expect(issuer.requests()).toBe(1);
  });

  it('both refused is one error that names both', async () => {
    hostile.handlers.set('/token', only('nothing'));
    const error = await failureOf(arrange().ask({ clientSecrets: pair }));
    expect(error).toMatchObject({ code: 'denied', place: { subject: 'op://v/i/first' } });
    expect(error.hint).toContain('op://v/i/second');
  });
});

it('asks the keys again at once where the issuer signs with a new one', async () => {
  const { ask } = arrange();
  await ask();
  await hostile.rotate('two');
  await ask();
  expect(hostile.count('/jwks')).toBe(2);
});

it('sends what is asked, and refuses parameters that are not free', async () => {
  const { ask } = arrange();
  const token = await ask({
    resource: [],
    audience: 'https://api.example',
    scope: ['a', 'b'],
    parameters: { organization: 'org_1' },
  });
  expect(token).toMatchObject({ tokenType: 'Bearer', scope: 'a b' });
  const form = hostile.seen.find(({ path }) => path === '/token')?.form;
  expect(Object.fromEntries(form ?? [])).toEqual({
    grant_type: 'client_credentials',
    client_id: 'client-canary',
    client_secret: secret,
    audience: 'https://api.example',
    scope: 'a b',
    organization: 'org_1',
  });
  for (const name of [
    'grant_type',
    'client_id',
    'client_secret',
    'client_assertion',
    'scope',
    'audience',
    'resource',
  ]) {
    expect((await failureOf(ask({ parameters: { [name]: 'x' } }))).code).toBe('refused');
  }
  expect(hostile.count('/token')).toBe(1);
});

it('warns of scope that was not asked for, of a scope that nobody tells, and of a quota that runs out', async () => {
  const { ask, warnings } = arrange();
  hostile.handlers.set('/token', async (_, response) => {
    const body = { access_token: await hostile.sign(), token_type: 'bearer', scope: 'a admin' };
    json(response, body, 200, {
      'auth0-client-quota-limit': 'b=per_hour;q=10;r=1;t=3540,b=per_day;q=50;r=47;t=43200,x',
    });
  });
  await ask({ scope: ['a'] });
  expect(warnings).toEqual([expect.stringContaining('1 of 10'), expect.stringContaining('admin')]);
  hostile.handlers.clear();
  await ask({ scope: ['a'] });
  expect(warnings).toHaveLength(3);
});

it('an empty client secret is told before anything is sent with it', async () => {
  const error = await failureOf(arrange().ask({ clientSecrets: [credential('')] }));
  expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://v/i/credential' } });
  expect(hostile.count('/token')).toBe(0);
});

it.each([
  ['nothing', {}],
  ['a secret for private_key_jwt', { authentication: 'private_key_jwt', clientSecrets: [credential('x')] }],
  ['a key for Basic', { authentication: 'client_secret_basic', clientKey: credential('x') }],
] as const)('%s to authenticate with is misuse', async (_, request) => {
  const error = await failureOf(arrange().ask({ clientSecrets: undefined, ...request }));
  expect(error.code).toBe('usage');
});

it('opaque tokens are not read', async () => {
  hostile.handlers.set('/token', body({ access_token: 'opaque', token_type: 'Bearer', expires_in: '60' }));
  const token = await arrange().ask({ tokenFormat: 'opaque', audience: 'https://api.example' });
  expect(token.accessToken.reveal()).toBe('opaque');
  expect(hostile.count('/jwks')).toBe(0);
  hostile.handlers.set('/token', body({ access_token: 'opaque', token_type: 'Bearer' }));
  expect((await arrange().ask({ tokenFormat: 'opaque' })).expiresAt).toBeUndefined();
});
