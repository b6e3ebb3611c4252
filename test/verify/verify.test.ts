import { type IncomingHttpHeaders, request as httpRequest, type Server } from 'node:http';
import {
  connect,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type IncomingHttpHeaders as Http2Headers,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { toFetchResponse, toReqRes } from 'fetch-to-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createVerifier,
  requireToken,
  type RequireTokenOptions,
  type TokenRequest,
  type TokenRequirements,
  type TokenResponse,
  type VerifierOptions,
  type WithAuth,
} from '../../src/verify.ts';
import { type HostileIssuer, json, startHostileIssuer } from '../adapters/issuers/openid/hostile.ts';

const audience = 'https://orders.example';
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

const good = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
  hostile.sign({ aud: audience, scope: 'orders:read orders:list', owner: 'team-a', ...claims }, header);
const verifier = (options: Partial<VerifierOptions> = {}) =>
  createVerifier({ issuer: hostile.issuer, audience, ...options });

describe('a verifier', () => {
  it('gives header and claims', async () => {
    const { header, claims } = await verifier().verify(await good());
    expect(header).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
    expect(claims).toMatchObject({ iss: hostile.issuer, owner: 'team-a' });
  });

  it.each([
    [{ aud: 'https://other.example' }, {}],
    [{ aud: undefined }, {}],
    [{ aud: [] }, {}],
    [{ iss: 'https://evil.example' }, {}],
    [{ exp: 1 }, {}],
    [{ exp: undefined }, {}],
    [{ nbf: 9_999_999_999 }, {}],
    [{ iat: 9_999_999_999 }, {}],
    [{}, { typ: 'logout+jwt' }],
    [{}, { kid: 'stranger' }],
  ])('refuses %j with header %j', async (claims, header) => {
    await expect(verifier().verify(await good(claims, header))).rejects.toMatchObject({
      code: 'invalid_token',
      status: 401,
    });
  });

  it('refuses a number that is too large to be kept, which would be null to others', async () => {
    const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
    for (const shard of [rawJSON('1e400'), rawJSON('-1e400'), [{ deep: [1, rawJSON('1e400')] }]])
      await expect(verifier().verify(await good({ shard }))).rejects.toMatchObject({
        code: 'invalid_token',
        claim: 'shard',
      });
  });

  it.each([
    ['an API with two names', { audience: [audience, 'orders'] }, { aud: ['orders'] }, true],
    ['another algorithm', { algorithms: ['RS256'] }, {}, false],
    ['the type that is asked for', { typ: 'AT+JWT' }, {}, true],
    ['not the type that is asked for', { typ: ['JWT'] }, {}, false],
    ['a tolerance', { clockTolerance: 60 }, { exp: Math.floor(Date.now() / 1000) - 30 }, true],
    ['no tolerance', { clockTolerance: 0 }, { exp: Math.floor(Date.now() / 1000) - 2 }, false],
    ['a claim', { requiredClaims: { owner: 'team-a' } }, {}, true],
    ['a claim of several', { requiredClaims: { groups: 'x' } }, { groups: ['x', 'y'] }, true],
    ['claims of several', { requiredClaims: { groups: ['y', 'x'] } }, { groups: ['x', 'y', 'z'] }, true],
    ['claims of several, one missing', { requiredClaims: { groups: ['w', 'x'] } }, { groups: ['x', 'y'] }, false],
    ['a list where the token has a text', { requiredClaims: { groups: ['x'] } }, { groups: 'x' }, false],
    ['an object', { requiredClaims: { act: { sub: 'a', n: 1 } } }, { act: { n: 1, sub: 'a' } }, true],
    ['another object', { requiredClaims: { act: { sub: 'a' } } }, { act: { sub: 'a', n: 1 } }, false],
    ['a number as text', { requiredClaims: { level: 1 } }, { level: '1' }, false],
    ['true', { requiredClaims: { mfa: true } }, { mfa: true }, true],
    ['null', { requiredClaims: { x: null } }, {}, false],
    ['undefined', { requiredClaims: { owner: undefined } }, {}, false],
    ['a prototype', { requiredClaims: { toString: 'x' } }, {}, false],
  ] as const)('with %s', async (_, options, claims, accepted) => {
    const code = await verifier(options)
      .verify(await good(claims))
      .then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      );
    expect(code).toBe(accepted ? 'accepted' : 'invalid_token');
  });

  it.each([
    ['scope', { scope: 'orders:read' }, ['orders:read'], true],
    ['scp, a list', { scope: undefined, scp: ['orders:read'] }, ['orders:read'], true],
    ['a part of a scope', { scope: 'orders:readonly' }, ['orders:read'], false],
    ['no scope', { scope: undefined }, ['orders:read'], false],
    ['a scope that is an object', { scope: { 'orders:read': true } }, ['orders:read'], false],
  ])('with scopes in %s', async (_, claims, requiredScopes, accepted) => {
    const work = verifier({ requiredScopes }).verify(await good(claims));
    const code = await work.then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    );
    expect(code).toBe(accepted ? 'accepted' : 'insufficient_scope');
  });

  it('further requirements never weaken those of the verifier', async () => {
    const strict = verifier({ requiredClaims: { owner: 'team-b' } });
    await expect(strict.verify(await good(), { claims: { owner: 'team-a' } })).rejects.toMatchObject({
      code: 'invalid_token',
      claim: 'owner',
    });
  });

  // as a program in JavaScript may give them
  it.each([
    ['issuer', { issuer: undefined }],
    ['issuer', { issuer: 'main' }],
    ['issuer', { issuer: 42 }],
    ['issuer', { issuer: 'http://login.example.com' }],
    ['issuer', { issuer: 'http://10.0.0.7:8080/realms/a' }],
    ['issuer', { issuer: 'https://user:canary@login.example.com' }],
    ['issuer', { issuer: 'ftp://login.example.com' }],
    ['jwksUri', { jwksUri: '/jwks' }],
    ['jwksUri', { jwksUri: 'http://login.example.com/jwks' }],
    ['jwksUri', { issuer: 'https://login.example.com', jwksUri: 'http://127.0.0.1:8080/jwks' }],
    ['audience', { audience: undefined }],
    ['audience', { audience: '' }],
    ['audience', { audience: [] }],
    ['audience', { audience: [undefined] }],
    ['audience', { audience: 7 }],
    ['algorithms', { algorithms: ['HS256'] }],
    ['algorithms', { algorithms: ['none'] }],
    ['algorithms', { algorithms: 'RS256' }],
    ['typ', { typ: 7 }],
    ['clockTolerance', { clockTolerance: -1 }],
    ['clockTolerance', { clockTolerance: '5' }],
    ['requiredScopes', { requiredScopes: ['a", error="x'] }],
    ['requiredScopes', { requiredScopes: 'orders:read' }],
    ['requiredClaims', { requiredClaims: ['owner'] }],
    ['fetch', { fetch: 'fetch' }],
    ['now', { now: 1_764_432_000_000 }],
  ])('cannot be made where %s is not usable: %j', (name, options) => {
    const all = { issuer: hostile.issuer, audience, ...options } as VerifierOptions;
    for (const make of [() => createVerifier(all), () => requireToken(all)]) {
      expect(make).toThrow(TypeError);
      expect(make).toThrow(new RegExp(`^${name}: `));
      expect(make).not.toThrow(/canary/);
    }
  });

  it.each([undefined, null, 'https://login.example.com', []])('cannot be made with %j for options', (options) => {
    const none = options as unknown as VerifierOptions;
    for (const make of [() => createVerifier(none), () => requireToken(none)]) expect(make).toThrow(/^options: /);
  });

  it.each([
    ['scopes', { scopes: 'orders:read' }],
    ['scopes', { scopes: [7] }],
    ['claims', { claims: 'owner' }],
  ])('cannot be asked with %s that are not usable: %j', async (name, more) => {
    const unusable = more as unknown as TokenRequirements;
    await expect(verifier().verify(await good(), unusable)).rejects.toThrow(new RegExp(`^${name}: `));
    expect(() => requireToken(verifier(), unusable)).toThrow(new RegExp(`^${name}: `));
  });

  it('takes what is no text for no token', async () => {
    for (const token of [undefined, null, 7, {}] as unknown as string[])
      await expect(verifier().verify(token)).rejects.toMatchObject({ code: 'invalid_token' });
  });

  it('asks for discovery and keys once, however many tokens come at once', async () => {
    const one = verifier();
    const token = await good();
    await Promise.all(Array.from({ length: 100 }, () => one.verify(token)));
    expect([hostile.count(discovery), hostile.count('/jwks')]).toEqual([1, 1]);
  });

  it('a flood of unknown keys is not passed on to the issuer', async () => {
    const one = verifier();
    await one.verify(await good());
    for (let index = 0; index < 20; index += 1) {
      await one.verify(await good({}, { kid: `forged-${index}` })).catch(() => undefined);
    }
    expect(hostile.count('/jwks')).toBe(1);
  });

  it.each([
    ['discovery is down', discovery],
    ['the key set is down', '/jwks'],
  ])('while %s nothing is known; asked again some seconds later, not for each token', async (_, path) => {
    let clock = Date.now();
    hostile.handlers.set(path, (_request, response) => {
      json(response, {}, 503);
    });
    const one = verifier({ now: () => clock });
    const token = await good();
    for (let index = 0; index < 10; index += 1) {
      await expect(one.verify(token)).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    }
    expect(hostile.count(path)).toBe(1);
    hostile.handlers.clear();
    clock += 6_000;
    await expect(one.verify(token)).resolves.toBeDefined();
  });

  it('keys are fetched again after ten minutes; an issuer that is down then is borne for an hour', async () => {
    let clock = Date.now();
    const one = verifier({ now: () => clock });
    const token = await good({ exp: 9_999_999_999 });
    await one.verify(token);
    clock += 595_000;
    await one.verify(token);
    expect(hostile.count('/jwks')).toBe(1);
    clock += 6_000;
    await one.verify(token);
    expect(hostile.count('/jwks')).toBe(2);
    hostile.handlers.set('/jwks', (_, response) => {
      json(response, {}, 503);
    });
    clock += 601_000;
    for (let index = 0; index < 10; index += 1) await expect(one.verify(token)).resolves.toBeDefined();
    expect(hostile.count('/jwks')).toBe(3);
    // an unknown key may be a new one: nobody knows
    const unknown = await good({ exp: 9_999_999_999 }, { kid: 'two' });
    await expect(one.verify(unknown)).rejects.toMatchObject({ code: 'unavailable' });
    clock += 3_601_000;
    await expect(one.verify(token)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a new key is taken after the cooldown, the old one no longer', async () => {
    let clock = Date.now();
    const one = verifier({ now: () => clock });
    const old = await good({ exp: 9_999_999_999 });
    await one.verify(old);
    await hostile.rotate('rotated');
    const token = await good({ exp: 9_999_999_999 });
    await expect(one.verify(token)).rejects.toMatchObject({ code: 'invalid_token' });
    clock += 31_000;
    await expect(one.verify(token)).resolves.toBeDefined();
    await expect(one.verify(old)).rejects.toMatchObject({ code: 'invalid_token' });
    expect(hostile.count('/jwks')).toBe(2);
  });

  it.each([
    ['discovery had failed', discovery],
    ['the keys could not be had', '/jwks'],
  ])('a clock that was a day ahead when %s, and is set right, holds no token up', async (_, path) => {
    const right = Date.now();
    let clock = right + 86_400_000;
    hostile.handlers.set(path, (_request, response) => {
      json(response, {}, 503);
    });
    const one = verifier({ now: () => clock });
    const token = await good();
    await expect(one.verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    hostile.handlers.clear();
    clock = right;
    await expect(one.verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    clock += 6_000;
    await expect(one.verify(token)).resolves.toBeDefined();
  });

  it('keys that were fetched when the clock was a day ahead are kept no longer than others', async () => {
    const right = Date.now();
    let clock = right + 86_400_000;
    const one = verifier({ now: () => clock });
    await one.verify(await good({ exp: 9_999_999_999 }));
    clock = right;
    await hostile.rotate('after-the-clock-was-set');
    const token = await good();
    await expect(one.verify(token)).rejects.toMatchObject({ code: 'invalid_token' });
    clock += 31_000;
    await expect(one.verify(token)).resolves.toBeDefined();
    expect(hostile.count('/jwks')).toBe(2);
    clock += 601_000;
    await one.verify(await good({ exp: 9_999_999_999 }));
    expect(hostile.count('/jwks')).toBe(3);
  });

  it('discovery is done again after an hour: keys that moved are found, others not fetched for it', async () => {
    let clock = Date.now();
    const one = verifier({ now: () => clock });
    const token = await good({ exp: 9_999_999_999 });
    await one.verify(token);
    for (let minutes = 9; minutes < 60; minutes += 9) {
      clock += 540_000;
      await one.verify(token);
    }
    const before = hostile.count('/jwks');
    clock += 361_000;
    await one.verify(token);
    expect([hostile.count(discovery), hostile.count('/jwks')]).toEqual([2, before]);
    hostile.handlers.set('/moved', async (_, response) => {
      json(response, await (await fetch(`${hostile.issuer}/jwks`)).json());
    });
    hostile.handlers.set(discovery, (_, response) => {
      json(response, { ...hostile.metadata, jwks_uri: `${hostile.issuer}/moved` });
    });
    clock += 3_601_000;
    await one.verify(token);
    expect([hostile.count(discovery), hostile.count('/moved')]).toEqual([3, 1]);
  });

  it('an issuer whose discovery fails later is borne for an hour', async () => {
    let clock = Date.now();
    const one = verifier({ now: () => clock });
    const token = await good({ exp: 9_999_999_999 });
    await one.verify(token);
    hostile.handlers.set(discovery, (_, response) => {
      json(response, {}, 503);
    });
    clock += 3_601_000;
    for (let index = 0; index < 5; index += 1) await one.verify(token);
    expect(hostile.count(discovery)).toBe(2);
    clock += 3_601_000;
    await expect(one.verify(token)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a discovery document for another issuer, or keys in plain http elsewhere, are not used', async () => {
    for (const change of [{ issuer: 'https://evil.example' }, { jwks_uri: 'http://evil.example/jwks' }]) {
      hostile.handlers.set(discovery, (_, response) => {
        json(response, { ...hostile.metadata, ...change });
      });
      await expect(verifier().verify(await good())).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(hostile.count('/jwks')).toBe(0);
  });

  it('takes RFC 8414 metadata where there is no OpenID document, or the address of the keys', async () => {
    hostile.handlers.set(discovery, (_, response) => {
      json(response, {}, 404);
    });
    hostile.handlers.set('/.well-known/oauth-authorization-server', (_, response) => {
      json(response, hostile.metadata);
    });
    await expect(verifier().verify(await good())).resolves.toBeDefined();
    hostile.handlers.delete('/.well-known/oauth-authorization-server');
    await expect(verifier({ jwksUri: `${hostile.issuer}/jwks` }).verify(await good())).resolves.toBeDefined();
  });
});

describe('the middleware', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function serve(
    options: RequireTokenOptions = {},
    more: Partial<VerifierOptions> = {},
    before: express.RequestHandler = (_request, _response, next) => next(),
  ) {
    const app = express();
    app.use(before);
    app.get(
      '/',
      requireToken({ issuer: hostile.issuer, audience, ...more }, options),
      (request: express.Request & WithAuth, response) => {
        response.json(request.auth?.claims);
      },
    );
    const server = app.listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    return (authorization?: string | string[], path = '/') =>
      new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
        const headers = authorization === undefined ? {} : { authorization };
        const call = httpRequest(
          { port, host: '127.0.0.1', path, headers: headers as Record<string, string> },
          (response) => {
            let body = '';
            response.on('data', (part) => (body += String(part)));
            response.on('end', () => {
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
            });
          },
        );
        call.on('error', reject);
        call.end();
      });
  }

  it('lets a good token through, and leaves its claims', async () => {
    const call = await serve({ scopes: ['orders:read'], claims: { owner: 'team-a' } });
    for (const scheme of ['Bearer', 'bearer', 'BEARER ']) {
      const { status, body } = await call(`${scheme} ${await good()}`);
      expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ owner: 'team-a' })]);
    }
  });

  it.each([
    ['no header', undefined, 401, 'Bearer realm="orders"'],
    ['another scheme', 'Basic eDp5', 401, 'Bearer realm="orders"'],
    ['a scheme that begins alike', 'BearerX abc', 401, 'Bearer realm="orders"'],
    ['no token', 'Bearer', 400, /^Bearer realm="orders", error="invalid_request"/],
    ['an empty token', 'Bearer  ', 400, /error="invalid_request"/],
    ['two tokens in one', 'Bearer abc def', 400, /error="invalid_request"/],
    ['a quote', 'Bearer a"b', 400, /error="invalid_request"/],
    ['a list', 'Bearer a, Bearer b', 400, /error="invalid_request"/],
    ['not a JWT', 'Bearer abc', 401, /^Bearer realm="orders", error="invalid_token", error_description="[\w ]+"$/],
    ['alg none', 'Bearer eyJhbGciOiJub25lIn0.e30.', 401, /error="invalid_token"/],
  ])('%s', async (_, authorization, status, challenge) => {
    const call = await serve({ realm: 'orders' });
    const answer = await call(authorization);
    expect(answer.status).toBe(status);
    expect(answer.headers['www-authenticate']).toMatch(challenge);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(answer.body)).toMatchObject({ status });
  });

  it('refuses two Authorization headers, and a token in the query beside one in the header', async () => {
    const call = await serve();
    const token = await good();
    expect((await call([`Bearer ${token}`, `Bearer ${token}`])).status).toBe(400);
    expect((await call(`Bearer ${token}`, `/?access_token=${token}`)).status).toBe(400);
    expect((await call(undefined, `/?access_token=${token}`)).status).toBe(401);
  });

  // what an earlier middleware does is done
  it.each([
    ['one that was taken away does not count', 'Bearer TOKEN', undefined, 401],
    ['one that was set counts', undefined, 'Bearer TOKEN', 200],
    ['one that was changed counts', 'Basic eDp5', 'Bearer TOKEN', 200],
  ])('of the Authorization header, %s', async (_, sent, left, status) => {
    const token = await good();
    const call = await serve({}, {}, ({ headers }, _response, next) => {
      delete headers.authorization;
      if (left !== undefined) headers.authorization = left.replace('TOKEN', token);
      next();
    });
    expect((await call(sent?.replace('TOKEN', token))).status).toBe(status);
  });

  it('takes requests of HTTP/2', async () => {
    const protect = requireToken({ issuer: hostile.issuer, audience });
    const server = createHttp2Server((request: Http2ServerRequest & WithAuth, response) => {
      protect(request, response, () => response.end(String(request.auth?.claims['owner'])));
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const call = (headers: Record<string, string>) =>
      new Promise<[status: number, challenge: unknown, body: string]>((resolve) => {
        let body = '';
        let head: Http2Headers = {};
        session
          .request({ ':path': '/', ...headers })
          .on('response', (came) => (head = came))
          .on('data', (part) => (body += String(part)))
          .on('end', () => {
            resolve([Number(head[':status']), head['www-authenticate'], body]);
          });
      });
    try {
      expect(await call({ authorization: `Bearer ${await good()}` })).toEqual([200, undefined, 'team-a']);
      const [status, challenge, body] = await call({});
      expect([status, challenge, JSON.parse(body)]).toMatchObject([401, 'Bearer realm="api"', { status: 401 }]);
    } finally {
      session.close();
      server.close();
    }
  });

  it("takes requests that an adapter made of fetch's", async () => {
    const protect = requireToken({ issuer: hostile.issuer, audience });
    const call = async (headers: [string, string][]) => {
      const { req, res } = toReqRes(new Request('https://orders.example/', { headers }));
      protect(req, res, () => res.end('orders'));
      const { status } = await toFetchResponse(res);
      return status;
    };
    const header: [string, string] = ['Authorization', `Bearer ${await good()}`];
    expect([await call([header]), await call([]), await call([header, header])]).toEqual([200, 401, 400]);
  });

  it('takes plain objects, as tests and functions in a cloud make them', async () => {
    const protect = requireToken({ issuer: hostile.issuer, audience });
    const token = `Bearer ${await good()}`;
    const call = (request: TokenRequest) =>
      new Promise<number>((resolve) => {
        const response: TokenResponse = {
          statusCode: 0,
          headersSent: false,
          setHeader: () => undefined,
          end: () => {
            resolve(response.statusCode);
          },
        };
        protect(request, response, () => {
          resolve(request.auth?.claims['owner'] === 'team-a' ? 200 : 500);
        });
      });
    expect(await call({ headers: { authorization: token } })).toBe(200);
    expect(await call({ headers: { authorization: [token] } })).toBe(200);
    expect(await call({ headers: { authorization: [token, token] } })).toBe(400);
    expect(await call({ headers: { authorization: token }, rawHeaders: ['Authorization', token] })).toBe(200);
    expect(await call({ headers: { authorization: token }, rawHeaders: ['X-One', 'authorization'] })).toBe(200);
    expect(
      await call({ headers: { authorization: token }, rawHeaders: ['Authorization', token, 'AUTHORIZATION', token] }),
    ).toBe(400);
    expect(await call({ headers: {} })).toBe(401);
  });

  it('tells which scopes are needed', async () => {
    const call = await serve({ scopes: ['orders:write', 'orders:read'] }, { requiredScopes: ['orders:list'] });
    const { status, headers } = await call(`Bearer ${await good()}`);
    expect(status).toBe(403);
    expect(headers['www-authenticate']).toContain('error="insufficient_scope"');
    expect(headers['www-authenticate']).toContain('scope="orders:list orders:write orders:read"');
  });

  it('a required claim that differs is an invalid token', async () => {
    const call = await serve({ claims: { owner: 'team-b' } });
    expect((await call(`Bearer ${await good()}`)).status).toBe(401);
  });

  it('says 503, never 401, where the keys cannot be had', async () => {
    hostile.handlers.set('/jwks', (_, response) => {
      json(response, {}, 500);
    });
    const call = await serve();
    const { status, headers } = await call(`Bearer ${await good()}`);
    expect([status, headers['www-authenticate'], headers['retry-after']]).toEqual([503, undefined, '5']);
  });

  it('never repeats a part of the request', async () => {
    const call = await serve();
    const { headers, body } = await call(`Bearer canary.${'x'.repeat(40)}.canary`);
    expect(`${JSON.stringify(headers)} ${body}`).not.toContain('canary');
  });

  it.each([
    { realm: 'a"b' },
    { realm: 'a\r\nSet-Cookie: x' },
    { scopes: ['a b'] },
    { scopes: ['"'] },
    { scopes: [''] },
  ])('cannot be made with %j', (options) => {
    expect(() => requireToken({ issuer: hostile.issuer, audience }, options)).toThrow(TypeError);
  });
});

