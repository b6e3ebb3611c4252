import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange, untilClosed } from '../surfaces/server/wire.ts';
import { type Answer, ask, startTarget, type Target } from './stand.ts';

let target: Target;
let values: Readonly<Record<string, string>>;
/** milliseconds that a client waits for an answer: what is starved gets none at all, what shares its core gets it late */
const patience = 60_000;
/** everything that an agent without the right to it was ever sent */
const heard: string[] = [];

beforeAll(async () => {
  target = await startTarget();
  values = await target.values();
  // what the others ask for is in memory, so that nothing but policy stands between
  for (const flow of ['orders-token', 'scim-token']) {
    const { status } = await ask(target.port, `/v1/tokens/${flow}`, { token: target.tokens.owner });
    if (status !== 200) throw new Error(`${flow}: ${status}`);
  }
});
afterAll(() => target?.close());

/** As codex, who may read openai.api_key and github.token, and run orders-token. */
async function asCodex(path: string, more: Parameters<typeof ask>[2] = {}): Promise<Answer> {
  const answer = await ask(target.port, path, { token: target.tokens.codex, ...more });
  heard.push(JSON.stringify(answer));
  return answer;
}

async function raw(bytes: string): Promise<string> {
  const text = await exchange({ host: '127.0.0.1', port: target.port }, Buffer.from(bytes, 'latin1'));
  heard.push(text);
  return text;
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
const code = ({ body }: Answer) => (JSON.parse(body) as { code?: string }).code;

describe('a value that policy denies', () => {
  const wanted = 'github.admin_token';

  test.each([
    ['as it is', wanted],
    ['in capitals', 'GITHUB.ADMIN_TOKEN'],
    ['in mixed case', 'Github.Admin_Token'],
    ['with a space after it', `${wanted} `],
    ['with a NUL after it', `${wanted}\u0000`],
    ['with a NUL and what is allowed', `openai.api_key\u0000${wanted}`],
    ['with a line break', `openai.api_key\n${wanted}`],
    ['with a dot more', `github..admin_token`],
    ['with a dot at its end', `${wanted}.`],
    ['with a path', `github.x/../admin_token`],
    ['as a wildcard', 'github.*'],
    ['as any', '**'],
    ['percent-encoded', 'github%2eadmin_token'],
    ['with a full-width dot', 'github．admin_token'],
    ['with a Cyrillic letter', 'github.аdmin_token'],
    ['with a zero-width joiner', 'github.admin\u200d_token'],
    ['with a soft hyphen', 'github.ad\u00admin_token'],
    ['with a long s, which folds to s', 'ſtripe.live_key'],
    ['with a Kelvin sign, which folds to k', 'stripe.live_\u212aey'],
    ['as a reference', 'op://Agents/GitHub/admin token'],
    ['as the key of the cache', `${wanted} reference op://Agents/GitHub/admin token`],
    ['as a flow', 'scim-token'],
    ['as __proto__', '__proto__'],
    ['as constructor', 'constructor'],
    ['as toString', 'toString'],
    ['as hasOwnProperty', 'hasOwnProperty'],
    ['as nothing', ''],
    ['very long', 'a'.repeat(50_000)],
  ])('%s', async (_, name) => {
    for (const secrets of [[name], ['openai.api_key', name], [name, 'openai.api_key']]) {
      const answer = await asCodex('/v1/secrets/resolve', { body: { secrets } });
      expect([400, 403]).toContain(answer.status);
      // what is allowed beside it is not given either
      expect(answer.body).not.toContain(values['openai.api_key']);
    }
  });

  test.each<[string, string | Buffer]>([
    ['the key twice', `{"secrets":["openai.api_key"],"secrets":["${wanted}"]}`],
    [
      'the key twice, in the other order',
      `{"secrets":["${wanted}"],"secrets":["openai.api_key"],"secrets":["${wanted}"]}`,
    ],
    ['the key escaped', `{"secrets":["openai.api_key"],"\\u0073ecrets":["${wanted}"]}`],
    ['the name escaped', `{"secrets":["github\\u002eadmin_token"]}`],
    ['behind __proto__', `{"secrets":["openai.api_key"],"__proto__":{"secrets":["${wanted}"]}}`],
    ['behind constructor', `{"secrets":["openai.api_key"],"constructor":{"prototype":{"secrets":["${wanted}"]}}}`],
    ['in a list in the list', `{"secrets":[["${wanted}"]]}`],
    ['as a text', `{"secrets":"${wanted}"}`],
    ['as an object like a list', `{"secrets":{"0":"${wanted}","length":1}}`],
    ['as an object with toString', `{"secrets":[{"toString":"${wanted}"}]}`],
    ['with an agent in the body', `{"agent":"owner","secrets":["${wanted}"]}`],
    ['with inputs', `{"inputs":{"reference":"op://Agents/GitHub/admin token"},"secrets":["${wanted}"]}`],
    ['in UTF-16', Buffer.from(`{"secrets":["${wanted}"]}`, 'utf16le')],
    ['behind a byte order mark', `\ufeff{"secrets":["${wanted}"]}`],
    ['in UTF-8 that is too long', Buffer.from(`{"secrets":["github\u00c0\u00aeadmin_token"]}`, 'latin1')],
  ])('%s in the body', async (_, body) => {
    const answer = await asCodex('/v1/secrets/resolve', { body });
    expect([400, 403]).toContain(answer.status);
  });

  test.each([
    'scim-token',
    'scim-token/',
    '/scim-token',
    'orders-token/../scim-token',
    'orders-token/%2e%2e/scim-token',
    'orders-token%2f..%2fscim-token',
    'orders-token%5c..%5cscim-token',
    'orders-token\\..\\scim-token',
    'orders-token/rejected/../../scim-token',
    './scim-token',
    '%2e/scim-token',
    '%73cim-token',
    'scim%2Dtoken',
    'SCIM-TOKEN',
    'scim-token?',
    'scim-token?flow=orders-token',
    'orders-token?flow=scim-token',
    'scim-token#orders-token',
    'scim-token;orders-token',
    'scim-token%00',
    'orders-token%00scim-token',
    'scim-token%20',
    'scim-token.yaml',
    '..%2fflows%2fscim-token',
    '%25%37%33cim-token',
    '__proto__',
    'constructor',
  ])('by the path of another flow: %s', async (path) => {
    for (const prefix of [
      '/v1/tokens/',
      '/v1/flows/',
      '/V1/tokens/',
      '//v1/tokens/',
      '/v1/./tokens/',
      '/v1/flows/../tokens/',
    ]) {
      const answer = await asCodex(`${prefix}${path}`);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(answer.body).not.toContain('access_token');
    }
  });

  test.each<[string, Readonly<Record<string, string | string[]>>]>([
    ['X-Agent-Id', { 'x-agent-id': 'owner' }],
    ['X-Agent-Id twice', { 'x-agent-id': ['codex', 'owner'] }],
    ['a second credential', { authorization: ['Bearer {codex}', 'Bearer {other}'] }],
    ['credentials in one header', { authorization: 'Bearer {codex}, Bearer {other}' }],
    ['a credential of a proxy', { 'proxy-authorization': 'Bearer {codex}', authorization: '' }],
    ['another scheme', { authorization: 'Basic {codex}' }],
    ['a credential in a cookie', { cookie: 'authorization=Bearer {codex}', authorization: '' }],
  ])('as somebody else, by %s: 401', async (_, headers) => {
    const filled = JSON.parse(
      JSON.stringify(headers).replaceAll('{codex}', target.tokens.codex).replaceAll('{other}', target.tokens.slow),
    ) as typeof headers;
    const answer = await asCodex('/v1/tokens/scim-token', { headers: filled });
    expect([answer.status, code(answer)]).toEqual([401, 'not-authenticated']);
  });

  test.each([
    'x-original-url',
    'x-rewrite-url',
    'x-http-method-override',
    'x-forwarded-for',
    'x-forwarded-user',
    'x-forwarded-host',
    'forwarded',
    'x-agent-run-id',
    'x-user',
    'x-policy',
  ])('by what a proxy might be believed: %s', async (name) => {
    const answer = await asCodex('/v1/tokens/scim-token', { headers: { [name]: 'owner' } });
    expect(answer.status).toBe(403);
    expect(target.trail()).not.toContain('"address":"owner"');
  });

  test.each([
    ['GET', 405],
    ['PUT', 405],
    ['HEAD', 405],
    ['OPTIONS', 405],
    ['PROPFIND', 405],
  ])('by %s', async (method, status) => {
    expect((await asCodex('/v1/tokens/orders-token', { method })).status).toBe(status);
    expect((await asCodex('/v1/tokens/scim-token', { method })).status).toBe(status);
  });

  test('by a name of the prototype where everything is allowed: it is not in the registry', async () => {
    for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
      const one = await ask(target.port, '/v1/secrets/resolve', {
        token: target.tokens.owner,
        body: { secrets: [name] },
      });
      expect([one.status, code(one)]).toEqual([403, 'not-allowed']);
      const flow = await ask(target.port, `/v1/tokens/${name}`, { token: target.tokens.owner });
      expect([flow.status, code(flow)]).toEqual([403, 'not-allowed']);
    }
  });

  test('by a flow that writes, which a wildcard does not name', async () => {
    const answer = await ask(target.port, '/v1/flows/seed-runtime', { token: target.tokens.owner, body: {} });
    expect([answer.status, code(answer)]).toEqual([403, 'not-allowed']);
  });

  test('by a request inside a request', async () => {
    const inner = `POST /v1/tokens/scim-token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${target.tokens.codex}\r\n\r\n`;
    const head = `POST /v1/tokens/orders-token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${target.tokens.codex}\r\nContent-Type: application/json\r\n`;
    for (const lengths of [
      `Content-Length: ${inner.length}\r\nTransfer-Encoding: chunked\r\n`,
      `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`,
      `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n`,
      `Transfer-Encoding: xchunked\r\n`,
      `Transfer-Encoding : chunked\r\n`,
      `Transfer-Encoding:\u000bchunked\r\n`,
      `Content-Length: +0\r\n`,
      `Content-Length: 0, ${inner.length}\r\n`,
      `Content-Length: 0x0\r\n`,
      `Content-Length: 0\r\nContent-Length: ${inner.length}\r\n`,
    ]) {
      const text = await raw(`${head}${lengths}\r\n0\r\n\r\n${inner}`);
      expect(statuses(text).slice(0, 1), lengths).toEqual([400]);
      expect(statuses(text).length, lengths).toBe(1);
    }
    // a body is a body, whatever it looks like
    expect(statuses(await raw(`${head}Content-Length: ${inner.length}\r\n\r\n${inner}`))).toEqual([400]);
  });

  test('by who came before on the same connection', async () => {
    const first = `POST /v1/tokens/scim-token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${target.tokens.owner}\r\n\r\n`;
    const next = (credential: string) => `POST /v1/tokens/scim-token HTTP/1.1\r\nHost: localhost\r\n${credential}\r\n`;
    const last = next(`Authorization: Bearer ${target.tokens.codex}\r\nConnection: close\r\n`);
    const socket = connect({ host: '127.0.0.1', port: target.port });
    const answers = untilClosed(socket);
    socket.write(`${first}${next('')}${last}`);
    expect(statuses(await answers)).toEqual([200, 401, 403]);
  });

  test.each([
    ['a name that was rebound', 'POST /v1/tokens/orders-token', 'Host: attacker.example', 421],
    ['a name that begins as ours', 'POST /v1/tokens/orders-token', 'Host: localhost.attacker.example', 421],
    ['an address that is written so', 'POST /v1/tokens/orders-token', 'Host: 127.0.0.1.nip.io', 421],
    ['a number', 'POST /v1/tokens/orders-token', 'Host: 2130706433', 421],
    ['a page', 'POST /v1/tokens/orders-token', 'Host: localhost\r\nOrigin: https://attacker.example', 403],
    ['a page without an origin', 'POST /v1/tokens/orders-token', 'Host: localhost\r\nOrigin: null', 403],
    ['a page of ours', 'POST /v1/tokens/orders-token', 'Host: localhost\r\nOrigin: http://localhost:7700', 403],
    ['an image', 'GET /metrics', 'Host: localhost\r\nSec-Fetch-Site: cross-site', 403],
    [
      'a page that asks first',
      'OPTIONS /v1/tokens/orders-token',
      'Host: localhost\r\nOrigin: https://attacker.example\r\nAccess-Control-Request-Method: POST',
      403,
    ],
  ])('from a browser: %s', async (_, line, headers, status) => {
    const text = await raw(`${line} HTTP/1.1\r\n${headers}\r\nAuthorization: Bearer ${target.tokens.codex}\r\n\r\n`);
    expect(statuses(text)).toEqual([status]);
    expect(text).not.toMatch(/access-control-allow/i);
  });
});

