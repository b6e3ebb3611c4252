import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fetchOver } from '../../src/foundation/agent-fetch.ts';
import { type CallInit, createHttp } from '../../src/foundation/http.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A server that answers as the steps say, one for each request, and `ok` after them. */
async function serve(...steps: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const step = steps[seen.length];
      seen.push(request.method ?? '');
      if (step === undefined) response.end('ok');
      else step(request, response);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const call = createHttp({ peer: 'the issuer', development: true, deadline: 5_000 });
  const outcome = (init: CallInit = {}) =>
    call(url, init).then(
      async (response) => response.text(),
      ({ code }: { code: string }) => code,
    );
  return { server, seen, call, url, outcome };
}

const cut = (request: IncomingMessage) => void request.socket.destroy();
const reset = (request: IncomingMessage) => void request.socket.resetAndDestroy();
const cutAfterHead = (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { 'content-length': '9' }).write('o');
  setImmediate(() => response.destroy());
};

describe('a connection that ends before an answer came', () => {
  it.each<[string, CallInit, (typeof cut)[], string, number]>([
    ['closed, a GET', {}, [cut], 'ok', 2],
    ['reset, a GET', {}, [reset], 'ok', 2],
    ['closed, a PUT with its body', { method: 'PUT', body: 'x' }, [cut], 'ok', 2],
    ['closed, a DELETE', { method: 'delete' }, [cut], 'ok', 2],
    ['closed twice', {}, [cut, cut, cut], 'unavailable', 2],
    ['closed, a POST', { method: 'POST', body: 'x' }, [cut], 'unavailable', 1],
    ['closed, a PATCH', { method: 'PATCH', body: 'x' }, [cut], 'unavailable', 1],
    ['closed, a POST that may be repeated', { method: 'POST', body: 'x', repeatable: true }, [cut], 'ok', 2],
    ['closed, a GET that may not', { repeatable: false }, [cut], 'unavailable', 1],
  ])('%s', async (_, init, steps, wanted, requests) => {
    const { outcome, seen } = await serve(...steps);
    expect(await outcome(init)).toBe(wanted);
    expect(seen).toHaveLength(requests);
  });

  it('once an answer has begun nothing is sent again', async () => {
    const { outcome, seen } = await serve(cutAfterHead);
    expect(await outcome()).toBe('unavailable');
    expect(seen).toHaveLength(1);
  });

  it('of several that were kept and are closed at once costs nobody anything', async () => {
    const { outcome, server, seen } = await serve();
    expect(await Promise.all(Array.from({ length: 8 }, () => outcome()))).toEqual(Array(8).fill('ok'));
    server.closeAllConnections();
    const after = Array.from({ length: 8 }, () => outcome({ method: 'POST', body: 'x', repeatable: true }));
    expect(await Promise.all(after)).toEqual(Array(8).fill('ok'));
    expect(seen).toHaveLength(16);
  });

  it('one that cannot be made is not tried again', async () => {
    let tries = 0;
    const fetch = (url: string, init: RequestInit) => {
      tries += 1;
      return globalThis.fetch(url, init);
    };
    const call = createHttp({ peer: 'the issuer', development: true, fetch });
    await expect(call('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'unavailable' });
    expect(tries).toBe(1);
  });

  it('counts against the same deadline', async () => {
    const { url } = await serve(cut, () => undefined);
    const call = createHttp({ peer: 'the issuer', development: true, deadline: 300 });
    await expect(call(url)).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('an answer that cannot be read', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  it.each([
    ['is of another protocol', 'SSH-2.0-OpenSSH_10.0\r\n'],
    ['has headers without an end', `${head}x: ${'a'.repeat(100_000)}\r\n\r\n`],
    ['has a chunk without a length', `${head}transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n`],
    ['has two lengths', `${head}content-length: 3\r\ncontent-length: 4\r\n\r\nabc`],
    ['has a status above all that there are', 'HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n'],
    ['has a status below all that there are', 'HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n'],
    ['is not compressed as it says', `${head}content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc`],
  ])('%s: a fault of what answers, which was reached', async (_, text) => {
    const { call, url, seen } = await serve((request) => void request.socket.end(text));
    const { host } = new URL(url);
    await expect(call(url)).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringContaining(`${host} answers with what cannot be read as HTTP (`),
    });
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['is of another protocol', 'SSH-2.0-OpenSSH_10.0\r\n'],
    ['has a chunk without a length', `${head}transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n`],
    ['has a status above all that there are', 'HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n'],
    ['has a status below all that there are', 'HTTP/1.1 000 X\r\ncontent-length: 0\r\n\r\n'],
  ])('%s: it is the same over an agent of node', async (_, text) => {
    const { url } = await serve((request) => void request.socket.end(text));
    const agent = new Agent();
    const call = createHttp({ peer: 'the issuer', development: true, fetch: (to, init) => fetchOver(agent, to, init) });
    await expect(call(url)).rejects.toMatchObject({ code: 'protocol' });
    agent.destroy();
  });
});

it('over an agent of node asks for nothing compressed, unless its caller does', async () => {
  const tell = ({ headers }: IncomingMessage, response: ServerResponse) =>
    void response.end(headers['accept-encoding'] ?? 'any');
  const { url } = await serve(tell, tell);
  const agent = new Agent();
  expect(await (await fetchOver(agent, url)).text()).toBe('identity');
  expect(await (await fetchOver(agent, url, { headers: { 'accept-encoding': 'br' } })).text()).toBe('br');
  agent.destroy();
});

describe('certificates that nobody looks at', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it.each([
    ['0', 'https://a.example/', 0],
    ['1', 'https://a.example/', 1],
    ['', 'https://a.example/', 1],
    ['0', 'http://127.0.0.1/', 1],
  ])('NODE_TLS_REJECT_UNAUTHORIZED=%s and %s: it is asked %d times', async (value, url, times) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', value);
    let asked = 0;
    const fetch = async () => new Response(String((asked += 1)));
    const call = createHttp({ peer: 'the issuer', development: true, fetch });
    const code = await call(url).then(
      () => 'answered',
      (error: { code: string; hint: string }) => `${error.code}, ${error.hint}`,
    );
    expect(code).toMatch(times === 0 ? /^refused, unset it.*NODE_EXTRA_CA_CERTS/ : /^answered$/);
    expect(asked).toBe(times);
  });
});
