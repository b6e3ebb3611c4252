import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { type Boundary, killedAt } from './boundaries.ts';
import { createHome, type Ended, type Home } from './home.ts';
import { someOf } from '../long/amounts.ts';

// a run that waits for fresh one-time codes has a stack of its own, beside the others
const home = createHome();
const lateHome = createHome();
let stack: RunningStack;
let lateStack: RunningStack;
beforeAll(async () => {
  const push = readFileSync(join(home.work, 'flows/seed-runtime.yaml'), 'utf8');
  for (const { name } of pushes) home.write(`flows/${name}.yaml`, push.replaceAll('/orders/', `/${name}/`));
  for (const { name } of refusals) home.write(`flows/${name}.yaml`, refused(name, 'OpenAI/credential'));
  stack = await home.stack();
  lateStack = await lateHome.stack();
});
afterAll(async () => {
  await Promise.all([home.close(), lateHome.close()]);
});

/** Kills a run at a boundary. */
function killed(who: Home, at: RunningStack, args: readonly string[], boundary: Boundary): Promise<Ended> {
  return killedAt(who.start(args), at, boundary);
}

const requests = {
  'the item is written': [/^PATCH \/api\/v3\/vault\/\w+\/\d+\/items/, 1],
  'the user is made': [/^POST \/scim\/v2\/Users/, 1],
  'the seed is written': [/^PATCH \/api\/v3\/vault\/\w+\/\d+\/items/, 2],
  'the enrolment is confirmed': [/^POST \/interaction\/[\w-]+\/enrol/, 1],
  'the first sign-in ended': [/^POST \/session\/end\/confirm/, 1],
} as const;
const whens = ['start', 'finish'] as const;

const newUsers = someOf(
  Object.entries(requests).flatMap(([what, [request, nth]], index) =>
    whens.map((when) => ({
      what: `${when}: ${what}`,
      email: `${when}-${index}@example.com`,
      at: { request, nth, when },
    })),
  ),
  'kills of new-user',
);
const pushes = someOf(
  [1, 3].flatMap((nth) =>
    whens.map((when) => ({ name: `push-${nth}-${when}`, at: { request: /secretsmanager\.CreateSecret$/, nth, when } })),
  ),
  'kills of a push',
);

const refusals = someOf(
  [1, 2].flatMap((nth) =>
    whens.map((when) => ({
      name: `refused-${nth}-${when}`,
      at: { request: /secretsmanager\.UpdateSecretVersionStage$/, nth, when },
    })),
  ),
  'kills of a refusal',
);

/** Two values that wait for a proof, which says no. */
const refused = (name: string, field: string) => `description: pushes what no proof lets in
steps:
  - id: push
    uses: store/push
    with:
      store: \${{ stores.aws }}
      stage: pending
      secrets:
        - { name: dev/${name}/a, value: op://Agents/${field} }
        - { name: dev/${name}/b, value: op://Agents/${field} }
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Orders M2M/username
      client-secret: op://Agents/Orders M2M/credential
      audience: https://orders.example
  - id: proof
    uses: jwt/verify
    with:
      { token: '\${{ steps.token }}', issuer: '\${{ issuers.main }}', audience: https://other.example }
  - id: promote
    uses: store/promote
    with:
      { store: '\${{ stores.aws }}', pending: '\${{ steps.push.pending }}' }
`;

/** What is there of a user: one of each, and the codes of the vault are the provider's. */
function expectOne(at: RunningStack, email: string): void {
  const items = at.vault.dump().filter(({ title }) => title === email);
  expect([email, items.map(({ state }) => state)]).toEqual([email, ['active']]);
  const fields = items[0]?.fields ?? [];
  expect([email, fields.filter(({ kind }) => kind === 'one-time-password').length]).toEqual([email, 1]);
  expect([email, fields.filter(({ label }) => label === 'previous')]).toEqual([email, []]);
  expect([email, at.identityProvider.users().filter(({ userName }) => userName === email).length]).toEqual([email, 1]);
}

describe('killed at any boundary, a second run completes', () => {
  const late = async () => {
    const email = 'late@example.com';
    const args = ['new-user', '--email', email, '--yes'];
    const ended = await killed(lateHome, lateStack, args, { request: /\/otp /, nth: 1, when: 'finish' });
    return [email, ended.signal, await lateHome.flows(args)] as const;
  };

  test('new-user', { timeout: 240_000 }, async () => {
    const running = late();
    for (const { what, email, at } of newUsers) {
      const { signal, stderr } = await killed(home, stack, ['new-user', '--email', email, '--yes'], at);
      expect([what, signal, signal === null ? stderr : '']).toEqual([what, 'SIGKILL', '']);
    }
    const again = await home.beside(newUsers.map(({ email }) => ['new-user', '--email', email, '--yes']));
    for (const [index, { what }] of newUsers.entries()) {
      expect([what, again[index]]).toEqual([what, expect.objectContaining({ code: 0 })]);
    }
    for (const { email } of newUsers) expectOne(stack, email);
    const [email, signal, ended] = await running;
    expect([signal, ended.code, ended.code === 0 ? '' : ended.stderr]).toEqual(['SIGKILL', 0, '']);
    expectOne(lateStack, email);
  });

  test('seed-runtime', { timeout: 240_000 }, async () => {
    for (const { name, at } of pushes) {
      const { signal } = await killed(home, stack, [name, '--yes'], at);
      expect([name, signal]).toEqual([name, 'SIGKILL']);
    }
    const again = await home.beside(pushes.map(({ name }) => [name, '--yes']));
    expect(again.map(({ code }) => code)).toEqual(pushes.map(() => 0));
    for (const { name } of pushes) {
      const secrets = stack.secretsManager.dump().filter((secret) => secret.name.startsWith(`dev/${name}/`));
      expect([name, secrets.map(({ versions }) => versions.length)]).toEqual([name, [1, 1, 1]]);
    }
  });

  test('a push that a proof refuses', { timeout: 240_000 }, async () => {
    const pendingOf = (name: string) =>
      stack.secretsManager
        .dump()
        .filter((secret) => secret.name.startsWith(`dev/${name}/`))
        .flatMap(({ versions }) => versions.flatMap(({ stages }) => [...stages]))
        .toSorted();
    // new secrets are in force at once, whatever the proof says
    for (const { name } of refusals) expect((await home.flows([name, '--yes'])).code).toBe(76);
    for (const { name, at } of refusals) {
      home.write(`flows/${name}.yaml`, refused(name, 'Orders Database/password'));
      const { signal } = await killed(home, stack, [name, '--yes'], at);
      expect([name, signal]).toEqual([name, 'SIGKILL']);
      // a request that was begun may be answered to nobody
      const left = pendingOf(name).filter((stage) => stage === 'AWSPENDING').length;
      expect([name, left >= 2 - at.nth]).toEqual([name, true]);
    }
    for (const { name } of refusals) {
      const { code, stderr } = await home.flows([name, '--yes']);
      expect([name, code, stderr]).toEqual([name, 76, expect.stringContaining('took back what was pending')]);
      expect([name, pendingOf(name)]).toEqual([name, ['AWSCURRENT', 'AWSCURRENT']]);
    }
  });
});