describe('what belongs to another agent', () => {
  test('its lease, its token, and the end of its token', async () => {
    const answer = await asCodex('/v1/secrets/resolve', { body: { secrets: ['stripe.live_key'] } });
    expect([answer.status, code(answer)]).toEqual([403, 'not-allowed']);
    const { body } = await ask(target.port, '/v1/tokens/scim-token', { token: target.tokens.owner });
    const { access_token: token } = JSON.parse(body) as { access_token: string };
    const token_hash = createHash('sha256').update(token).digest('hex');
    // not by its own flow, and not by one that the attacker may run
    expect((await asCodex('/v1/tokens/scim-token/rejected', { body: { token_hash } })).status).toBe(403);
    const reported = await asCodex('/v1/tokens/orders-token/rejected', { body: { token_hash } });
    expect([reported.status, JSON.parse(reported.body)]).toMatchObject([200, { evicted: false }]);
    const again = await ask(target.port, '/v1/tokens/scim-token', { token: target.tokens.owner });
    expect((JSON.parse(again.body) as { access_token: string }).access_token).toBe(token);
  });

  test('its rate: nobody else is made to wait', async () => {
    const slow = () =>
      ask(target.port, '/v1/secrets/resolve', { token: target.tokens.slow, body: { secrets: ['openai.api_key'] } });
    expect([(await slow()).status, (await slow()).status, (await slow()).status]).toEqual([200, 200, 429]);
    expect((await asCodex('/v1/secrets/resolve', { body: { secrets: ['openai.api_key'] } })).status).toBe(200);
  });

  test('whether a name exists', async () => {
    const shape = ({ status, headers, body }: Answer) => {
      const { requestId: _, names: __, ...told } = JSON.parse(body) as Record<string, unknown>;
      return [status, Object.keys(headers).toSorted(), told];
    };
    const secret = (name: string) => asCodex('/v1/secrets/resolve', { body: { secrets: [name] } });
    const nothing = shape(await secret('stripe.nothing'));
    // the second time there is no request left of the rate that registry.yaml gives it
    for (const name of ['stripe.live_key', 'github.admin_token', 'stripe.metered', 'stripe.metered']) {
      expect(shape(await secret(name))).toEqual(nothing);
    }
    const flow = shape(await asCodex('/v1/tokens/nothing'));
    for (const name of ['scim-token', 'seed-runtime', 'break-glass']) {
      expect(shape(await asCodex(`/v1/tokens/${name}`))).toEqual(flow);
      expect(shape(await asCodex(`/v1/flows/${name}`, { body: { inputs: { nothing: 1 } } }))).toEqual(flow);
    }
    const list = await asCodex('/v1/flows', { method: 'GET' });
    expect((JSON.parse(list.body) as { flows: { name: string }[] }).flows.map(({ name }) => name)).toEqual([
      'orders-token',
    ]);
  });

  test('without any credential: which routes, which agents, which names', async () => {
    for (const path of [
      '/v1/secrets/resolve',
      '/v1/tokens/orders-token',
      '/v1/tokens/nothing',
      '/v1/flows/scim-token',
    ]) {
      const answer = await ask(target.port, path);
      expect([answer.status, code(answer)]).toEqual([401, 'not-authenticated']);
    }
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) {
      const { body } = await ask(target.port, path, { method: 'GET' });
      expect(body).not.toMatch(/codex|leaving|stripe|github|orders-token|op:\/\//);
      heard.push(body);
    }
  });
});

