import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuthenticator } from '../../../src/broker/authentication/authenticate.ts';
import { bearerHash, createBearer } from '../../../src/broker/authentication/bearer-token.ts';
import { agentsOf } from '../../broker/authentication/policies.ts';
import { bearer, type Stand, startStand } from './stand.ts';
import { addressOf, exchange, parseAnswer, untilClosed } from './wire.ts';

let stand: Stand;
beforeEach(async () => {
  stand = await startStand();
});
afterEach(() => stand.server.close());

const lines = (more: string, path = '/v1/tokens/orders-token') =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${bearer}\r\n${more}\r\n`;
const json = (body: string, more = '') =>
  `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`.replace(
    /\r\n$/,
    '',
  );

/** What differs from one request to the next is taken out. */
async function bytesOf(request: string): Promise<string> {
  const text = await exchange(addressOf(stand.url), request, 30);
  return text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replace(/^Date: .*$/m, 'Date: D');
}

describe('the route in front of the router', () => {
  test.each([
    ['as agents ask', ''],
    ['with an empty body', 'Content-Length: 0\r\n'],
    ['with what every HTTP library sends', json('{}')],
    ['with white space', json(' { } ')],
    ['with inputs', json('{"inputs":{"tenant":"north","count":3}}')],
    ['with a reason in the body', json('{"reason":"deploy 42"}')],
    ['with two reasons', json('{"reason":"a"}', 'X-Reason: b\r\n')],
    ['with a byte that is no text', json('{"reason":"\xff"}')],
    ['with an unknown key', json('{"input":{}}')],
    ['with a list', json('[]')],
    ['with null', json('null')],
    ['with half of it', json('{"reason"')],
    ['in chunks', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n'],
    ['as a form', json('{}').replace('application/json', 'text/plain')],
    ['with a run and a reason', 'X-Agent-Run-Id: run-1\r\nX-Reason: deploy\r\nX-Agent-Id: codex\r\n'],
    ['on a connection that ends', 'Connection: close\r\n'],
    ['with a bad run id', 'X-Agent-Run-Id: a b\r\n'],
    ['with another agent id', 'X-Agent-Id: other\r\n'],
    ['from a page', 'Origin: http://localhost\r\n'],
  ])('answers byte for byte as the router does %s', async (_, more) => {
    const hot = await bytesOf(lines(more));
    expect(await bytesOf(lines(more)), 'the second time').toBe(hot);
    const hotEvent = stand.events.at(-1);
    const hotCaller = stand.callers.at(-1);
    stand.brokerState.cached = false;
    const routed = await bytesOf(lines(more));
    expect(hot).toBe(routed);
    expect({ ...hotEvent, request: '' }).toEqual({ ...stand.events.at(-1), request: '' });
    expect({ ...hotCaller, request: '' }).toEqual({ ...stand.callers.at(-1), request: '' });
  });

  test.each([
    ['a name', json('{"secrets":["openai.api_key"]}')],
    ['two, one of them twice', json('{"secrets":["openai.a","openai.b","openai.a"]}')],
    ['a name that is denied', json('{"secrets":["stripe.key"]}')],
    ['no names', json('{"secrets":[]}')],
    ['no list', json('{}')],
    ['no body', ''],
    ['a reason', json('{"secrets":["openai.api_key"],"reason":"deploy"}')],
  ])('answers byte for byte as the router does for secrets: %s', async (_, more) => {
    const memory = await bytesOf(lines(more, '/v1/secrets/resolve'));
    expect(await bytesOf(lines(more, '/v1/secrets/resolve')), 'the second time').toBe(memory);
    stand.brokerState.cached = false;
    expect(memory).toBe(await bytesOf(lines(more, '/v1/secrets/resolve')));
  });

  test('hands a body on that was read already', async () => {
    stand.brokerState.cached = false;
    const { status, body } = parseAnswer(
      await exchange(addressOf(stand.url), lines(json('{"secrets":["openai.x"]}'), '/v1/secrets/resolve')),
    );
    expect([status, body]).toEqual([200, expect.stringContaining('openai.x')]);
  });

  test.each([
    ['hot', true],
    ['routed', false],
  ])('waits for a body that comes after its headers, in pieces: %s', async (_, cached) => {
    stand.brokerState.cached = cached;
    const socket = connect(addressOf(stand.url));
    const answer = untilClosed(socket);
    const head = 'Connection: close\r\nContent-Type: application/json\r\nContent-Length: 22\r\n';
    for (const piece of [lines(head), '{"reason":', '"deploy 42"', '}']) {
      socket.write(piece);
      await sleep(10);
    }
    expect(parseAnswer(await answer).status).toBe(200);
    expect(stand.callers.at(-1)?.reason).toBe('deploy 42');
  });

  test('proves each request of a connection by what it sends, whatever was sent on it before', async () => {
    let policy = agentsOf({ codex: { tokens: [{ sha256: bearerHash(bearer) ?? '', expires: undefined }] } });
    const authenticator = createAuthenticator({ policy: () => policy, now: Date.now, development: true });
    const { server, url } = await startStand({ authenticator });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    const ask = (token: string, more = {}) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, ...more };
        request(`${url}/v1/tokens/orders-token`, { method: 'POST', agent, headers }, (response) => {
          ports.add(response.socket.localPort);
          response.resume().on('end', () => resolve(response.statusCode));
        })
          .on('error', reject)
          .end();
      });
    try {
      const stranger = createBearer().reveal();
      const asked = [bearer, stranger, bearer, bearer];
      for (const token of asked) expect(await ask(token)).toBe(token === bearer ? 200 : 401);
      expect(await ask(bearer, { 'X-Agent-Id': 'another' })).toBe(401);
      policy = agentsOf({});
      expect(await ask(bearer)).toBe(401);
      expect(ports.size).toBe(1);
    } finally {
      agent.destroy();
      await server.close();
    }
  });

  test('is what answers: nothing else asks for the cached token', async () => {
    expect(parseAnswer(await exchange(addressOf(stand.url), lines(''))).status).toBe(200);
    expect(stand.callers).toHaveLength(1);
  });

  test.each([
    ['hot', true],
    ['routed', false],
  ])('gives nothing out before the trail has it: %s', async (_, cached) => {
    stand.brokerState.cached = cached;
    const { promise, resolve } = Promise.withResolvers<void>();
    stand.trailState.hold = promise;
    const answer = exchange(addressOf(stand.url), lines(''));
    const nothing = await exchange(addressOf(stand.url), lines(''), 0, 150);
    expect(nothing).toBe('');
    resolve();
    expect(parseAnswer(await answer).status).toBe(200);
  });

  test.each([
    ['hot', true],
    ['routed', false],
  ])('gives nothing out where the trail fails: %s', async (_, cached) => {
    stand.brokerState.cached = cached;
    stand.trailState.broken = true;
    const { status, body } = parseAnswer(await exchange(addressOf(stand.url), lines('')));
    expect([status, JSON.parse(body)]).toMatchObject([503, { code: 'audit-unavailable' }]);
  });
});
