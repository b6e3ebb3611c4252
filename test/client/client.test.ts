import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { BrokerError, type Client, type ClientOptions, createClient } from '../../src/client.ts';
import { credentialOf } from '../../src/client/credential.ts';
import { authorized, bearer, canary, own, startStand } from '../surfaces/server/stand.ts';
import { type Asked, handClock, json, startAnswering } from './stand.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of ending.splice(0).toReversed()) await each();
});

function opened(broker: string, more: Partial<ClientOptions> = {}): Client {
  const client = createClient({ broker, token: bearer, ca: own.cert, ...more });
  ending.push(client.close);
  return client;
}

async function answering(...args: Parameters<typeof startAnswering>) {
  const stand = await startAnswering(...args);
  ending.push(stand.close);
  return stand;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'auth-chain-client-'));
  ending.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof BrokerError ? error.code : error;
}

const tokenAnswer = { access_token: 'abc.def', token_type: 'Bearer', expires_in: 600, expires_at: 1_700_000_600 };

describe('with the real server', () => {
  async function served() {
    const stand = await startStand();
    ending.push(() => stand.server.close());
    return stand;
  }

  test('a token, secrets and a run; run id and reason are on the trail', async () => {
    const stand = await served();
    const client = opened(stand.url, { agentRunId: 'run-42', reason: 'nightly import' });
    expect(await client.token('orders-token')).toEqual({
      accessToken: `eyJ.${canary}.sig`,
      tokenType: 'Bearer',
      expiresAt: 1_900_000_000,
      scope: 'orders:read',
      audience: [],
    });
    expect(await client.secrets(['openai.api_key', 'openai.org'])).toEqual({
      'openai.api_key': { value: canary, expiresAt: new Date('2030-01-01T00:00:00.000Z') },
      'openai.org': { value: canary, expiresAt: new Date('2030-01-01T00:00:00.000Z') },
    });
    expect(await client.run('report', { since: 'today' })).toEqual({
      output: { inputs: ['since'] },
      as: { inputs: 'plain' },
    });
    expect(stand.callers.map(({ run, reason }) => [run, reason])).toEqual([
      ['run-42', 'nightly import'],
      ['run-42', 'nightly import'],
      ['run-42', 'nightly import'],
    ]);
  });

  test('refusals have the code, the status, the request id that is on the trail, names and the time to wait', async () => {
    const stand = await served();
    const client = opened(stand.url);
    const refusal = await client.secrets(['openai.api_key', 'stripe.live_key']).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'not-allowed', status: 403, names: ['stripe.live_key'] });
    expect(refusal).toMatchObject({ requestId: stand.events[0]?.request });
    expect(await client.token('limited').catch((error: unknown) => error)).toMatchObject({
      code: 'rate-limited',
      status: 429,
      retryAfter: 7,
    });
    expect(await codeOf(client.run('writes'))).toBe('write-not-served');
    expect(await codeOf(client.token('down'))).toBe('upstream-unavailable');
    const foreign = `${bearer.slice(0, -1)}${bearer.endsWith('0') ? '1' : '0'}`;
    expect(await codeOf(opened(stand.url, { token: foreign }).token('orders-token'))).toBe('not-authenticated');
  });

  test('over the Unix socket', async () => {
    const path = join(folder(), 'broker.sock');
    const stand = await startStand({ listen: { socket: path } });
    ending.push(() => stand.server.close());
    expect((await opened(`unix:${path}`).token('orders-token')).tokenType).toBe('Bearer');
    expect(stand.callers[0]?.address).toBe('socket');
  });

  test('a token is sent to no address but the broker, and a fetch of ours is not a page', async () => {
    const stand = await served();
    const page = await fetch(`${stand.url}/v1/tokens/orders-token`, {
      method: 'POST',
      headers: { ...authorized, origin: 'https://evil.example' },
    });
    expect(page.status).toBe(403);
    expect((await opened(stand.url).token('orders-token')).tokenType).toBe('Bearer');
  });
});

