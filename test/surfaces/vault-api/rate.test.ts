import { afterAll, beforeAll, expect, test } from 'vitest';
import { openVaultStand, type VaultStand } from './stand.ts';

let stand: VaultStand;
// so slowly is it given back that no machine waits for it
beforeAll(async () => {
  stand = await openVaultStand('{ rate: 3/day }');
}, 120_000);
afterAll(() => stand.close());

const ask = (path: string, token: string, init?: RequestInit) =>
  fetch(`${stand.url}/v1/${path}`, { ...init, headers: { 'x-vault-token': token } });

async function statuses(count: number, path: string, token: string): Promise<readonly number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => ask(path, token)));
  return answers.map(({ status }) => status).toSorted((one, other) => one - other);
}

test('an agent has the requests of its rate, whatever else is asked, and is told as Vault does when to ask again', async () => {
  // nobody is proven by these: they are nobody's
  expect(await statuses(5, 'sys/health', stand.codex)).toEqual([200, 200, 200, 200, 200]);
  expect(await statuses(5, 'kv/openai.api_key', 'nobody')).toEqual([403, 403, 403, 403, 403]);
  expect(await statuses(5, 'kv/openai.api_key', stand.codex)).toEqual([200, 200, 200, 429, 429]);

  const refused = await ask('kv/openai.api_key', stand.codex);
  const { status, headers } = refused;
  expect([status, headers.get('content-type')]).toEqual([429, 'application/json']);
  expect(await refused.json()).toEqual({ errors: ['Too many requests: wait for as long as Retry-After says.'] });
  const seconds = headers.get('retry-after') ?? '';
  expect(seconds).toMatch(/^[1-9]\d*$/);
  expect(Number(seconds)).toBeLessThanOrEqual(86_400 / 3);
  expect(stand.trail().findLast(({ path }) => path === 'kv/openai.api_key')).toMatchObject({
    action: 'vault.request',
    agent: 'codex',
    outcome: 'denied',
    code: 'rate-limited',
  });
});

test('what one agent has used is not taken from another, whichever way that proves who it is', async () => {
  const login = async () => {
    const body = JSON.stringify({ role: 'ci', jwt: await stand.identity() });
    return (await ask('auth/jwt/login', '', { method: 'POST', body })).status;
  };
  expect(await statuses(5, 'auth/token/lookup-self', stand.other)).toEqual([200, 200, 200, 429, 429]);
  expect([await login(), await login(), await login(), await login()]).toEqual([200, 200, 200, 429]);
});

test('an agent that has used it up is still answered by the other routes of the broker', async () => {
  await statuses(3, 'auth/token/lookup-self', stand.codex);
  expect((await ask('kv/openai.api_key', stand.codex)).status).toBe(429);
  const resolved = await fetch(`${stand.url}/v1/secrets/resolve`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stand.codex}`, 'content-type': 'application/json' },
    body: JSON.stringify({ secrets: ['openai.api_key'] }),
  });
  expect(resolved.status).toBe(200);
});