describe('who acts', () => {
  const uri = 'https://orders.example/agent';
  const places = ['act.sub', uri, 'azp'];
  const chain = { sub: 'codex', act: { sub: 'planner', act: { sub: 'ann' } } };

  it.each([
    [
      { act: { sub: 'codex' }, [uri]: 'other', azp: 'broker' },
      { actor: 'codex', actorFrom: 'act.sub', priorActors: [] },
    ],
    [
      { [uri]: 'codex', azp: 'broker' },
      { actor: 'codex', actorFrom: uri, priorActors: [] },
    ],
    [{ azp: 'broker' }, { actor: 'broker', actorFrom: 'azp', priorActors: [] }],
    [{ act: chain }, { actor: 'codex', actorFrom: 'act.sub', priorActors: ['planner', 'ann'] }],
    // what is no name names nobody
    [
      { act: { sub: '' }, [uri]: ['codex'], azp: 'broker' },
      { actor: 'broker', actorFrom: 'azp', priorActors: [] },
    ],
    [{ act: { act: { sub: 'planner' } } }, {}],
    [{ act: 'codex' }, {}],
    [{}, {}],
  ])('of %j is %j', async (claims, expected) => {
    const { header: _header, claims: _claims, ...actor } = await verifier({ actor: places }).verify(await good(claims));
    expect(actor).toEqual(expected);
  });

  it('is not looked for where nobody asks, and a chain without end is not followed', async () => {
    expect(await verifier().verify(await good({ act: chain }))).not.toHaveProperty('actor');
    let act: Record<string, unknown> = { sub: 'x' };
    for (let depth = 0; depth < 100; depth += 1) act = { sub: 'x', act };
    const { priorActors } = await verifier({ actor: ['act.sub'] }).verify(await good({ act }));
    expect(priorActors).toHaveLength(10);
  });

  it.each([
    ['a claim', { [uri]: 'codex' }, true, 'let in'],
    ['nobody', {}, true, 'actor_required'],
    ['the client alone', { azp: 'broker' }, true, 'actor_required'],
    ['the client, which is taken', { azp: 'codex' }, ['azp'], 'let in'],
    ['the client, where a claim is wanted', { azp: 'codex' }, ['act.sub', uri], 'actor_required'],
    ['another claim than is wanted', { [uri]: 'codex' }, ['act.sub'], 'actor_required'],
    ['nobody, where nobody is wanted', {}, false, 'let in'],
  ] as const)('is required, and named by %s', async (_, claims, requireActor, expected) => {
    const { verify } = verifier({ actor: places });
    const code = await verify(await good(claims), { requireActor }).then(
      () => 'let in',
      (error: { code: string; status: number }) => error.code,
    );
    expect(code).toBe(expected);
  });

  it.each([
    ['no place is named', {}, { requireActor: true }],
    ['a place is not among the verifier’s', { actor: ['azp'] }, { requireActor: ['act.sub'] }],
    ['the places are none', { actor: [] }, {}],
    ['the places are no list', { actor: 'azp' }, {}],
    ['it is required by a text', { actor: ['azp'] }, { requireActor: 'azp' }],
  ])('is misused where %s', async (_, options, more) => {
    const attempt = async () => verifier(options as never).verify(await good(), more as never);
    await expect(attempt()).rejects.toThrow(TypeError);
  });

  it('is on the request that is let in, and the answer to the others says what is missing', async () => {
    const app = express();
    app.use(requireToken({ issuer: hostile.issuer, audience, actor: places }, { requireActor: true }));
    app.get('/', (request, response) => {
      const { actor, actorFrom } = (request as WithAuth).auth ?? {};
      response.json({ actor, actorFrom });
    });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => void server.once('listening', resolve));
    const ask = async (claims: Record<string, unknown>) =>
      fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
        headers: { authorization: `Bearer ${await good(claims)}` },
      });
    const [named, unnamed] = [await ask({ [uri]: 'codex' }), await ask({ azp: 'broker' })];
    expect(await named.json()).toEqual({ actor: 'codex', actorFrom: uri });
    expect(unnamed.status).toBe(403);
    expect(unnamed.headers.get('www-authenticate')).toContain('error="actor_required"');
    server.close();
  });
});