describe('leases', () => {
  test('a token is kept until a little before its end, and asked for once at a time', async () => {
    const clock = handClock();
    const stand = await answering((_, response) => json(response, tokenAnswer));
    const client = opened(stand.url, { clock });
    await Promise.all(Array.from({ length: 20 }, () => client.token('orders-token')));
    clock.pass(569_000);
    await client.token('orders-token');
    expect(stand.asked).toHaveLength(1);
    clock.pass(2_000);
    await client.token('orders-token');
    expect(stand.asked).toHaveLength(2);
  });

  test('inputs make another token, in whatever order they are given', async () => {
    const stand = await answering((_, response) => json(response, tokenAnswer));
    const client = opened(stand.url, { clock: handClock() });
    await client.token('orders-token', { a: 1, b: true });
    await client.token('orders-token', { b: true, a: 1 });
    await client.token('orders-token', { a: '1', b: true });
    expect(stand.asked.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { inputs: { a: 1, b: true } },
      { inputs: { a: '1', b: true } },
    ]);
  });

  test('a token without an end is not kept', async () => {
    const stand = await answering((_, response) => json(response, { access_token: 'a', token_type: 'Bearer' }));
    const client = opened(stand.url);
    await client.token('opaque');
    await client.token('opaque');
    expect(stand.asked).toHaveLength(2);
  });

  test('only names that are not known are asked for, and a clock that is set back gives no more time', async () => {
    const clock = handClock();
    const stand = await answering(({ body }, response) => {
      const { secrets } = JSON.parse(body) as { secrets: string[] };
      const expiresAt = new Date(clock.time + 60_000).toISOString();
      json(response, {
        resolved: Object.fromEntries(secrets.map((name) => [name, { value: `v-${name}`, expiresAt }])),
      });
    });
    const client = opened(stand.url, { clock });
    await client.secrets(['a', 'b']);
    expect(Object.keys(await client.secrets(['c', 'a', 'b', 'a']))).toEqual(['c', 'a', 'b']);
    expect(stand.asked.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { secrets: ['a', 'b'] },
      { secrets: ['c'] },
    ]);
    clock.time -= 3_600_000;
    clock.mono += 55_000;
    await client.secrets(['a']);
    expect(stand.asked).toHaveLength(3);
  });

  test('the time that a machine slept counts', async () => {
    const clock = handClock();
    const stand = await answering((_, response) => json(response, tokenAnswer));
    const client = opened(stand.url, { clock });
    await client.token('orders-token');
    clock.time += 571_000;
    await client.token('orders-token');
    expect(stand.asked).toHaveLength(2);
  });

  test('names that objects have of themselves are names like any other', async () => {
    const stand = await answering((_, response) => json(response, { resolved: {} }));
    expect(await codeOf(opened(stand.url).secrets(['constructor', '__proto__']))).toBe('protocol');
  });
});

