import { afterAll, beforeAll, expect, test } from 'vitest';
import { startIdentityProvider, type DevelopmentIdentityProvider } from '../../src/laptop/identity-provider/server.ts';
import { startOrdersApi, type OrdersApi } from '../../src/laptop/orders-api.ts';
import { Secret } from '../../src/foundation/secret.ts';

const audience = 'https://orders.example';
let provider: DevelopmentIdentityProvider;
let api: OrdersApi;

beforeAll(async () => {
  const secrets = [new Secret('of-the-client')];
  provider = await startIdentityProvider({ clients: [{ clientId: 'm2m', secrets }] });
  api = await startOrdersApi({ issuer: provider.issuer, audience, requiredScope: 'orders:read' });
});
afterAll(() => Promise.all([api.close(), provider.close()]));

async function token(parameters: Record<string, string>): Promise<string> {
  const response = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'm2m',
      client_secret: 'of-the-client',
      ...parameters,
    }),
  });
  const body: unknown = await response.json();
  if (typeof body !== 'object' || body === null || !('access_token' in body)) throw new Error('no token');
  return String(body.access_token);
}

const get = (path: string, bearer?: string) =>
  fetch(`${api.url}${path}`, bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } });
const right = { audience, scope: 'orders:read' };

test('gives the orders to a token for it', async () => {
  const bearer = await token(right);
  const before = api.requests();
  const response = await get('/orders', bearer);
  expect([response.status, await response.json()]).toMatchObject([200, { orders: [{ id: 'A-1001' }, {}, {}] }]);
  expect(await (await get('/orders/A-1002', bearer)).json()).toMatchObject({ id: 'A-1002', status: 'paid' });
  expect((await get('/orders/A-9', bearer)).status).toBe(404);
  expect(api.requests()).toBe(before + 3);
});

test('a request without a token is 401, without an error code', async () => {
  const response = await get('/orders');
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="orders"']);
});

test.each([
  ['for another audience', () => token({ ...right, audience: 'https://other.example' }), 401, 'invalid_token'],
  ['without the scope', () => token({ audience, scope: 'orders:other' }), 403, 'insufficient_scope'],
  ['that is none', async () => 'nonsense', 401, 'invalid_token'],
])('a token %s', async (_name, bearer, status, error) => {
  const response = await get('/orders', await bearer());
  expect(response.status).toBe(status);
  expect(response.headers.get('www-authenticate')).toContain(`error="${error}"`);
});

test.each(['issuer', 'audience', 'expired', 'signature'] as const)('a token with a wrong %s', async (forgery) => {
  provider.faults.forgeNextToken(forgery);
  expect((await get('/orders', await token(right))).status).toBe(401);
  expect((await get('/orders', await token(right))).status).toBe(200);
});

test('other paths are 404', async () => {
  expect((await get('/')).status).toBe(404);
});

test('logs who acts, by what the token says of it', async () => {
  const bearer = await token(right);
  await get('/orders', bearer);
  const { jti } = JSON.parse(Buffer.from(bearer.split('.')[1] ?? '', 'base64url').toString()) as { jti: string };
  expect(api.lastLogged()).toEqual({ jti, actor: 'm2m', actorFrom: 'client_id' });
});

test('makes one order for one key, of what an order is', async () => {
  const bearer = await token(right);
  const post = async (body: unknown, key?: string) => {
    const headers = {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const response = await fetch(`${api.url}/orders`, { method: 'POST', headers, body: JSON.stringify(body) });
    return [response.status, ((await response.json()) as { readonly id?: string }).id];
  };
  const order = { article: 'Ink', quantity: 2 };
  const [first, again, other, none] = [
    await post(order, 'a'),
    await post(order, 'a'),
    await post(order, 'b'),
    await post(order),
  ];
  expect(first).toEqual([201, expect.stringMatching(/^A-\d{4}$/)]);
  expect(again).toEqual(first);
  expect(new Set([first[1], other[1], none[1]]).size).toBe(3);
  expect(await (await get(`/orders/${first[1]}`, bearer)).json()).toMatchObject({ ...order, status: 'open' });
  for (const wrong of [{}, { article: 'Ink' }, { article: 1, quantity: 1 }, { ...order, quantity: 0.5 }, []])
    expect((await post(wrong))[0]).toBe(422);
  expect((await fetch(`${api.url}/orders`, { method: 'POST' })).status).toBe(401);
});

test('has a route that repeats what it is sent, and one that leads elsewhere', async () => {
  const echo = await fetch(`${api.url}/echo`, { method: 'POST', headers: { 'x-own': 'a' }, body: 'b' });
  expect(await echo.json()).toMatchObject({ method: 'POST', headers: { 'x-own': 'a' }, body: 'b' });
  const moved = await fetch(`${api.url}/moved`, { redirect: 'manual' });
  expect([moved.status, moved.headers.get('location')]).toEqual([307, 'https://elsewhere.example/orders']);
});