describe('a workload that is not one', () => {
  const encoded = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = publicKey.export({ format: 'jwk' });

  test('no address that a token names is ever asked, and nothing but the issuer proves it', async () => {
    let asked = 0;
    const own = createServer((_request, response) => {
      asked += 1;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [{ ...jwk, kid: 'mine' }] }));
    });
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    const { port } = own.address() as AddressInfo;
    const mine = `http://127.0.0.1:${port}`;
    const { issuer } = target.stack.identityProvider;
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: issuer, aud: 'flows', sub: 'ci-1', iat: now, exp: now + 300 };
    const { keys } = (await (await fetch(`${issuer.replace(/\/$/, '')}/jwks`)).json()) as {
      keys: { kid: string; n: string }[];
    };
    const [known] = keys;
    expect(known?.kid).toBeTruthy();
    const signed = (header: object, payload: object) => {
      const text = `${encoded({ alg: 'RS256', typ: 'JWT', ...header })}.${encoded(payload)}`;
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    };
    const none = (alg: string) => `${encoded({ alg, typ: 'JWT' })}.${encoded(claims)}.`;
    const keyed = `${encoded({ alg: 'HS256', typ: 'JWT', kid: known?.kid })}.${encoded(claims)}`;
    const tokens = [
      signed({ kid: 'mine' }, { ...claims, iss: mine }),
      signed({ kid: 'mine' }, { ...claims, iss: issuer.replace('127.0.0.1', `127.0.0.1@127.0.0.1:${port}`) }),
      signed({ kid: 'mine' }, { ...claims, iss: `${issuer}/../..` }),
      signed({ kid: 'mine' }, { ...claims, iss: [issuer, mine] }),
      signed({ kid: 'mine', jku: `${mine}/jwks` }, claims),
      signed({ kid: 'mine', x5u: `${mine}/x5u` }, claims),
      signed({ kid: 'mine', jwk }, claims),
      signed({ kid: `${mine}/jwks` }, claims),
      signed({ kid: '../../../../etc/passwd' }, claims),
      signed({ kid: known?.kid }, claims),
      signed({}, claims),
      signed({ kid: 'mine', crit: ['b64'], b64: false }, claims),
      none('none'),
      none('NONE'),
      `${none('none')}AAAA`,
      `${keyed}.${createHmac('sha256', known?.n ?? '')
        .update(keyed)
        .digest('base64url')}`,
      `${encoded({ alg: 'RS256' })}.${encoded(claims)}.${'A'.repeat(15_000)}`,
      'a.b.c',
      'eyJhbGciOiJSUzI1NiJ9..',
    ];
    for (const token of tokens) {
      const answer = await ask(target.port, '/v1/secrets/resolve', { token, body: { secrets: ['stripe.live_key'] } });
      heard.push(JSON.stringify(answer));
      expect([answer.status, code(answer)]).toEqual([401, 'not-authenticated']);
    }
    // a real token of that issuer, made for another audience
    const { body } = await ask(target.port, '/v1/tokens/orders-token', { token: target.tokens.codex });
    const { access_token: token } = JSON.parse(body) as { access_token: string };
    const answer = await ask(target.port, '/v1/secrets/resolve', { token, body: { secrets: ['stripe.live_key'] } });
    expect(answer.status).toBe(401);
    expect(asked).toBe(0);
    await new Promise((resolve) => own.close(resolve));
  });
});

