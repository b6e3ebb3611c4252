import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { own } from '../surfaces/server/stand.ts';
import { json, startAnswering } from './stand.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of ending.splice(0).toReversed()) await each();
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A broker whose token is another after each report, and an API that takes those of a set. */
async function arranged(options: {
  readonly good: readonly string[];
  readonly stuck?: boolean;
  readonly broken?: boolean;
  /** what the flow's token is for, default the API */
  readonly audience?: readonly string[];
}) {
  let turn = 1;
  const broker = await startAnswering(({ path, body }, response) => {
    if (!path.endsWith('/rejected')) {
      const audience = options.audience ?? [`${api.url}/`];
      return json(response, { access_token: `token-${turn}`, token_type: 'Bearer', expires_in: 600, audience });
    }
    if (options.broken === true) return json(response, { code: 'rate-limited' }, 429);
    const { token_hash } = JSON.parse(body) as { token_hash: string };
    const evicted = options.stuck !== true && token_hash === sha256(`token-${turn}`);
    if (evicted) turn += 1;
    return json(response, { evicted });
  });
  const api = await startAnswering(({ path, headers, body }, response) => {
    if (path === '/moved') return response.writeHead(302, { location: '/elsewhere' }).end();
    const good = options.good.includes((headers.authorization ?? '').replace('Bearer ', ''));
    return response.writeHead(good ? 200 : 401).end(good ? body : 'no');
  });
  const client = createClient({ broker: broker.url, token: 'agent', ca: own.cert });
  ending.push(broker.close, api.close, client.close);
  return { broker, api, client, orders: client.fetch('orders-token') };
}

