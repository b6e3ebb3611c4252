import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import type { Vault } from '../../src/adapters/vaults/contract.ts';
import { ref } from '../contracts/vault.ts';
import { amountOf, someOf } from '../long/amounts.ts';
import { killedAt } from './boundaries.ts';
import { createHome } from './home.ts';

// many commands: asked by Connect, each is without the SDK's sign-in, which e2e/kill has
const home = createHome(true, 'onepassword-connect');
let stack: RunningStack;
let vault: Vault;
beforeAll(async () => {
  stack = await home.stack();
  const token = async () => stack.addresses.vault.token;
  // beside commands that start, on a machine that may be busy
  vault = createOnePasswordVault({ token, development: true, deadline: 90_000 });
  // what is younger than a second is not rotated
  const filled = Date.now();
  await vi.waitUntil(() => Date.now() - filled > 1_000, { timeout: 60_000 });
});
afterAll(async () => {
  await vault.close();
  await home.close();
});

const item = 'op://Agents/Orders M2M';
async function read(field: string): Promise<string> {
  const reference = ref(`${item}/${field}`);
  const found = (await vault.read([reference])).get(reference.toString());
  if (found instanceof Secret) return found.reveal();
  throw found ?? new TypeError('nothing was read');
}

async function tokenWith(secret: string): Promise<boolean> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: await read('username'),
    client_secret: secret,
    resource: 'https://orders.example',
  });
  // told apart from the command's own
  const response = await fetch(new URL('/token?client', stack.addresses.issuer), { method: 'POST', body });
  await response.body?.cancel();
  return response.ok;
}

/** A service that reads its secret again now and then, and calls all the time: how often it was refused. */
function client() {
  const told = { calls: 0, refused: 0, ends: false };
  const calling = (async () => {
    while (!told.ends) {
      const secret = await read('credential');
      for (let call = 0; call < 3 && !told.ends; call += 1) {
        told.calls += 1;
        if (!(await tokenWith(secret))) told.refused += 1;
        await new Promise((wake) => setTimeout(wake, 60));
      }
    }
  })();
  // a test that fails does not wait for it
  calling.catch(() => undefined);
  return {
    async end() {
      told.ends = true;
      await calling;
      return told;
    },
  };
}

const change = /^PUT \/v1\/vaults\/\w+\/items\//;
const requests = {
  'the next value is staged': [change, 1],
  'it is added at the provider': [/^POST \/scim\/v2\/ClientSecrets/, 1],
  'it is proven': [/^POST \/token $/, 2],
  'it is promoted': [change, 2],
  'the former one is retired': [/^DELETE \/scim\/v2\/ClientSecrets/, 1],
  'the former one is dropped': [change, 3],
} as const;
const boundaries = Object.entries(requests).flatMap(([what, [request, nth]]) =>
  (['start', 'finish'] as const).map((when) => ({ what: `${when}: ${what}`, at: { request, nth, when } })),
);
const rotate = ['rotate-orders-client', '--if-older-than', '1s', '--overlap', '3s', '--yes'];

/** At rest: one value in the vault, and the provider accepts it. */
async function expectAtRest(what: string, former: string): Promise<void> {
  const { fields = [] } = stack.vault.dump().find(({ title }) => title === 'Orders M2M') ?? {};
  const labels = fields.map(({ label }) => label).toSorted();
  expect([what, labels]).toEqual([what, ['credential', 'username']]);
  const now = await read('credential');
  expect([what, now === former]).toEqual([what, false]);
  expect([what, await tokenWith(now), await tokenWith(former)]).toEqual([what, true, false]);
}

describe('a rotation that is killed', () => {
  test(
    'at any boundary is completed by running it again, and no call of a client fails',
    { timeout: 600_000 },
    async () => {
      const calling = client();
      for (const { what, at } of someOf(boundaries, 'kills of a rotation')) {
        const former = await read('credential');
        const { signal, stderr } = await killedAt(home.start(rotate), stack, at);
        expect([what, signal, signal === null ? stderr : '']).toEqual([what, 'SIGKILL', '']);
        expect([what, await tokenWith(await read('credential'))]).toEqual([what, true]);
        const again = await home.flows(rotate);
        expect([what, again.code, again.code === 0 ? '' : again.stderr]).toEqual([what, 0, '']);
        await expectAtRest(what, former);
      }
      const { calls, refused } = await calling.end();
      expect(calls).toBeGreaterThan(20);
      expect(refused).toBe(0);
    },
  );

  test('at any moment, once and again, is completed in the end', { timeout: 2_400_000 }, async () => {
    const calling = client();
    for (let round = 0; round < amountOf('random kills of a rotation'); round += 1) {
      const former = await read('credential');
      const running = home.start(rotate);
      // what it does takes its time on a busy machine: a random part of it
      const timer = setTimeout(() => running.child.kill('SIGKILL'), 200 + ((round * 7_919) % 4_000));
      await running.ended;
      clearTimeout(timer);
      for (let again = 0; again < 2; again += 1) await home.flows(rotate);
      await expectAtRest(`round ${round}`, former);
    }
    expect((await calling.end()).refused).toBe(0);
  });
});