describe('a process that should stop answering', () => {
  const sockets: Socket[] = [];
  const open = (count: number, bytes: string) => {
    for (let index = 0; index < count; index += 1) {
      const socket = connect(target.port, '127.0.0.1').on('error', () => undefined);
      if (bytes !== '') socket.write(bytes);
      sockets.push(socket);
    }
  };
  /** milliseconds that an honest agent waits; Infinity where it gets nothing */
  const wait = async () => {
    const started = performance.now();
    const { status } = await ask(target.port, '/v1/tokens/orders-token', { token: target.tokens.codex });
    return status === 200 ? performance.now() - started : Infinity;
  };
  /** the same where connections may be cut: an agent whose connection is comes again */
  const waitAmongMany = async () => {
    const started = performance.now();
    while ((await wait().catch(() => Infinity)) === Infinity) await sleep(50);
    return performance.now() - started;
  };
  const auth = () => `Host: localhost\r\nAuthorization: Bearer ${target.tokens.codex}\r\n`;

  test.each<[string, () => void]>([
    ['headers that never end', () => open(300, 'POST /v1/tokens/orders-token HTTP/1.1\r\nHost: local')],
    [
      'bodies that never end',
      () =>
        open(
          300,
          `POST /v1/secrets/resolve HTTP/1.1\r\n${auth()}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`,
        ),
    ],
    [
      'whole headers, again and again, and bodies that never end',
      () => {
        const request = `POST /v1/tokens/orders-token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{`;
        open(2_200, request);
        // reopened as often as they are closed
        for (const socket of sockets) socket.once('close', () => sockets.length < 6_000 && open(1, request));
      },
    ],
    [
      'bodies that never end, by an agent',
      () => open(2_200, `POST /v1/tokens/orders-token HTTP/1.1\r\n${auth()}Content-Length: 9\r\n\r\n{`),
    ],
    ['answers that nobody reads', () => open(20, `GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(100))],
    [
      'a flood without credentials',
      () => open(50, `POST /v1/tokens/orders-token HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(60)),
    ],
    ['many requests of metrics', () => open(10, `GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(20))],
    [
      'bodies of nothing but brackets',
      () =>
        open(
          50,
          `POST /v1/secrets/resolve HTTP/1.1\r\n${auth()}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n${'['.repeat(60_000)}`,
        ),
    ],
  ])('%s', async (_, attack) => {
    attack();
    await sleep(100);
    for (let count = 0; count < 5; count += 1) expect(await waitAmongMany()).toBeLessThan(patience);
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  test.each([
    ['that say nothing', ''],
    ['that have asked once', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ])('more connections than are taken, %s', async (_, bytes) => {
    // a few at a time, so that each is heard before the next ones come
    for (let some = 0; some < 12; some += 1) {
      open(200, bytes);
      await sleep(100);
    }
    expect(await waitAmongMany()).toBeLessThan(patience);
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  test('a flood of an agent beyond its rate: neither the trail nor anybody else has to bear it', async () => {
    const lines = () => target.trail().split('"agent":"slow"').length - 1;
    const before = lines();
    const request = `GET /v1/flows HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${target.tokens.slow}\r\n\r\n`;
    open(40, request.repeat(100));
    await sleep(1_500);
    await expect.poll(() => lines() - before).toBeGreaterThan(90);
    expect(await wait()).toBeLessThan(patience);
    expect(lines() - before).toBeLessThan(250);
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  test('a thousand names, and names that wind through a pattern', async () => {
    const started = performance.now();
    const thousand = Array.from({ length: 1_000 }, (_, index) => `n${index}`);
    expect((await asCodex('/v1/secrets/resolve', { body: { secrets: thousand } })).status).toBe(400);
    const winding = Array.from({ length: 100 }, (_, index) => `${'a'.repeat(120)}${index}`);
    const answer = await ask(target.port, '/v1/secrets/resolve', {
      token: target.tokens.winding,
      body: { secrets: winding },
    });
    expect(answer.status).toBe(403);
    expect((await ask(target.port, `/v1/tokens/${'a'.repeat(128)}`, { token: target.tokens.winding })).status).toBe(
      403,
    );
    expect(performance.now() - started).toBeLessThan(patience);
  });
});

describe('a credential that has ended', () => {
  const status = async (token: string) => (await ask(target.port, '/v1/tokens/orders-token', { token })).status;

  test('one that is revoked gives nothing from memory either', async () => {
    const { leaving } = target.tokens;
    expect(await status(leaving)).toBe(200);
    expect((await target.home.flows(['agents', 'revoke', 'leaving'])).code).toBe(0);
    await expect.poll(() => status(leaving)).toBe(401);
    for (let count = 0; count < 20; count += 1) expect(await status(leaving)).toBe(401);
  });

  test.each([
    ['in other case', (token: string) => token.toUpperCase()],
    ['with a space', (token: string) => `${token} `],
    ['with another end', (token: string) => `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`],
    ['cut', (token: string) => token.slice(0, -1)],
    ['doubled', (token: string) => `${token}${token}`],
    ['as its hash', (token: string) => createHash('sha256').update(token).digest('hex')],
    ['as policy.yaml has it', (token: string) => `sha256:${createHash('sha256').update(token).digest('hex')}`],
  ])('one that is not quite it: %s', async (_, change) => {
    const changed = change(target.tokens.codex);
    // a space at the end of a header is not part of it (RFC 9110, section 5.5)
    expect(await status(changed)).toBe(changed.endsWith(' ') ? 200 : 401);
  });
});

test('the trail holds what was tried, cannot be written through a request, and nothing leaked', async () => {
  const line = '","outcome":"allowed","mac":"00"}';
  const forged = [
    { 'x-agent-run-id': line },
    { 'x-reason': `because${line}` },
    { 'x-reason': 'caf\u00e9 \u0085' },
    { 'x-agent-run-id': 'r'.repeat(129) },
  ];
  const answers = await Promise.all(forged.map(async (headers) => asCodex('/v1/tokens/orders-token', { headers })));
  expect(answers.map(({ status }) => status)).toEqual([400, 200, 400, 400]);
  const reason = `x${line}\\n{"seq":1}`;
  const body = { secrets: ['openai.api_key'], reason };
  expect((await asCodex('/v1/secrets/resolve', { body })).status).toBe(200);
  expect((await asCodex('/v1/secrets/resolve', { body: { ...body, reason: 'a\nb' } })).status).toBe(400);

  const verified = await target.home.flows(['audit', 'verify']);
  expect([verified.code, verified.stderr]).toMatchObject([0, expect.any(String)]);
  target.served.child.kill('SIGTERM');
  const { code: exit, stdout, stderr } = await target.served.ended;
  expect([exit, stdout]).toEqual([0, '']);

  const denied = ['github.admin_token', 'stripe.live_key', 'stripe.metered'].map((name) => values[name] ?? '');
  expect(denied.filter((value) => value.length < 16)).toEqual([]);
  for (const value of denied) expect(heard.filter((text) => text.includes(value))).toEqual([]);
  const trail = target.trail();
  for (const secret of [...Object.values(values), ...Object.values(target.tokens)]) {
    expect(stderr).not.toContain(secret);
    expect(trail).not.toContain(secret);
  }
  for (const text of [stderr, ...heard]) expect(text).not.toMatch(/\n\s+at |node_modules|Error:/);
  const events = trail
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as { agent: string; outcome: string; what: string[]; reason?: string });
  expect(events.some((event) => event.reason === reason)).toBe(true);
  const given = events.filter(({ agent, outcome }) => agent === 'codex' && outcome === 'allowed');
  expect(new Set(given.flatMap(({ what }) => what))).toEqual(new Set(['openai.api_key', 'orders-token']));
});
