import { afterEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/client.ts';
import { own } from '../surfaces/server/stand.ts';
import { json, startAnswering } from './stand.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of ending.splice(0).toReversed()) await each();
});

/** A broker that answers when it is let go. */
async function held() {
  const gate = Promise.withResolvers<void>();
  let came = () => undefined as void;
  const arrived = new Promise<void>((resolve) => (came = resolve));
  const cut: string[] = [];
  const stand = await startAnswering(async ({ path, body }, response) => {
    response.once('close', () => response.writableFinished || cut.push(path));
    came();
    await gate.promise;
    if (path.startsWith('/v1/tokens/')) {
      return json(response, { access_token: 'token-1', token_type: 'Bearer', expires_in: 600, audience: [api.url] });
    }
    if (path.startsWith('/v1/flows/')) return json(response, { output: 1, as: 'plain' });
    if (path === '/v1/hook') return json(response, { found: [], rules, environments: [] });
    const { secrets } = JSON.parse(body) as { secrets: string[] };
    const lease = { value: 'x', expiresAt: new Date(Date.now() + 60_000).toISOString() };
    return json(response, { resolved: Object.fromEntries(secrets.map((name) => [name, lease])) });
  });
  const api = await startAnswering((_, response) => response.end('ok'));
  const client = createClient({ broker: stand.url, token: 'agent', ca: own.cert });
  ending.push(stand.close, api.close, client.close);
  return { stand, api, client, arrived, cut, go: gate.resolve };
}

const rules = { files: [], commands: [], allow: [] };

const calls: readonly (readonly [string, (client: Client, api: string, signal: AbortSignal) => Promise<unknown>])[] = [
  ['token', (client, _, signal) => client.token('orders-token', {}, { signal })],
  ['secrets', (client, _, signal) => client.secrets(['a', 'b'], { signal })],
  ['run', (client, _, signal) => client.run('report', {}, { signal })],
  ['rejected', (client, _, signal) => client.rejected('orders-token', 'f'.repeat(64), { signal })],
  ['inspect', (client, _, signal) => client.inspect(['text'], { signal })],
  ['fetch, by init', (client, api, signal) => client.fetch('orders-token')(api, { signal })],
  ['fetch, by a Request', (client, api, signal) => client.fetch('orders-token')(new Request(api, { signal }))],
];

describe.each(calls)('%s', (_, call) => {
  test('is not begun with a signal that has ended, and throws its own reason', async () => {
    const { client, api, stand } = await held();
    const reason = new Error('not any more');
    await expect(call(client, api.url, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(stand.asked).toEqual([]);
  });

  test('stops waiting with the signal’s own reason', async () => {
    const { client, api, arrived } = await held();
    const stop = new AbortController();
    const reason = new Error('not any more');
    const waiting = call(client, api.url, stop.signal);
    await arrived;
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(api.asked).toEqual([]);
  });
});

test.each(calls.slice(0, 2))('%s: one caller’s end does not end what others wait for', async (_, call) => {
  const { client, api, stand, arrived, go } = await held();
  const stop = new AbortController();
  const first = call(client, api.url, stop.signal);
  const second = call(client, api.url, new AbortController().signal);
  await arrived;
  stop.abort();
  await expect(first).rejects.toMatchObject({ name: 'AbortError' });
  go();
  await second;
  // and what came is kept
  await call(client, api.url, new AbortController().signal);
  expect(stand.asked).toHaveLength(1);
});

test('fetch: who reads an answer stops with the signal’s own reason', async () => {
  const { client, go } = await held();
  const slow = await startAnswering((_, response) => void response.write('the beginning'));
  ending.push(slow.close);
  go();
  const stop = new AbortController();
  const orders = client.fetch('orders-token', { origins: [slow.url] });
  const reading = (await orders(slow.url, { signal: stop.signal })).text();
  const reason = new Error('not any more');
  stop.abort(reason);
  await expect(reading).rejects.toBe(reason);
});

test('a run that nobody waits for is ended at the broker', async () => {
  const { client, arrived, cut } = await held();
  const stop = new AbortController();
  const waiting = client.run('report', {}, { signal: stop.signal });
  await arrived;
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  await expect.poll(() => cut).toEqual(['/v1/flows/report']);
});