describe('fetch', () => {
  test('a token that is refused is reported and replaced, once', async () => {
    const { broker, api, orders } = await arranged({ good: ['token-2'] });
    const response = await orders(`${api.url}/orders`, { method: 'POST', body: 'hello' });
    expect([response.status, await response.text()]).toEqual([200, 'hello']);
    expect(api.asked.map(({ headers, body }) => [headers.authorization, body])).toEqual([
      ['Bearer token-1', 'hello'],
      ['Bearer token-2', 'hello'],
    ]);
    expect(broker.asked.map(({ path }) => path)).toEqual([
      '/v1/tokens/orders-token',
      '/v1/tokens/orders-token/rejected',
      '/v1/tokens/orders-token',
    ]);
    expect(broker.asked[1]?.body).toBe(JSON.stringify({ token_hash: sha256('token-1') }));
    await orders(`${api.url}/orders`);
    expect(api.asked).toHaveLength(3);
  });

  test('many at once report it once', async () => {
    const { broker, api, orders } = await arranged({ good: ['token-2'] });
    const answers = await Promise.all(Array.from({ length: 10 }, () => orders(`${api.url}/orders`)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(broker.asked.filter(({ path }) => path.endsWith('/rejected'))).toHaveLength(1);
  });

  test('an API that refuses all of them has its answer handed on', async () => {
    const { api, orders } = await arranged({ good: [] });
    const response = await orders(`${api.url}/orders`);
    expect([response.status, await response.text()]).toEqual([401, 'no']);
    expect(api.asked).toHaveLength(2);
  });

  test.each([{ stuck: true }, { broken: true }])('the same token again is not tried again: %j', async (more) => {
    const { api, orders } = await arranged({ good: [], ...more });
    const response = await orders(`${api.url}/orders`);
    expect([response.status, await response.text()]).toEqual([401, 'no']);
    expect(api.asked).toHaveLength(1);
  });

  test('a stream is not sent twice, but its token is replaced', async () => {
    const { broker, api, orders } = await arranged({ good: ['token-2'] });
    const body = new Blob(['hello']).stream();
    const response = await orders(`${api.url}/orders`, { method: 'POST', body, duplex: 'half' });
    expect([response.status, api.asked.length]).toEqual([401, 1]);
    expect(broker.asked.some(({ path }) => path.endsWith('/rejected'))).toBe(true);
    expect((await orders(`${api.url}/orders`)).status).toBe(200);
  });

  test('a Request keeps its method and headers; no redirect is followed', async () => {
    const { api, orders } = await arranged({ good: ['token-1'] });
    await orders(new Request(`${api.url}/orders`, { method: 'DELETE', headers: { 'x-own': '1' } }));
    expect(api.asked[0]?.headers).toMatchObject({ 'x-own': '1', authorization: 'Bearer token-1' });
    expect((await orders(`${api.url}/moved`, { redirect: 'follow' })).status).toBe(302);
    await expect(orders(new Request(`${api.url}/moved`, { redirect: 'error' }))).rejects.toThrow(TypeError);
    expect(api.asked.map(({ path }) => path)).toEqual(['/orders', '/moved', '/moved']);
  });

  test('a Request with a body is sent again whole, and stays with the caller where it is not', async () => {
    const { api, orders } = await arranged({ good: ['token-2'] });
    const request = new Request(`${api.url}/orders`, { method: 'PUT', body: 'hello', headers: { 'x-own': '1' } });
    const response = await orders(request);
    expect([response.status, await response.text()]).toEqual([200, 'hello']);
    expect(api.asked.map(({ headers, body }) => [headers.authorization, headers['x-own'], body])).toEqual([
      ['Bearer token-1', '1', 'hello'],
      ['Bearer token-2', '1', 'hello'],
    ]);
    expect(request.bodyUsed).toBe(true);
    // another body in its place is whole too
    const other = new Request(`${api.url}/orders`, { method: 'PUT', body: 'not this' });
    expect(await (await orders(other, { body: 'this' })).text()).toBe('this');
  });

  test('a token goes to the origins of its audience and resources, and nowhere else', async () => {
    const audience = ['orders', 'urn:orders', 'api://orders', 'https://orders.example/v1', 'https://b.example:8443'];
    const { api, orders, client: first } = await arranged({ good: ['token-1'], audience });
    await expect(orders(`${api.url}/orders`)).rejects.toThrow(
      new TypeError(
        `origins of fetch('orders-token'): its token is for https://orders.example, https://b.example:8443, and not for ${api.url}`,
      ),
    );
    await expect(orders('https://orders.example.evil.example/v1')).rejects.toThrow(TypeError);
    expect(api.asked).toEqual([]);
    expect((await first.fetch('orders-token', { origins: [api.url] })(`${api.url}/orders`)).status).toBe(200);
    const given: string[] = [];
    const client = createClient({
      broker: (await arranged({ good: [], audience })).broker.url,
      token: 'agent',
      ca: own.cert,
      fetch: (input) => {
        given.push(input instanceof Request ? input.url : String(input));
        return Promise.resolve(new Response('ok'));
      },
    });
    ending.push(client.close);
    for (const url of ['https://orders.example/v2', 'https://b.example:8443/']) await client.fetch('orders-token')(url);
    expect(given).toEqual(['https://orders.example/v2', 'https://b.example:8443/']);
  });

  test('where a flow names no API by URL, origins are demanded', async () => {
    for (const audience of [[], ['orders', 'api://orders']]) {
      const { api, orders } = await arranged({ good: ['token-1'], audience });
      await expect(orders(`${api.url}/orders`)).rejects.toThrow(/^origins of fetch\('orders-token'\): name where/);
      expect(api.asked).toEqual([]);
    }
  });

  test.each(['https://a.example', null, ['orders'], [7]])('origins that are none are told: %j', async (origins) => {
    const { client } = await arranged({ good: [] });
    expect(() => client.fetch('orders-token', { origins: origins as string[] })).toThrow(/^origins: /);
  });

  test('a token goes only where it may', async () => {
    const { broker, api, client, orders } = await arranged({ good: ['token-1'] });
    await expect(orders('http://api.example/orders')).rejects.toThrow(TypeError);
    await expect(orders('http://10.0.0.1/orders')).rejects.toThrow(TypeError);
    await expect(orders('ftp://127.0.0.1/orders')).rejects.toThrow(TypeError);
    const bound = client.fetch('orders-token', { origins: ['https://orders.example'] });
    await expect(bound(`${api.url}/orders`)).rejects.toThrow(TypeError);
    expect((await client.fetch('orders-token', { origins: [api.url] })(`${api.url}/orders`)).status).toBe(200);
    expect(broker.asked).toHaveLength(1);
  });
});
