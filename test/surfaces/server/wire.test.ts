import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, canary, type Stand, startStand } from './stand.ts';
import { addressOf, exchange, header, parseAnswer, untilClosed } from './wire.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand({ bounds: { headers: 300, request: 600, idle: 1_500 } });
});
afterAll(() => stand.server.close());

const host = 'Host: localhost\r\n';
const auth = `Authorization: Bearer ${bearer}\r\n`;
const token = 'POST /v1/tokens/orders-token HTTP/1.1\r\n';

describe('bytes that are hardly a request', () => {
  test.each<[string, number, string, string]>([
    ['garbage', 400, 'invalid-request', '\u0000\u0001\u0002 nonsense\r\n\r\n'],
    ['no Host', 421, 'misdirected', `${token}${auth}\r\n`],
    ['two Hosts', 421, 'misdirected', `${token}${host}Host: evil.example\r\n${auth}\r\n`],
    ['an empty Host', 421, 'misdirected', `${token}Host:\r\n${auth}\r\n`],
    ['a Host with a user', 421, 'misdirected', `${token}Host: localhost@evil.example\r\n${auth}\r\n`],
    [
      'the absolute form',
      400,
      'invalid-request',
      `POST http://evil.example/v1/tokens/orders-token HTTP/1.1\r\n${host}${auth}\r\n`,
    ],
    ['a target that reads as a host without a path', 404, 'not-found', `GET //a@# HTTP/1.1\r\n${host}\r\n`],
    ['the asterisk form', 400, 'invalid-request', `OPTIONS * HTTP/1.1\r\n${host}\r\n`],
    ['a tunnel', 405, 'method-not-allowed', `CONNECT evil.example:443 HTTP/1.1\r\n${host}\r\n`],
    ['an expectation', 417, 'expectation-failed', `${token}${host}${auth}Expect: the-unexpected\r\n\r\n`],
    ['headers that are too large', 431, 'headers-too-large', `${token}${host}X: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['a target that is too long', 431, 'headers-too-large', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`],
    ['very many headers', 431, 'headers-too-large', `${token}${host}${'a:b\r\n'.repeat(9_000)}\r\n`],
    ['a header folded over lines', 400, 'invalid-request', `${token}${host}X: a\r\n b\r\n\r\n`],
    ['a line feed alone', 400, 'invalid-request', `${token}${host}X: a\nAuthorization: Bearer x\r\n\r\n`],
    ['a NUL in a header', 400, 'invalid-request', `${token}${host}X: a\u0000b\r\n\r\n`],
    ['a space before the colon', 400, 'invalid-request', `${token}${host}Content-Length : 5\r\n\r\nhello`],
    [
      'two lengths',
      400,
      'invalid-request',
      `${token}${host}${auth}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    ],
    [
      'a length and chunks',
      400,
      'invalid-request',
      `${token}${host}${auth}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a negative length', 400, 'invalid-request', `${token}${host}${auth}Content-Length: -1\r\n\r\n`],
    [
      'an encoding that nobody knows',
      400,
      'invalid-request',
      `${token}${host}${auth}Transfer-Encoding: chunked, evil\r\n\r\n`,
    ],
    ['another version', 400, 'invalid-request', `POST /v1/tokens/orders-token HTTP/3.0\r\n${host}\r\n`],
  ])('%s: %i %s', async (_, status, code, bytes) => {
    const answer = parseAnswer(await exchange(addressOf(stand.url), Buffer.from(bytes, 'latin1')));
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { code, status }]);
    expect(header(answer, 'x-request-id')).toBe((JSON.parse(answer.body) as { requestId: string }).requestId);
    expect(header(answer, 'content-type')).toBe('application/problem+json');
    expect(answer.body).not.toContain(canary);
  });

  test('an upgrade is a request like any other', async () => {
    const bytes = `GET /healthz HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    expect(parseAnswer(await exchange(addressOf(stand.url), bytes)).status).toBe(200);
  });

  test('a HEAD has no body', async () => {
    const answer = parseAnswer(await exchange(addressOf(stand.url), `HEAD /healthz HTTP/1.1\r\n${host}\r\n`));
    expect([answer.status, header(answer, 'content-length'), answer.body]).toEqual([200, '27', '']);
  });

  test('requests in one packet are answered in order', async () => {
    const first = `${token}${host}${auth}\r\n`;
    const second = `GET /nothing HTTP/1.1\r\n${host}\r\n`;
    const socket = connect(addressOf(stand.url));
    const answers = untilClosed(socket);
    socket.write(`${first}${second}${token}${host}${auth}Connection: close\r\n\r\n`);
    const text = await answers;
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '404', '200']);
  });
});

describe('slow clients', () => {
  const slow = async (bytes: string) => {
    const socket = connect(addressOf(stand.url));
    const closed = untilClosed(socket);
    const started = performance.now();
    if (bytes !== '') socket.write(bytes);
    const drip = setInterval(() => bytes === '' || socket.write(bytes.endsWith('\r\n') ? 'X: y\r\n' : ' '), 50);
    const text = await closed;
    clearInterval(drip);
    return { text, took: performance.now() - started };
  };

  test.each([
    ['headers that never end', `${token}${host}`],
    [
      'a body that never ends',
      `POST /v1/secrets/resolve HTTP/1.1\r\n${host}${auth}Content-Type: application/json\r\nContent-Length: 9000\r\n\r\n{`,
    ],
  ])('%s: 408', async (_, bytes) => {
    const { text, took } = await slow(bytes);
    expect(parseAnswer(text)).toMatchObject({ status: 408 });
    expect(JSON.parse(parseAnswer(text).body)).toMatchObject({ code: 'request-timeout' });
    expect(took).toBeLessThan(5_000);
  });

  test('a connection on which nothing comes is closed', async () => {
    expect((await slow('')).took).toBeLessThan(5_000);
  });

  test('an answer that nobody reads does not stay', async () => {
    const inFlight = async () => {
      const metrics = await (await fetch(`${stand.url}/metrics`)).text();
      return Number(/^flows_http_requests_in_flight (\d+)$/m.exec(metrics)?.[1]);
    };
    const socket = connect(addressOf(stand.url)).pause();
    socket.on('error', () => undefined);
    // answers fill what the system holds for this connection, then wait
    for (let count = 0; count < 400; count += 1) socket.write(`GET /openapi.json HTTP/1.1\r\n${host}\r\n`);
    await expect.poll(async () => inFlight()).toBeGreaterThan(1);
    await expect.poll(async () => inFlight()).toBe(1);
    socket.destroy();
  });
});

test('more than enough at the same time: 503, and everyone else is served', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const small = await startStand({ bounds: { inFlight: 2 } });
  small.brokerState.wait = promise;
  const ask = () =>
    fetch(`${small.url}/v1/tokens/slow`, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } });
  const waiting = [ask(), ask()];
  for (;;) {
    const answer = await fetch(`${small.url}/healthz`);
    const { code } = (await answer.json()) as { code?: string };
    if (code === undefined) continue;
    expect([answer.status, code, answer.headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
    break;
  }
  resolve();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
  expect((await fetch(`${small.url}/healthz`)).status).toBe(200);
  await small.server.close();
});