describe('what is not a broker', () => {
  const cases: readonly [string, (asked: Asked, response: Parameters<typeof json>[0]) => unknown, string][] = [
    ['another status', (_, response) => response.writeHead(404).end('nothing here'), 'protocol'],
    ['a redirect', (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(), 'protocol'],
    ['no JSON', (_, response) => response.writeHead(200).end('<html>'), 'protocol'],
    ['a list', (_, response) => json(response, []), 'protocol'],
    ['no token', (_, response) => json(response, { token_type: 'Bearer' }), 'protocol'],
    [
      'a token with a line break',
      (_, response) => json(response, { ...tokenAnswer, access_token: 'a\r\nb' }),
      'protocol',
    ],
    ['a wrong number', (_, response) => json(response, { ...tokenAnswer, expires_in: '600' }), 'protocol'],
    [
      'half an answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{');
        setTimeout(() => response.destroy(), 20);
      },
      'protocol',
    ],
    [
      'an answer without end',
      (_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(1_048_576, 32)));
        };
        response.writeHead(200).on('drain', more);
        more();
      },
      'protocol',
    ],
    ['a code that speaks to the terminal', (_, response) => json(response, { code: '\u001b[2J' }, 403), 'protocol'],
    ['nothing', () => undefined, 'timeout'],
    [
      'a drop at a time',
      (_, response) => {
        const drip = setInterval(() => (response.destroyed ? clearInterval(drip) : response.write(' ')), 20);
      },
      'timeout',
    ],
    ['a connection that is cut', (_, response) => response.destroy(), 'unreachable'],
  ];
  test.each(cases)('%s', async (_, handler, code) => {
    const stand = await answering(handler);
    const deadline = code === 'timeout' ? 150 : 10_000;
    expect(await codeOf(opened(stand.url, { deadline }).token('orders-token'))).toBe(code);
  });

  test('names of a refusal are told only in the form of names', async () => {
    const stand = await answering((_, response) =>
      json(response, { code: 'not-allowed', names: ['a.b', '\u001b]0;x', 7, 'x'.repeat(300)] }, 403),
    );
    const error = await opened(stand.url)
      .token('orders-token')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ names: ['a.b'], message: 'not-allowed: a.b (request request-1)' });
  });

  test('nobody answers', async () => {
    const stand = await startAnswering(() => undefined);
    await stand.close();
    expect(await codeOf(opened(stand.url).token('orders-token'))).toBe('unreachable');
  });

  test('a kept connection that the broker let go is opened anew', async () => {
    const stand = await answering((_, response) => json(response, { ...tokenAnswer, expires_in: 0 }));
    const client = opened(stand.url);
    await client.token('orders-token');
    stand.server.closeAllConnections();
    expect((await client.token('orders-token')).accessToken).toBe('abc.def');
  });

  test('where all kept connections are gone, the second try has one of its own; what fails has a code', async () => {
    const stand = await answering((_, response) => json(response, { ...tokenAnswer, expires_in: 0 }));
    const client = opened(stand.url);
    const ask = (many: number) =>
      Promise.all(Array.from({ length: many }, (_, day) => codeOf(client.token('orders-token', { day }))));
    for (const many of [1, 2, 3, 4, 5, 6, 7, 8]) {
      expect(await ask(8)).toEqual(Array.from({ length: 8 }));
      // in one turn of the loop, so that the client learns nothing of it before
      stand.server.closeAllConnections();
      expect(await ask(many)).toEqual(Array.from({ length: many }));
    }
    await ask(8);
    stand.server.close();
    stand.server.closeAllConnections();
    expect(await ask(8)).toEqual(Array.from({ length: 8 }, () => 'unreachable'));
  });
});

describe('addresses', () => {
  test.each([
    'http://broker.example:7700',
    'http://10.0.0.1:7700',
    'http://127.0.0.1.evil.example',
    'ftp://127.0.0.1',
    'http://user:word@127.0.0.1:7700',
    'http://127.0.0.1:7700/path',
    'http://127.0.0.1:7700/?x=1',
    'unix:relative.sock',
    '127.0.0.1:7700',
    '',
  ])('%s is refused', (broker) => {
    expect(() => createClient({ broker, token: bearer })).toThrow(TypeError);
  });

  test('a socket must be one, and nobody else’s', async () => {
    const path = folder();
    const file = join(path, 'file');
    writeFileSync(file, '');
    expect(await codeOf(opened(`unix:${file}`).token('x'))).toBe('unsafe');
    expect(await codeOf(opened(`unix:${path}/none`).token('x'))).toBe('unreachable');

    const socket = join(path, 'real.sock');
    const stand = await answering((_, response) => json(response, tokenAnswer), { path: socket });
    expect(await codeOf(opened(`unix:${socket}`).token('x'))).toBeUndefined();
    symlinkSync(socket, join(path, 'link.sock'));
    expect(await codeOf(opened(`unix:${path}/link.sock`).token('x'))).toBe('unsafe');
    const before = stand.asked.length;
    chmodSync(path, 0o777);
    expect(await codeOf(opened(`unix:${socket}`).token('x'))).toBe('unsafe');
    expect(stand.asked).toHaveLength(before);
  });

  test.runIf(process.getuid?.() === 0)('a socket of another user', async () => {
    const path = join(folder(), 'open');
    mkdirSync(path);
    const server = createServer().listen(join(path, 'theirs.sock'));
    ending.push(() => new Promise((resolve) => server.close(resolve)));
    await new Promise((resolve) => server.once('listening', resolve));
    const { chownSync } = await import('node:fs');
    chownSync(join(path, 'theirs.sock'), 12_345, 12_345);
    expect(await codeOf(opened(`unix:${path}/theirs.sock`).token('x'))).toBe('unsafe');
  });
});

