import { describe, expect, it } from 'vitest';
import { arrangeAt, hostileStand, body, discovery, failureOf } from '../issuers/openid/arrange.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { type Handler, json } from '../issuers/openid/hostile.ts';

const { hostile, arrange, token } = await hostileStand();

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

  it('whose token endpoint has no host is not told as one that names none', async () => {
    hostile.handlers.set(discovery, change({ token_endpoint: '/token' }));
    const error = await failureOf(arrange().ask());
    expect([error.code, error.message]).toEqual(['protocol', expect.stringContaining('no whole address: "/token"')]);
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

  it('and keys that came when the clock was a day ahead are kept no longer than others, once that is set right', async () => {
    const right = Date.now();
    let clock = right + 86_400_000;
    const { ask, issuer } = arrange({ now: () => clock });
    hostile.handlers.set('/token', token({ exp: Math.floor(clock / 1000) + 9000 }));
    await ask();
    clock = right;
    // by this clock: the other went on meanwhile
    const verify = async () => {
      const iat = Math.floor(clock / 1000);
      return issuer.verify(new Secret(await hostile.sign({ aud: 'orders', iat, exp: iat + 300 })), {
        audience: ['orders'],
      });
    };
    await verify();
    await hostile.rotate('when-set-right');
    clock += 31_000;
    await verify();
    expect([hostile.count(discovery), hostile.count('/jwks')]).toEqual([1, 2]);
    clock += 3_601_000;
    hostile.handlers.set('/token', token({ exp: Math.floor(clock / 1000) + 9000 }));
    await ask();
    expect([hostile.count(discovery), hostile.count('/jwks')]).toEqual([2, 3]);
  });

  it("is RFC 8414's where the issuer is set to that", async () => {
    const oauth2 = '/.well-known/oauth-authorization-server';
    hostile.handlers.set(oauth2, change({}));
    await arrange({ discovery: 'oauth2' }).ask();
    expect([hostile.count(oauth2), hostile.count(discovery)]).toEqual([1, 0]);
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

describe('an issuer that is not only its discovery document', () => {
  const at = (path: string) => `${hostile.issuer}${path}`;
  const document = (values: Record<string, unknown>) => body({ ...hostile.metadata, ...values });
  const adfs = 'http://adfs.example/adfs/services/trust';

  it("takes the `access_token_issuer` of AD FS's document, and none besides", async () => {
    hostile.handlers.set(discovery, document({ access_token_issuer: adfs }));
    hostile.handlers.set('/token', token({ iss: adfs }));
    await arrange().ask();
    hostile.handlers.set('/token', token({ iss: 'http://other.example/' }));
    expect((await failureOf(arrange().ask())).code).toBe('protocol');
  });

  it.each([
    ['Entra ID, v1 tokens', ['https://sts.windows.net/6babcaad/'], 'https://sts.windows.net/6babcaad/', true],
    ['one of two', ['https://a.example/', 'https://b.example/'], 'https://b.example/', true],
    ['none of them', ['https://a.example/'], 'https://b.example/', false],
    ['the issuer itself, where it is not among them', ['https://a.example/'], undefined, false],
  ])('takes `token-issuer`: %s', async (_, tokenIssuers, iss, taken) => {
    hostile.handlers.set('/token', token(iss === undefined ? {} : { iss }));
    const asked = arrange({ tokenIssuers }).ask();
    const outcome = await asked.then(
      () => true,
      ({ code }: { code?: unknown }) => code,
    );
    expect(outcome).toBe(taken || 'protocol');
  });

  it('is reached by another name than its own: Keycloak behind an internal one', async () => {
    const own = 'https://sso.example/realms/main';
    hostile.handlers.set('/internal', document({ issuer: own }));
    hostile.handlers.set('/token', token({ iss: own }));
    await arrangeAt(own, { discovery: at('/internal') }).ask();
    expect(hostile.count(discovery)).toBe(0);
    hostile.handlers.set('/internal', document({}));
    const error = await failureOf(arrangeAt(own, { discovery: at('/internal') }).ask());
    expect(error.code).toBe('protocol');
    expect(error.line()).toContain(own);
    expect(error.line()).toContain(hostile.issuer);
    hostile.handlers.set('/token', token({}));
    await arrangeAt(own, { discovery: at('/internal'), tokenIssuers: [hostile.issuer] }).ask();
  });

  it.each([
    ['both endpoints', { tokenEndpoint: true, jwksUri: true }, 'jwt', 0],
    ['the token endpoint, for opaque tokens', { tokenEndpoint: true }, 'opaque', 0],
    ['the token endpoint alone', { tokenEndpoint: true }, 'jwt', 1],
    ['the key set alone', { jwksUri: true }, 'jwt', 1],
  ] as const)('is told %s', async (_, told, tokenFormat, discoveries) => {
    const own = hostile.issuer;
    const options = {
      tokenEndpoint: 'tokenEndpoint' in told ? at('/oauth/token') : undefined,
      jwksUri: 'jwksUri' in told ? at('/keys') : undefined,
    };
    hostile.handlers.set('/oauth/token', token({ iss: own }));
    hostile.handlers.set('/keys', body({ keys: await hostile.keys() }));
    const { issuer, ask } = arrangeAt(own, options);
    await issuer.discover();
    await ask({ tokenFormat });
    expect(hostile.count(discovery)).toBe(discoveries);
    expect(hostile.count('/oauth/token')).toBe('tokenEndpoint' in told ? 1 : 0);
    expect(hostile.count('/token')).toBe('tokenEndpoint' in told ? 0 : 1);
    expect(hostile.count('/keys')).toBe('jwksUri' in told ? 1 : 0);
  });

  it('verifies by `jwks-uri` alone without a document, and is asked for a check whether it answers', async () => {
    hostile.handlers.set('/keys', body({ keys: await hostile.keys() }));
    const { issuer } = arrange({ jwksUri: at('/keys'), tokenEndpoint: at('/token') });
    await issuer.verify(new Secret(await hostile.sign()), {});
    expect(hostile.seen.map(({ path }) => path)).toEqual(['/keys']);
    await issuer.discover(true);
    expect(hostile.count('/token')).toBe(1);
    const nobody = arrangeAt('http://127.0.0.1:9', { tokenEndpoint: 'http://127.0.0.1:9/token', jwksUri: at('/keys') });
    expect((await failureOf(nobody.issuer.discover(true))).code).toBe('unavailable');
  });

  it.each([
    ['http://evil.example/document', 'discovery'],
    ['http://evil.example/token', 'tokenEndpoint'],
    ['http://evil.example/keys', 'jwksUri'],
  ])('contacts nothing at %s as %s', async (address, option) => {
    expect((await failureOf(arrange({ [option]: address }).ask())).code).toBe('refused');
  });
});
