import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { drillOf, runDrill } from '../../src/app/drill.ts';
import { type App, openApp } from '../../src/app/open-app.ts';
import type { RunEvent } from '../../src/engine/run-events.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { createHome } from '../e2e/home.ts';
import { someOf } from '../long/amounts.ts';

/** Where a run of the flow is killed: before a step, or after it. */
const kills = someOf(
  ['next', 'password', 'promoted', 'sessions', 'seed', 'dropped'].flatMap((step) =>
    (['step-started', 'step-finished'] as const).map((type) => ({ name: `${type}-${step}`, type, step })),
  ),
  'kills of a close',
);

const home = createHome();
let stack: RunningStack;
let app: App;
// a wait for the next code moves this clock, and nobody waits
let ahead = 0;
const now = () => Date.now() + ahead;
const usernameOf = (name: string) => `${name}@example.com`;
beforeAll(async () => {
  // each case has an account of its own, since a provider takes a code of one account once
  for (const shipped of ['break-glass-close', 'break-glass-drill']) {
    const text = readFileSync(join(home.work, `flows/${shipped}.yaml`), 'utf8');
    for (const name of ['whole', 'half', ...kills.map((each) => each.name)])
      home.write(
        `flows/${shipped.replace('break-glass', name)}.yaml`,
        text.replaceAll('${{ vars.break-glass }}', usernameOf(name)).replaceAll('Break Glass', name),
      );
  }
  stack = await home.stack();
  app = await openApp({
    dir: join(home.work, 'flows'),
    environment: 'development',
    taken: takeEnvironment({}),
    variables: home.env,
    now,
    sleep: async (milliseconds) => void (ahead += milliseconds),
  });
});
beforeEach(() => {
  // two codes of a seed are taken one after the other: with the wait between them it is not a step ahead of the provider's
  ahead = -25_000;
});
afterAll(async () => {
  await app.close();
  await home.close();
});

function close(name: string, onEvent?: (event: RunEvent) => void) {
  const flow = app.flow(`${name}-close`);
  return app.run(flow, parseInputs(flow, {}), onEvent && { onEvent });
}

/** Fields of the account's item, by their names. */
function fieldsOf(name: string): Readonly<Record<string, string>> {
  const item = stack.vault.dump().find(({ title }) => title === name);
  return Object.fromEntries(item?.fields.map(({ label, value }) => [label, value]) ?? []);
}

/** Which of the passwords in the item gets as far as the question for a code. */
async function passwordsInForce(name: string, held = fieldsOf(name)): Promise<readonly string[]> {
  const realm = (await app.connections()).get('identity-providers', 'realm') as IdentityProvider;
  const inForce: string[] = [];
  for (const [label, value] of Object.entries(held)) {
    if (!label.startsWith('password')) continue;
    const page = await realm.signIn?.begin({ username: usernameOf(name), password: new Secret(value) });
    if (page?.at === 'one-time-code') inForce.push(label);
  }
  return inForce;
}

/** The former values are gone, there and in the vault, and what is there was proved by the run. */
async function expectClosed(name: string, before: Readonly<Record<string, string>>): Promise<void> {
  const after = fieldsOf(name);
  expect(Object.keys(after).toSorted()).toEqual(['one-time password', 'password', 'username']);
  for (const label of ['password', 'one-time password']) expect(after[label]).not.toBe(before[label]);
  expect([await passwordsInForce(name), await passwordsInForce(name, before)]).toEqual([['password'], []]);
  expect(stack.identityProvider.user(usernameOf(name))).toMatchObject({ factors: 1 });
}

test('a use is closed by another password and another seed, and what the vault then holds signs in', async () => {
  const before = fieldsOf('whole');
  const done: string[] = [];
  await close('whole', (event) => {
    if (event.type === 'step-finished') done.push(event.step);
  });
  // nobody who is signed in yet can enrol another seed once those that are not ours are gone
  expect(done.filter((step) => ['password', 'sessions', 'seed'].includes(step))).toEqual([
    'password',
    'sessions',
    'seed',
  ]);
  await expectClosed('whole', before);
  expect(fieldsOf('whole')['password']).toMatch(/^\S{32}$/);
  const drill = drillOf(app, 'whole-drill');
  if (drill === undefined) throw new Error('no drill');
  expect((await runDrill(app, drill, { id: 'test', by: 'local:ann', now })).found).toMatchObject({ held: true });
});

test.each(kills)(
  'killed at $type of "$step", the password in force is in the vault, and the next run closes',
  async ({ name, type, step }) => {
    const before = fieldsOf(name);
    const killed = close(name, (event) => {
      if (event.type === type && event.step === step) throw new RangeError('killed');
    });
    await expect(killed).rejects.toMatchObject({ cause: { message: 'killed' } });
    expect(await passwordsInForce(name)).toHaveLength(1);
    await close(name);
    await expectClosed(name, before);
  },
);

test('stopped when the new seed is stored and the provider has it not, the next run puts it in force', async () => {
  const before = fieldsOf('half');
  stack.identityProvider.faults.nextDouble({ status: 500, body: {} }, 'GET', '/credentials');
  await expect(close('half')).rejects.toMatchObject({ place: { step: 'seed' } });
  expect(fieldsOf('half')).toMatchObject({ previous: before['one-time password'] });
  await close('half');
  await expectClosed('half', before);
});