describe('the credential', () => {
  test('a file is read again with each request; its last line break is no part of it', async () => {
    const stand = await answering((_, response) => json(response, { ...tokenAnswer, expires_in: 0 }));
    const file = join(folder(), 'token');
    const client = opened(stand.url, { token: { file } });
    const detail = `the agent token's file ${file} cannot be read`;
    await expect(client.token('x')).rejects.toMatchObject({ code: 'no-credential', detail });
    writeFileSync(file, 'first\n');
    await client.token('x');
    writeFileSync(file, 'second\r\n');
    await client.token('x');
    writeFileSync(file, '\ufeffthird\r\n');
    await client.token('x');
    expect(stand.asked.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first',
      'Bearer second',
      'Bearer third',
    ]);
  });

  test.each(['', 'two\nlines', 'a b', '"a"', "'a'", '\u00e9', 'x'.repeat(20_000)])('%j is not one', async (text) => {
    const stand = await answering((_, response) => json(response, tokenAnswer));
    const file = join(folder(), 'token');
    writeFileSync(file, text);
    expect(await codeOf(opened(stand.url, { token: { file } }).token('x'))).toBe('no-credential');
    expect(await codeOf(opened(stand.url, { token: () => Promise.resolve(text) }).token('x'))).toBe('no-credential');
    expect(stand.asked).toEqual([]);
  });
});

test.each([
  ["'flows_canary'", 'it stands in quotes'],
  ['“flows_canary”', 'it stands in quotes'],
  ['Bearer flows_canary', 'it begins with "Bearer"'],
  ['TOKEN=flows_canary+ü', 'it begins with a name and ='],
  ['flows_canary\u00a0', 'it has a space or a line break within or around it'],
  ['flows_canary\n\n', 'it has a space or a line break within or around it'],
  ['flows_canary\0', 'it is not one'],
  ['', 'the agent token is empty'],
])('what is wrong with %j as a credential is told, and nothing of it', async (token, look) => {
  const error: unknown = await credentialOf(() => token).catch((reason: unknown) => reason);
  expect(String(error)).toContain(look);
  expect(String(error)).not.toContain('canary');
});

test('a closed client asks nothing, and ends what is under way', async () => {
  const stand = await answering(() => undefined);
  const client = opened(stand.url);
  const waiting = codeOf(client.token('x'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.close();
  expect(await waiting).toBe('closed');
  expect(await codeOf(client.token('x'))).toBe('closed');
});

describe('from JavaScript', () => {
  const good = { broker: 'http://127.0.0.1:7700', token: 'agent' };
  test.each<[string, unknown]>([
    ['broker', undefined],
    ['broker', {}],
    ['broker', { ...good, broker: new URL(good.broker) }],
    ['token', { ...good, token: undefined }],
    ['token', { ...good, token: { path: '/token' } }],
    ['token', { ...good, token: { file: 7 } }],
    ['deadline', { ...good, deadline: '30' }],
    ['deadline', { ...good, deadline: 0 }],
    ['agentRunId', { ...good, agentRunId: 42 }],
    ['reason', { ...good, reason: 'two\nlines' }],
    ['ca', { ...good, ca: 7 }],
    ['fetch', { ...good, fetch: 'fetch' }],
    ['clock', { ...good, clock: 1 }],
  ])('what is wrong with %s is a TypeError at creation that names it: %j', (name, options) => {
    expect(() => createClient(options as ClientOptions)).toThrow(new RegExp(`^${name}: `));
    expect(() => createClient(options as ClientOptions)).toThrow(TypeError);
  });

  test('a call without a name is misuse, and not a refusal', async () => {
    const client = opened('http://127.0.0.1:1');
    await expect(client.token(undefined as never)).rejects.toThrow(/^flow: /);
    await expect(client.run(7 as never)).rejects.toThrow(/^flow: /);
    await expect(client.secrets('openai.api_key' as never)).rejects.toThrow(/^names: /);
  });

  test('what gives the token and fails is a BrokerError', async () => {
    for (const token of [() => Promise.reject(new Error('the platform is down')), () => undefined as never]) {
      expect(await codeOf(opened('http://127.0.0.1:1', { token }).token('x'))).toBe('no-credential');
    }
  });
});

test('a flow that no file could have is not asked for', async () => {
  const stand = await answering((_, response) => json(response, tokenAnswer));
  for (const flow of ['../healthz', 'a/b', 'a?b', '', 'a\r\nb'])
    expect(await codeOf(opened(stand.url).token(flow))).toBe('not-allowed');
  expect(stand.asked).toEqual([]);
});
