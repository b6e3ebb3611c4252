import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LaptopStack } from '../../../../src/adapters/laptop-stack.ts';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { createWay } from '../../../../src/foundation/proxy.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { reachable } from '../../../../src/adapters/apis/http/addresses.ts';
import { apis } from '../../../../src/adapters/apis/index.ts';
import { load, told } from '../../../folder/folder.ts';
import { apiAt, json, request, rules, startApi } from './arrange.ts';

let peer: Awaited<ReturnType<typeof startApi>>;
const sockets = new Set<Socket>();
beforeAll(async () => {
  peer = await startApi();
  peer.server.on('connection', (socket) => sockets.add(socket));
});
afterAll(() => peer.close());
beforeEach(() => {
  peer.asked.length = 0;
  sockets.clear();
});

const failed = async (work: Promise<unknown>): Promise<FlowError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FlowError)) throw new TypeError('it is no FlowError', { cause: error });
  return error;
};

describe('an answer', () => {
  const whole = {
    id: 'A-1',
    total: { amount: '48.00', currency: 'EUR' },
    items: [{ sku: 'x', n: 1 }, { n: 2 }, 'y'],
    tags: ['a', null, true],
    nothing: null,
    __proto__: null,
  };
  it.each<readonly [string, readonly string[], unknown]>([
    ['its fields', ['id', 'nothing'], { id: 'A-1', nothing: null }],
    ['fields of objects', ['total.amount', 'total.currency'], { total: { amount: '48.00', currency: 'EUR' } }],
    ['fields of the elements of a list', ['items.sku'], { items: [{ sku: 'x' }, {}, null] }],
    ['a list of plain values', ['tags'], { tags: ['a', null, true] }],
    ['without those that it has not', ['missing', 'id.of', 'constructor', 'toString'], {}],
    ['nothing that nobody named', [], {}],
  ])('is cut down to %s', async (_, fields, wanted) => {
    peer.answers.next = json(whole);
    expect((await peer.api().send(request({ fields }))).fields).toEqual(wanted);
  });

  it('is taken from the elements of a list, where it is one', async () => {
    peer.answers.next = json([{ id: 1 }, { id: 2 }]);
    expect((await peer.api().send(request({ fields: ['id'] }))).fields).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it.each([
    ['an object', { id: { a: 1 } }],
    ['a list of objects', { id: [{ a: 1 }] }],
    ['a number with more digits than are kept', { id: 12_345_678_901_234_567_890n }],
  ])('with %s where a plain value is wanted is none', async (_, body) => {
    const text = JSON.stringify(body, (__, each: unknown) => (typeof each === 'bigint' ? Number(each) : each));
    peer.answers.next = (___, response) =>
      void response.writeHead(200, { 'content-type': 'application/problem+json; charset=utf-8' }).end(text);
    expect((await failed(peer.api().send(request()))).code).toBe('protocol');
  });

  it.each(['1e400', '-1e400', '12345678901234567890', '9007199254740993.5'])(
    'with the number %s is none, unless nobody wants that field',
    async (number) => {
      const text = `{"id":[{"n":1},{"n":${number}}],"note":2.5e-3}`;
      peer.answers.next = (_, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      const { code, message } = await failed(peer.api().send(request({ fields: ['id.n', 'note'] })));
      expect([code, message]).toEqual([
        'protocol',
        'its answer has a number in "id.n" that is too large to be kept as it is',
      ]);
      expect((await peer.api().send(request({ fields: ['note'] }))).fields).toEqual({ note: 0.0025 });
    },
  );

  it('with lists within lists without an end is none, and a write that gave it may be done', async () => {
    for (const [before, after] of [
      ['{"id":', '}'],
      ['', ''],
    ]) {
      const text = `${before}${'['.repeat(30_000)}${']'.repeat(30_000)}${after}`;
      peer.answers.next = (_, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      const { code, message } = await failed(peer.api().send(request()));
      expect([code, message]).toEqual(['protocol', 'its answer has more than 32 lists within each other']);
      expect((await failed(peer.api().send(request({ method: 'POST', json: {} })))).code).toBe('outcome-unknown');
    }
  });

  it('without a body has no fields', async () => {
    peer.answers.next = (_, response) => void response.writeHead(204).end();
    expect(await peer.api().send(request())).toEqual({ status: 204, fields: {}, secret: undefined });
    expect((await failed(peer.api().send(request({ secret: 'key' })))).code).toBe('protocol');
  });

  it('with a status that is expected is no failure, and only a status where that is none of success', async () => {
    peer.answers.next = json({ id: 'A-1' }, 404);
    expect(await peer.api().send(request({ expect: [200, 404] }))).toEqual({
      status: 404,
      fields: {},
      secret: undefined,
    });
    peer.answers.next = json({ id: 'A-1' }, 202);
    expect((await failed(peer.api().send(request({ expect: [201] })))).message).toBe('answers 202');
  });
});

describe('a status', () => {
  it.each([
    [400, 'invalid-value'],
    [401, 'denied'],
    [403, 'denied'],
    [404, 'not-found'],
    [409, 'conflict'],
    [410, 'not-found'],
    [412, 'conflict'],
    [422, 'invalid-value'],
    [418, 'protocol'],
    [301, 'refused'],
    [304, 'refused'],
    [500, 'unavailable'],
  ])('%i is %s', async (status, code) => {
    peer.answers.next = (_, response) => void response.writeHead(status).end();
    const error = await failed(peer.api().send(request()));
    expect([error.code, error.place.subject, error.message]).toEqual([code, 'apis.orders', `answers ${status}`]);
  });

  it.each([
    [429, 'rate-limited', '7', 7],
    [503, 'unavailable', 'Sun, 29 Nov 2026 12:01:00 GMT', 60],
    [404, 'not-found', '7', undefined],
  ])('%i is %s, and says how long to wait', async (status, code, header, seconds) => {
    peer.answers.next = (_, response) => void response.writeHead(status, { 'retry-after': header }).end();
    const { code: found, retryAfter } = await failed(peer.api().send(request()));
    expect([found, retryAfter]).toEqual([code, seconds]);
  });
});

it.each(['099', '600', '999'])(
  'what answers %s is reached, and a write that it answers so may be done',
  async (status) => {
    peer.answers.next = ({ socket }) => void socket.end(`HTTP/1.1 ${status} X\r\ncontent-length: 2\r\n\r\n{}`);
    const { code, message } = await failed(peer.api().send(request()));
    expect([code, message]).toEqual([
      'protocol',
      `${new URL(peer.url).host} answers with what cannot be read as HTTP (STATUS_${Number(status)})`,
    ]);
    expect((await failed(peer.api().send(request({ method: 'POST' })))).code).toBe('outcome-unknown');
  },
);

describe('a credential that is refused', () => {
  const next = new Secret('canary-another-token');
  it('is given back, and the request is sent once more with another one', async () => {
    const refused: Secret[] = [];
    peer.answers.next = (incoming, response) =>
      incoming.headers.authorization === 'Bearer canary-another-token'
        ? json({ id: 'A-1' })(incoming, response)
        : void response.writeHead(401).end();
    const sent = request({ method: 'POST', json: { a: 1 }, renewed: async (each) => (refused.push(each), next) });
    expect((await peer.api().send(sent)).fields).toEqual({ id: 'A-1' });
    expect(refused).toEqual([sent.credential]);
    expect(peer.asked.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
  });

  it('is denied where there is no other, or that one is refused too', async () => {
    peer.answers.next = (_, response) => void response.writeHead(401).end();
    expect((await failed(peer.api().send(request({ renewed: async () => undefined })))).code).toBe('denied');
    expect(peer.asked).toHaveLength(1);
    expect((await failed(peer.api().send(request({ renewed: async () => next })))).code).toBe('denied');
    expect(peer.asked).toHaveLength(3);
  });

  it('leaves a write undone where no other can be had, and where that is expected', async () => {
    peer.answers.next = (_, response) => void response.writeHead(401).end();
    const renewed = () => Promise.reject(new FlowError('unavailable', 'the issuer does not answer'));
    const sent = request({ method: 'POST', renewed });
    expect((await failed(peer.api().send(sent))).code).toBe('unavailable');
    expect((await peer.api().send({ ...sent, expect: [401] })).status).toBe(401);
  });

  it.each(['cut \ud83d', '\\ud83d'])('is not taken to be in half a character: %j', async (id) => {
    peer.answers.next = json({ id });
    expect((await peer.api().send(request())).fields).toEqual({ id });
    peer.answers.next = json({ id: `${id} ${request().credential?.reveal() ?? ''}` });
    expect((await failed(peer.api().send(request()))).message).toMatch(/repeats/);
  });

  it('is the fence of its own answer', async () => {
    peer.answers.next = (incoming, response) =>
      incoming.headers.authorization === 'Bearer canary-another-token'
        ? json({ id: 'it is canary-another-token' })(incoming, response)
        : void response.writeHead(401).end();
    expect((await failed(peer.api().send(request({ renewed: async () => next })))).message).toMatch(/repeats/);
  });
});

describe('connections', () => {
  it('are kept, and are as many as the file says at most', async () => {
    peer.answers.next = json({ id: 'A-1' });
    const api = peer.api({ inFlight: 2 });
    for (let count = 0; count < 3; count += 1) await api.send(request());
    expect(sockets.size).toBe(1);
    await Promise.all(Array.from({ length: 10 }, () => api.send(request())));
    expect([sockets.size, api.requests()]).toEqual([2, 13]);
    await api.close();
  });

  const cut = (times: number) => {
    let left = times;
    peer.answers.next = (incoming, response) => {
      if (left <= 0) return json({ id: 'A-1' })(incoming, response);
      left -= 1;
      incoming.socket.destroy();
    };
  };
  it.each<readonly [string, Parameters<typeof request>[0], boolean, string, number]>([
    ['a GET is sent once more', {}, false, '200', 2],
    ['a PUT is sent once more', { method: 'PUT' }, false, '200', 2],
    ['a POST is not', { method: 'POST' }, false, 'outcome-unknown', 1],
    ['a POST with a key that counts there is', { method: 'POST', idempotencyKey: 'k' }, true, '200', 2],
    ['a POST with a key that does not is not', { method: 'POST', idempotencyKey: 'k' }, false, 'outcome-unknown', 1],
  ])('that end before an answer: %s', async (_, changes, keyed, outcome, times) => {
    cut(1);
    const sent = peer.api({ rules: { ...rules, keyed } }).send(request(changes));
    const found = await sent.then(
      ({ status }) => String(status),
      ({ code }: FlowError) => code,
    );
    expect(found).toBe(outcome);
    expect(peer.asked).toHaveLength(times);
  });

  it('that cannot be made leave a write undone', async () => {
    const closed = apiAt('http://127.0.0.1:1').send(request({ method: 'POST' }));
    expect((await failed(closed)).code).toBe('unavailable');
  });

  it.each([
    ['', 'ERR_PROXY_TUNNEL'],
    ['garbage\r\n\r\n', 'ERR_PROXY_TUNNEL'],
    ['HTTP/1.1 407 No\r\n\r\n', 'it answers 407'],
  ])('that a proxy does not make, with the answer %j, leave a write undone', async (answer, reason) => {
    const proxy = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(answer));
    });
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
    const address = new Secret(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const api = apiAt('https://orders.example', { way: createWay({ address, except: '' }) });
    const { code, message } = await failed(api.send(request({ method: 'POST' })));
    expect([code, message]).toEqual([
      'unavailable',
      `orders.example cannot be reached by the proxy ${address.reveal()} (${reason})`,
    ]);
    await api.close();
    proxy.close();
  });

  it('that are silent end with the deadline, and with the caller', async () => {
    peer.answers.next = () => undefined;
    expect((await failed(peer.api({ timeout: 50 }).send(request()))).code).toBe('timeout');
    const abort = new AbortController();
    const sent = peer.api().send(request(), abort.signal);
    abort.abort();
    expect((await failed(sent)).code).toBe('aborted');
  });

  it('are tried without a credential', async () => {
    peer.answers.next = (_, response) => void response.writeHead(401).end();
    expect(await peer.api().probe()).toBe('answers 401 to HEAD without a credential');
    expect(peer.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('send no more than 1 MiB', async () => {
    const sent = peer.api().send(request({ method: 'POST', json: 'x'.repeat(1024 * 1024) }));
    expect((await failed(sent)).code).toBe('invalid-value');
    const long = peer.api().send(request({ query: { q: 'x'.repeat(8_000) } }));
    expect((await failed(long)).code).toBe('invalid-value');
    expect(peer.asked).toEqual([]);
  });
});

describe('an API of service.yaml', () => {
  const problemsOf = async (api: string) =>
    told(
      await load({
        'service.yaml': `environments:
  production:
    vault: { type: onepassword, token: { env: A } }
    apis:
      orders: { ${api} }
`,
      }),
    );
  const base = "url: 'https://orders.example', methods: [GET], paths: [/orders]";
  it.each([
    ['nothing but what it needs', base, undefined],
    ['a credential in a header', `${base}, header: X-Api-Key`, undefined],
    ['a network', `${base}, private: [10.20.0.0/16, 'fd12::/16']`, undefined],
    ['limits', `${base}, timeout: 2m, in-flight: 100`, undefined],
    ['this machine', base.replace('orders.example', 'localhost'), /is of this machine/],
    ['an address of this machine', base.replace('orders.example', '127.1.2.3:8443'), /is of this machine/],
    ['IPv6 of this machine', base.replace('orders.example', '[::1]'), /is of this machine/],
    ['a name within this machine', base.replace('orders.example', 'orders.localhost'), /is of this machine/],
    ['no methods', "url: 'https://orders.example', paths: [/orders]", /"methods" is missing/],
    ['an empty list', base.replace('[GET]', '[]'), /methods" takes at least 1/],
    ['a method that there is not', base.replace('GET', 'TRACE'), /methods\[0\]" takes/],
    ['a path twice', base.replace('[/orders]', '[/orders, /orders]'), /stands there twice/],
    ['a path with a name in a part of a segment', base.replace('/orders]', "'/orders-{id}']"), /takes a path/],
    ['a credential in two places', `${base}, token: bearer, header: X-Api-Key`, /stands in one place/],
    ['what is no network', `${base}, private: [10.20.0.0]`, /is no network/],
    ['a prefix that is too long', `${base}, private: [10.20.0.0/33]`, /is no network/],
    ['loopback', `${base}, private: [127.0.0.0/8]`, /nothing in .* is ever reached/],
    ['metadata services', `${base}, private: [169.254.169.254/32]`, /nothing in .* is ever reached/],
    ['a long deadline', `${base}, timeout: 3m`, /longer than 2m/],
    ['too many at once', `${base}, in-flight: 101`, /in-flight/],
    ['an unknown key', `${base}, headers: {}`, /unknown key "headers"/],
  ])('has %s', async (_, api, problem) => {
    expect((await problemsOf(api)).join('\n')).toMatch(problem ?? /^$/);
  });
});

describe('an address', () => {
  const networks = ['10.20.0.0/16', '100.64.0.0/10', 'fd12::/16'];
  it.each([
    ['93.184.215.14', true],
    ['2606:2800:21f:cb07::1', true],
    ['10.20.3.4', true],
    ['10.21.0.1', false],
    ['fd12::1', true],
    ['fd13::1', false],
    ['100.64.1.1', true],
    // a metadata service within a network that is opened
    ['100.100.100.200', false],
    ['169.254.169.254', false],
    ['::ffff:10.20.3.4', false],
    ['0:0:0:0:0:ffff:5db8:d70e', false],
    ['::ffff:0:10.20.3.4', false],
    ['4000::1', false],
    ['fe80::1%lo', false],
    ['224.0.0.1', false],
    ['192.168.1.1', false],
    ['127.0.0.1', false],
    ['::1', false],
    ['', false],
    ['orders.example', false],
  ])('%s is reached: %s', (address, reached) => {
    expect(reachable(networks, false)(address)).toBe(reached);
  });

  it('is of this machine in development alone', () => {
    const may = reachable([], true);
    expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1', '10.0.0.1'].map(may)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('on the laptop', () => {
  const http = apis.get('http');
  const stack = { ordersApi: 'http://127.0.0.1:1' } as LaptopStack;
  it('is the Orders API, whatever its name, with what another environment says of it', () => {
    const declared = { methods: ['GET'], paths: ['/orders'], header: 'X-Api-Key', private: ['10.0.0.0/8'] };
    const settings = http?.laptop?.(stack, declared) ?? {};
    expect(settings).toMatchObject({ url: stack.ordersApi, methods: ['GET'], private: undefined });
    expect(http?.rules(settings)).toMatchObject({
      paths: ['/orders'],
      credential: { header: 'x-api-key', bearer: false },
    });
    expect(http?.rules(http?.laptop?.(stack) ?? {})).toMatchObject({
      paths: undefined,
      credential: { header: 'authorization', bearer: true },
      keyed: true,
    });
  });
});
