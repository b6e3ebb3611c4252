import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMadeForRuns } from '../../src/app/made-for-runs.ts';
import { type App, openApp } from '../../src/app/open-app.ts';
import type { MadeForRun } from '../../src/engine/services.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { Reference } from '../../src/foundation/reference.ts';
import type { Secret } from '../../src/foundation/secret.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { createHome } from '../e2e/home.ts';

const home = createHome(true, 'onepassword-connect');
const dir = join(home.work, 'flows');
const warnings: string[] = [];
const client = Reference.of({ vault: 'Agents', item: 'Orders M2M', field: 'username' });
let stack: RunningStack;
let app: App;
beforeAll(async () => {
  home.write('flows/development.yaml', 'attribution: { claim: act.sub, parameter: agent, per: agent-run }\n');
  stack = await home.stack();
  app = await openApp({
    dir,
    environment: 'development',
    taken: takeEnvironment({}),
    warn: (message) => void warnings.push(message),
  });
});
afterAll(async () => {
  await app.close();
  await home.close();
});

async function ask(agentRun?: string): Promise<Secret> {
  const output = await app.run(app.flow('orders-token'), {}, { agent: 'codex', agentRun });
  if (output.kind === 'scalar' && output.value.as === 'token') return output.value.token.accessToken;
  throw new TypeError('no token');
}

/** Whether the issuer still takes it, as the subject of an exchange. */
async function isTaken(token: Secret): Promise<boolean> {
  const field = async (name: string) => (await (await app.connections()).read(client.sibling(name))).reveal();
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: await field('username'),
    client_secret: await field('credential'),
    subject_token: token.reveal(),
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'https://orders.example',
  });
  return (await fetch(`${stack.addresses.issuer}/token`, { method: 'POST', body })).ok;
}

it('an agent run has a token of its own, which is revoked when it ends, and no other is', async () => {
  const [one, two, none] = [await ask('ar-1'), await ask('ar-2'), await ask()];
  expect(new Set([one, two, none].map((token) => token.hash())).size).toBe(3);
  expect((await ask('ar-1')).hash()).toBe(one.hash());
  await app.endAgentRuns(['ar-1', 'ar-of-nobody']);
  expect([await isTaken(one), await isTaken(two), await isTaken(none)]).toEqual([false, true, true]);
  expect((await ask('ar-2')).hash()).toBe(two.hash());
  expect((await ask('ar-1')).hash()).not.toBe(one.hash());
  expect(warnings).toEqual([]);
});

it('an issuer that does not answer then is told, and holds nobody up for good', async () => {
  const token = await ask('ar-3');
  await stack.identityProvider.close();
  await app.endAgentRuns(['ar-3']);
  expect(warnings).toEqual([expect.stringMatching(/^what an agent run had is not revoked: /)]);
  expect(warnings[0]).not.toContain(token.reveal());
});

it('what has expired is not taken back, and runs beyond the bound are forgotten', () => {
  let now = 0;
  const runs = createMadeForRuns(() => now);
  const made = (expiresAt: number | undefined): MadeForRun => ({
    key: 'k',
    expiresAt,
    takeBack: async () => undefined,
  });
  runs.add('a', made(10));
  runs.add('a', made(undefined));
  runs.add('a', made(30));
  now = 20_000;
  expect(runs.end('a').map(({ expiresAt }) => expiresAt)).toEqual([undefined, 30]);
  expect(runs.end('a')).toEqual([]);
  for (let run = 0; run <= 10_000; run += 1) runs.add(`r${run}`, made(undefined));
  expect([runs.end('r0').length, runs.end('r1').length, runs.end('r10000').length]).toEqual([0, 1, 1]);
});
