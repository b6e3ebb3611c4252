import type { RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { createWay } from '../../../../src/foundation/proxy.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { load, told } from '../../../folder/folder.ts';
import { selfSigned } from '../../../surfaces/server/certificate.ts';
import { apiAt, credential, json, leadsTo, request, rules, startApi } from './arrange.ts';

/*
 * What has gone wrong where others let agents use credentials that they do not see: 52 cases, each with what happens here.
 * The first cannot be written; the next are stopped before a byte is sent; of the last nothing comes out.
 */

let peer: Awaited<ReturnType<typeof startApi>>;
beforeAll(async () => {
  peer = await startApi();
});
afterAll(() => peer.close());
beforeEach(() => {
  peer.asked.length = 0;
});

const token = credential.reveal();

/** What a person is told, and what the error holds anywhere. */
async function failure(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    (value) => new Error(`it gave ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof FlowError)) throw error;
  let all = '';
  for (let at: unknown = error; at instanceof Error; at = at.cause) all += `${at.message}\n${at.stack ?? ''}\n`;
  for (const part of [token, ...token.split('.')]) expect(all).not.toContain(part);
  return `${error.code}: ${error.line()}`;
}

const service = (api: string) => `environments:
  production:
    vault: { type: onepassword, token: { env: A } }
    issuers: { main: { url: 'https://issuer.example/' } }
    apis: { orders: { ${api} } }
`;
const good = `url: 'https://orders.example', methods: [POST], paths: [/orders, '/orders/{id}'], token: bearer`;
const flow = (more: string, uses = 'http/request') => `description: x
inputs: { id: { type: string } }
steps:
  - { id: key, uses: vault/read, with: { reference: op://A/B/c } }
  - { id: ask, uses: ${uses}, with: { api: '\${{ apis.orders }}', token: '\${{ steps.key }}', ${more} } }
`;

/** What the check says of a URL in service.yaml, and of a step. */
const ofUrl = async (url: string) =>
  told(await load({ 'service.yaml': service(good.replace("'https://orders.example'", () => `'${url}'`)) }));
const ofStep = async (more: string, api = good) =>
  told(await load({ 'service.yaml': service(api), 'x.yaml': flow(more) }));

describe('what cannot be written', () => {
  const urls: readonly (readonly [string, string, RegExp])[] = [
    ['1 userinfo before another host', 'https://orders.example@evil.example', /user name|not written plainly/],
    ['2 a backslash', 'https://orders.example\\@evil.example', /not written plainly/],
    ['3 a host that an input would complete', 'https://orders.example${{ inputs.id }}', /may not stand in service/],
    ['4 a pattern', 'https://*.example', /no name of a host/],
    ['5 a trailing dot', 'https://orders.example.', /not written plainly/],
    ['6 letters of another script', 'https://оrders.example', /not written plainly/],
    ['6 full-width letters', 'https://ｏrders.example', /not written plainly/],
    ['7 a port that is hidden', 'https://orders.example:08443', /not written plainly/],
    ['8 http', 'http://orders.example', /plain http/],
    ['9 a decimal address', 'https://2130706433', /not written plainly/],
    ['9 an octal one', 'https://0177.0.0.1', /not written plainly/],
    ['9 a hexadecimal one', 'https://0x7f.1', /not written plainly/],
    ['9 a short one', 'https://127.1', /not written plainly/],
    ['10 a mapped address', 'https://[::ffff:7f00:1]', /is an address/],
    ['10 one behind NAT64', 'https://[64:ff9b::a00:1]', /is an address/],
    ['11 the address of nobody', 'https://0.0.0.0', /is an address/],
    ['11 the same of IPv6', 'https://[::]', /is an address/],
    ['20 a path', 'https://orders.example/v1', /more than an origin/],
  ];
  it.each(urls)('%s', async (_, url, problem) => {
    expect((await ofUrl(url)).join('\n')).toMatch(problem);
  });

  const steps: readonly (readonly [string, string, RegExp])[] = [
    ['19 a Host header', 'method: POST, path: /orders, headers: { host: evil.example }', /unknown key "headers"/],
    ['20 dot segments', 'method: POST, path: /orders/../admin', /"path" takes a path/],
    ['21 encoded ones', "method: POST, path: '/orders/%2e%2e/admin'", /"path" takes a path/],
    ['22 doubly encoded ones', "method: POST, path: '/orders/%252e%252e'", /"path" takes a path/],
    ['23 a parameter in a segment', 'method: POST, path: /orders/..;/admin', /"path" takes a path/],
    ['23 an empty segment', 'method: POST, path: //evil.example/orders', /"path" takes a path/],
    ['24 a tab', 'method: POST, path: "/ord\\ters"', /"path" takes a path/],
    ['25 a pattern', "method: POST, path: '/orders/**'", /may not be asked at/],
    ['25 a path that an input completes', "method: POST, path: '/orders/${{ inputs.id }}'", /"path": is written out/],
    ['26 a method that is not allowed', 'method: DELETE, path: /orders', /may not be asked by DELETE/],
    ['28 a header of one’s own', 'method: POST, path: /orders, headers: { authorization: x }', /unknown key "headers"/],
    ['31 a secret in the body', "method: POST, path: /orders, json: { a: '${{ steps.key }}' }", /is a secret/],
    ['31 a secret in the query', "method: POST, path: /orders, query: { a: '${{ steps.key }}' }", /is a secret/],
    [
      '31 a secret in the path',
      "method: POST, path: '/orders/{id}', path-values: { id: '${{ steps.key }}' }",
      /is a secret/,
    ],
    ['32 a placeholder in the body', 'method: POST, path: /orders, json: { a: op://A/B/c }', /not a reference/],
    ['32 another language’s', 'method: POST, path: /orders, json: { a: "{{ op://A/B/c }}" }', /is not put in here/],
    ['33 a second credential', 'method: POST, path: /orders, token: op://A/B/c', /token.*(?:twice|unique)/i],
  ];
  it.each(steps)('%s', async (_, step, problem) => {
    expect((await ofStep(step)).join('\n')).toMatch(problem);
  });

  it.each(['Connection', 'host', 'Content-Length', 'Transfer-Encoding', 'Proxy-Authorization', 'Cookie', 'Upgrade'])(
    '26, 29, 30, 36, 37 the header %s as the place of a credential',
    async (header) => {
      const api = good.replace('token: bearer', `header: ${header}`);
      expect((await ofStep('method: POST, path: /orders', api)).join('\n')).toMatch(/no place for a credential/);
    },
  );
});

describe('what is not asked', () => {
  const addresses: readonly (readonly [string, readonly string[]])[] = [
    ['10 a mapped address', ['::ffff:10.0.0.1']],
    ['10 a mapped public one', ['::ffff:93.184.215.14']],
    ['10 one behind NAT64', ['64:ff9b::a00:1']],
    ['10 one of 6to4', ['2002:a00:1::1']],
    ['11 the address of nobody', ['0.0.0.0']],
    ['11 the same of IPv6', ['::']],
    ['12 a private network', ['10.1.2.3']],
    ['12 a carrier’s', ['100.64.0.1']],
    ['12 a private one of IPv6', ['fd12::1']],
    ['12 a documented one', ['192.0.2.1']],
    ['14 a bad address among good ones', ['93.184.215.14', '192.168.0.1']],
    ['14 a good one before a bad one of IPv6', ['93.184.215.14', 'fe80::1']],
    ['16 a metadata service', ['169.254.169.254']],
    ['16 Alibaba’s', ['100.100.100.200']],
    ['16 AWS’s of IPv6', ['fd00:ec2::254']],
    ['16 Azure’s', ['168.63.129.16']],
    ['17 the broker beside it', ['127.0.0.1']],
    ['17 the same of IPv6', ['::1']],
    ['12 nothing', []],
  ];
  it.each(addresses)('%s', async (_, found) => {
    const api = apiAt('https://orders.example', { development: false, lookup: leadsTo(...found) });
    expect(await failure(api.send(request()))).toMatch(/^refused: apis\.orders: orders\.example leads to an address/);
  });

  it('13 an address other than the one that was looked at: a name is looked up once a connection', async () => {
    const found = [['127.0.0.1'], ['10.0.0.1']];
    const lookup: ReturnType<typeof leadsTo> = (...all) => leadsTo(...(found.shift() ?? []))(...all);
    const url = peer.url.replace('127.0.0.1', 'localhost');
    const api = apiAt(url, { lookup });
    expect((await api.send(request())).status).toBe(200);
    expect((await api.send(request())).status).toBe(200);
    expect(found).toHaveLength(1);
    await api.close();
    const next = apiAt(url, { lookup });
    expect(await failure(next.send(request()))).toMatch(/^refused/);
  });

  it('15 an address that nobody looked up', async () => {
    const api = apiAt(peer.url.replace('http:', 'https:'), { development: false });
    // `private:` takes no network of this machine
    expect(await failure(api.send(request()))).toMatch(/^refused: .*leads to an address.*this machine.* never reached/);
  });

  it('18 who has no right certificate', async () => {
    const { certificate: cert, key } = selfSigned('orders.example');
    const server = createTlsServer({ cert, key }, json({ id: 1 }));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    expect(await failure(apiAt(url, { lookup: leadsTo('127.0.0.1') }).send(request()))).toMatch(/unavailable: .*CERT/);
    server.close();
  });

  const values: readonly (readonly [string, string])[] = [
    ['20 a dot segment', '..'],
    ['20 one in a longer value', '../admin'],
    ['21 an encoded one', '%2e%2e%2f'],
    ['22 a doubly encoded one', '%252e%252e'],
    ['23 a parameter', '..;a=b'],
    ['23 a slash', '/evil.example'],
    ['23 a backslash', '..\\admin'],
    ['24 NUL', 'A-1\0'],
    ['24 a tab', 'A\t1'],
    ['25 more than a segment', 'A-1/items'],
    ['27 a line break', 'A-1\r\nX-Evil: 1'],
    ['24 half a surrogate', '\ud800'],
    ['20 nothing', ''],
  ];
  it.each(values)('%s in a value of the path', async (_, id) => {
    const sent = peer.api().send(request({ path: '/orders/{id}', values: { id } }));
    expect(await failure(sent)).toMatch(/^invalid-value: apis\.orders: "id" .*one segment/);
    expect(peer.asked).toEqual([]);
  });

  it('24 half a surrogate in a value of the query', async () => {
    const sent = peer.api().send(request({ query: { q: 'cut \ud83d' } }));
    expect(await failure(sent)).toMatch(/^invalid-value: apis\.orders: "q" .*half a character/);
    expect(peer.asked).toEqual([]);
  });

  it.each([
    ['27 a line break', `${'x'.repeat(20)}\r\nX-Evil: 1`],
    ['24 NUL', `${'x'.repeat(20)}\0`],
    ['51 a letter that a header cannot have, which a library would quote', `${'x'.repeat(20)}ż`],
    ['5 fewer than eight characters, which nobody could tell from other text', 'short'],
  ])('%s in a credential', async (_, value) => {
    const sent = peer.api().send(request({ credential: new Secret(value) }));
    const line = await failure(sent);
    expect(line).toMatch(/^invalid-value: .*cannot be sent/);
    expect(line).not.toContain('xxx');
    expect(peer.asked).toEqual([]);
  });

  it('26, 4 methods and paths other than those of the file, whoever asks', async () => {
    expect(await failure(peer.api().send(request({ method: 'DELETE' })))).toMatch(/^refused/);
    expect(await failure(peer.api().send(request({ path: '/orders/' })))).toMatch(/^refused/);
    expect(await failure(peer.api().send(request({ credential: undefined })))).toMatch(/^refused/);
    expect(peer.asked).toEqual([]);
  });
});

test('19, 28 to 30, 33 to 36 one credential, at its place, and no header but ours', async () => {
  const proxy = new Secret('http://user:canary-proxy@127.0.0.1:9');
  const api = peer.api({ way: createWay({ address: proxy, except: '' }), rules: { ...rules, keyed: true } });
  const values = { id: 'a b"c' };
  const body = { 'a"': 'op://A/B/c', quote: '"\\', line: '\r\nX: y' };
  peer.answers.next = json({ id: 'A-1' });
  await api.send(
    request({
      method: 'POST',
      path: '/orders/{id}',
      values,
      query: { q: 'x\r\ny&z=1', n: 1 },
      json: body,
      idempotencyKey: 'k',
    }),
  );
  const [asked] = peer.asked;
  const { host, connection, ...headers } = asked?.headers ?? {};
  expect(headers).toEqual({
    accept: 'application/json',
    'accept-encoding': 'identity',
    authorization: `Bearer ${token}`,
    'content-length': String(JSON.stringify(body).length),
    'content-type': 'application/json',
    'idempotency-key': 'k',
    'user-agent': 'auth-chain',
  });
  expect([host, connection]).toEqual([new URL(peer.url).host, 'keep-alive']);
  expect(asked?.rawHeaders.filter((each) => each.includes(token))).toHaveLength(1);
  expect([asked?.url, JSON.parse(asked?.body ?? '')]).toEqual(['/orders/a%20b%22c?q=x%0D%0Ay%26z%3D1&n=1', body]);
});

describe('what does not come out', () => {
  const raw =
    (text: string): RequestListener =>
    (incoming) =>
      void incoming.socket.end(text);
  const coded =
    (encoding: string, bytes: Uint8Array): RequestListener =>
    (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(bytes);
  const bytes = (body: string | Uint8Array, type = 'application/json'): RequestListener => {
    return (_, response) => void response.writeHead(200, { 'content-type': type }).end(body);
  };
  const echo = JSON.stringify({ id: token });
  const utf16 = Buffer.from(`\ufeff${echo}`, 'utf16le');

  const answers: readonly (readonly [string, RequestListener, RegExp])[] = [
    [
      '37 an upgrade',
      raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
      /^unavailable/,
    ],
    ['38 echoed headers in a field', json({ id: `Bearer ${token}` }), /^protocol: .*repeats the credential/],
    ['39 an error page', json({ error: token }, 500), /^unavailable: apis\.orders: answers 500/],
    ['39 one with another status', json({ error: token }, 418), /^protocol: apis\.orders: answers 418/],
    ['40 a redirect', json({}, 302, { location: `https://evil.example/?t=${token}` }), /^refused: .*redirects/],
    ['40 one that keeps the method', json({}, 307, { location: `/x?t=${token}` }), /^refused: .*redirects/],
    ['42 a reason phrase', raw(`HTTP/1.1 404 ${token}\r\ncontent-length: 0\r\n\r\n`), /^not-found: .*answers 404/],
    ['45 gzip', coded('gzip', gzipSync(echo)), /^protocol: .*encoded/],
    ['45 gzip twice', coded('gzip, gzip', gzipSync(gzipSync(echo))), /^protocol: .*encoded/],
    ['45 zstd', coded('zstd', zstdCompressSync(echo)), /^protocol: .*encoded/],
    ['45 an unknown coding', coded('x-mine', Buffer.from(echo)), /^protocol: .*encoded/],
    ['46 UTF-16', bytes(utf16), /^protocol: .*no JSON in UTF-8/],
    ['46 UTF-16 that says so', bytes(utf16, 'application/json; charset=utf-16'), /^protocol: .*no JSON in UTF-8/],
    ['46 letters between NUL', json({ id: token.split('').join('\0') }), /^protocol: .*repeats/],
    ['46 no UTF-8', bytes(Buffer.from([0x22, 0xff, 0x22])), /^protocol: .*no JSON in UTF-8/],
    ['47 in two fields', json({ id: token.slice(0, 40), note: token.slice(40) }), /^protocol: .*repeats/],
    ['47 in the elements of a list', json({ id: [token.slice(0, 20), token.slice(20)] }), /^protocol: .*repeats/],
    ['48 a part of it', json({ id: token.split('.')[1] }), /^protocol: .*repeats/],
    ['48 base64', json({ id: Buffer.from(token).toString('base64') }), /^protocol: .*repeats/],
    [
      '48 base64 within another text',
      json({ id: Buffer.from(`x: ${token}`).toString('base64') }),
      /^protocol: .*repeats/,
    ],
    ['48 hex', json({ id: Buffer.from(token).toString('hex') }), /^protocol: .*repeats/],
    ['48 percent-encoded', json({ id: token.replaceAll('.', '%2e') }), /^protocol: .*repeats/],
    [
      '48 percent-encoded whole',
      json({ id: Buffer.from(token).toString('hex').replace(/../g, '%$&') }),
      /^protocol: .*repeats/,
    ],
    [
      '48 entities',
      json({
        id: token
          .split('')
          .map((each) => `&#${each.charCodeAt(0)};`)
          .join(''),
      }),
      /^protocol: .*repeats/,
    ],
    [
      '48 escaped',
      bytes(
        `{"id":"${token
          .split('')
          .map((each) => `\\u00${each.charCodeAt(0).toString(16)}`)
          .join('')}"}`,
      ),
      /^protocol: .*repeats/,
    ],
    [
      '49 padding beyond what is looked at',
      json({ id: 1, pad: 'x'.repeat(70_000), note: token }),
      /^protocol: .*larger than 64 KiB/,
    ],
    ['49 more than is read', json({ id: 'x'.repeat(1_100_000) }), /^protocol: .*larger than 1 MiB/],
    [
      '52 the half of an answer',
      raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n${echo}`),
      /^unavailable/,
    ],
    [
      '52 half of a chunk',
      raw('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"id"'),
      /^unavailable/,
    ],
    ['51 what a parser would quote', bytes(`{"id": ${token}}`), /^protocol: .*no JSON in UTF-8/],
    ['39 a page', bytes(`<p>${token}`, 'text/html'), /^protocol: .*no JSON in UTF-8/],
    ['38 more than a plain value', json({ id: { headers: { authorization: token } } }), /^protocol: .*several values/],
  ];
  it.each(answers)('%s', async (_, next, line) => {
    peer.answers.next = next;
    expect(await failure(peer.api().send(request()))).toMatch(line);
  });

  const left: readonly (readonly [string, RequestListener])[] = [
    ['38 headers of the answer', json({ id: 'A-1' }, 200, { 'x-echo': token, 'www-authenticate': token })],
    ['38 a field that nobody named', json({ id: 'A-1', echo: token, headers: { authorization: token } })],
    ['41 a cookie', json({ id: 'A-1' }, 200, { 'set-cookie': `session=${token}` })],
    [
      '43 a trailer',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', trailer: 'x-echo' });
        response.addTrailers({ 'x-echo': token });
        response.end('{"id":"A-1"}');
      },
    ],
    [
      '44 early hints',
      (_, response) => {
        response.writeEarlyHints({ link: `<https://evil.example/${token}>; rel=preload` });
        json({ id: 'A-1' })(_, response);
      },
    ],
    [
      '47 chunks of one byte',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        for (const each of JSON.stringify({ id: 'A-1', echo: token })) response.write(each);
        response.end();
      },
    ],
  ];
  it.each(left)('%s', async (_, next) => {
    peer.answers.next = next;
    const api = peer.api();
    for (const answer of [await api.send(request()), await api.send(request())])
      expect(answer).toEqual({ status: 200, fields: { id: 'A-1' }, secret: undefined });
    expect(peer.asked.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
  });

  it('50 a new secret, which is one', async () => {
    peer.answers.next = json({ id: 'A-1', key: { value: 'canary-of-the-api' } });
    const answer = await peer.api().send(request({ secret: 'key.value' }));
    expect([answer.secret?.reveal(), JSON.stringify(answer)]).toEqual([
      'canary-of-the-api',
      '{"status":200,"fields":{"id":"A-1"},"secret":"[secret]"}',
    ]);
    peer.answers.next = json({ id: 'canary-of-the-api', key: { value: 'canary-of-the-api' } });
    expect(await failure(peer.api().send(request({ secret: 'key.value' })))).toMatch(/repeats/);
    peer.answers.next = json({ id: 'A-1', key: { value: 'short' } });
    expect(await failure(peer.api().send(request({ secret: 'key.value' })))).toMatch(/no secret of 8 characters/);
  });

  it('40 a redirect is asked nothing', async () => {
    const other = await startApi();
    peer.answers.next = json({}, 307, { location: `${other.url}/?t=${token}` });
    expect(await failure(peer.api().send(request()))).toMatch(/^refused/);
    expect([peer.asked.length, other.asked.length]).toEqual([1, 0]);
    other.close();
  });
});
