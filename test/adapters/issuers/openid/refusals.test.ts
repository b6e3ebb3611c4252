import { describe, expect, it } from 'vitest';
import { hostileStand, body, credential, failureOf, secret } from './arrange.ts';
import { type Handler, json } from './hostile.ts';

const { hostile, arrange } = await hostileStand();

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

  it.each([
    ['a JWT', { error: 'eyJhbGciOiJub25lIn0.e30.', error_description: 'got eyJhbGciOiJub25lIn0.e30.' }],
    [
      'the opaque token beside it',
      { error: 'canary+5e-token', error_description: 'see canary+5e-token', access_token: 'canary+5e-token' },
    ],
  ])('that repeats %s withholds it', async (_, answer) => {
    hostile.handlers.set('/token', body(answer, 400));
    expect((await failureOf(arrange().ask())).message).toContain('withheld');
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
