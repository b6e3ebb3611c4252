import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BrokerError, createClient } from '../../src/client.ts';
import { portOf, startForwardProxy, startPlain } from '../e2e/forward-proxy.ts';
import { own } from '../surfaces/server/stand.ts';
import { json, startAnswering } from './stand.ts';

const variables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'];
const before = variables.map((name) => [name, process.env[name]] as const);
const ending: (() => unknown)[] = [];
beforeEach(() => {
  for (const name of variables) delete process.env[name];
});
afterEach(async () => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  for (const each of ending.splice(0).toReversed()) await each();
});

const bearer = 'agent-token-7f3a91c2';

async function proxied() {
  const seen: (string | undefined)[] = [];
  const broker = await startPlain((request, response) => {
    seen.push(request.headers.authorization);
    json(response, { access_token: 'a', token_type: 'Bearer' });
  });
  const proxy = await startForwardProxy({ 'broker.example': portOf(broker) });
  const client = createClient({ broker: 'https://broker.example', token: bearer, ca: proxy.certificates });
  ending.push(proxy.close, () => broker.close(), client.close);
  return { proxy, client, seen };
}

const failure = (work: Promise<unknown>) => work.catch((error: unknown) => error);

describe('a broker on another machine', () => {
  test.each(['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY'])('is reached by the proxy of %s, over TLS', async (name) => {
    const { proxy, client, seen } = await proxied();
    process.env[name] = proxy.address;
    await client.token('orders-token');
    await client.token('orders-token');
    expect(seen).toEqual([`Bearer ${bearer}`, `Bearer ${bearer}`]);
    expect(proxy.asked).toEqual(['broker.example:443']);
  });

  test('is reached directly where NO_PROXY names it', async () => {
    const { proxy, client } = await proxied();
    Object.assign(process.env, { HTTPS_PROXY: proxy.address, NO_PROXY: '.example' });
    expect(await failure(client.token('orders-token'))).toMatchObject({ code: 'unreachable' });
    expect(proxy.asked).toEqual([]);
  });

  test('a proxy that refuses is named, without its credentials', async () => {
    const { proxy, client } = await proxied();
    proxy.credentials = 'user:right';
    process.env['HTTPS_PROXY'] = proxy.address.replace('://', '://user:wr0ng-pass@');
    const error = await failure(client.token('orders-token'));
    expect(error).toBeInstanceOf(BrokerError);
    expect(error).toMatchObject({ code: 'unreachable' });
    expect(String(error)).toContain(`by the proxy ${proxy.address}`);
    expect(String(error)).not.toContain('wr0ng-pass');
  });

  test('a proxy that none is, is told as such', async () => {
    const { client } = await proxied();
    process.env['HTTPS_PROXY'] = 'socks5://user:wr0ng-pass@127.0.0.1:1';
    const error = await failure(client.token('orders-token'));
    expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining('socks5:') });
    expect(String(error)).not.toContain('wr0ng-pass');
  });
});

test('an API and a broker on this machine are asked by no proxy, whatever the environment says', async () => {
  const caught: string[] = [];
  const proxy = await startPlain((request, response) => {
    caught.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end('{}');
  });
  proxy.on('connect', (request, socket) => {
    caught.push(`CONNECT ${request.url}`);
    socket.destroy();
  });
  const api = await startAnswering(({ body }, response) => response.end(body));
  const broker = await startAnswering((_, response) =>
    json(response, { access_token: 'token-1', token_type: 'Bearer', expires_in: 600, audience: [api.url] }),
  );
  ending.push(() => proxy.close(), api.close, broker.close);
  const program = `
    import { createClient } from ${JSON.stringify(new URL('../../src/client.ts', import.meta.url).href)};
    const client = createClient({ broker: ${JSON.stringify(broker.url)}, token: ${JSON.stringify(bearer)}, ca: ${JSON.stringify(own.cert)} });
    const orders = client.fetch('orders-token');
    const url = ${JSON.stringify(`${api.url}/orders`)};
    const first = await orders(url, { method: 'POST', body: 'hello' });
    const second = await orders(new Request(url, { method: 'PUT', body: new Blob(['hello']) }));
    process.stdout.write((await first.text()) + (await second.text()));
    client.close();`;
  const address = `http://127.0.0.1:${portOf(proxy)}`;
  const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: address, HTTPS_PROXY: address };
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  expect(out).toBe('hellohello');
  expect(caught).toEqual([]);
  expect(api.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-1']);
});
