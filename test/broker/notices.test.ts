import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import type { AuditLine } from '../../src/audit/read-trail.ts';
import { type OpenBroker, openBroker } from '../../src/broker/open-broker.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { createSoftwarePasskey } from '../../src/laptop/software-passkey.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { startReceiver } from '../adapters/channels/receiver.ts';
import { createHome, type Home } from '../e2e/home.ts';
import { verified, writeChannel } from '../e2e/notified.ts';
import { as, refusalOf } from './arrange.ts';

const policy = `approvers: { ann: { notify: [ops] } }
agents:
  codex: { flows: [break-glass, orders-token], approve: [{ flows: [orders-token], by: [ann], wait: 5m }] }
`;

let home: Home;
let app: App;
let stack: RunningStack;
let status = 204;
const receiver = await startReceiver(() => ({ status }));
beforeAll(async () => {
  home = createHome(true, 'onepassword-connect');
  writeChannel(home, receiver.url);
  home.write('flows/policy.yaml', policy);
  home.write('flows/registry.yaml', 'secrets: {}\n');
  stack = await home.stack();
  app = await openApp({ dir: join(home.work, 'flows'), environment: 'development', taken: takeEnvironment({}) });
});
beforeEach(() => {
  status = 204;
  receiver.received.splice(0);
});
afterAll(async () => {
  await app?.close();
  await home?.close();
  await receiver.close();
});

async function brokered<T>(work: (opened: OpenBroker) => Promise<T>): Promise<T> {
  const opened = await openBroker({
    app,
    anchor: () => undefined,
    onProblems: () => undefined,
    warn: () => undefined,
    variables: home.env,
  });
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}

const linesOf = ({ trailFile }: OpenBroker) =>
  readFileSync(trailFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditLine);

test('a break-glass run at the broker tells its channels who asked, and the trail has a channel that fails', async () => {
  await brokered(async (opened) => {
    const { output } = await opened.broker.run(as('codex'), 'break-glass', {});
    expect(verified(stack, receiver.posts()[0])).toMatchObject({ type: 'break-glass.run', data: { agent: 'codex' } });
    const { password } = output as { password: string };
    expect(password.length).toBeGreaterThan(8);
    expect(JSON.stringify(receiver.received)).not.toContain(password);
    status = 500;
    await opened.broker.run(as('codex'), 'break-glass', {});
    const told = linesOf(opened)
      .slice(-5)
      .map(({ action, outcome, agent }) => `${action} ${outcome} ${agent}`);
    expect(told).toEqual([
      ...['flow.started allowed codex', 'flow.run allowed codex'],
      ...['flow.started allowed codex', 'notify.failed failed codex', 'flow.run allowed codex'],
    ]);
  });
});

test('an approval that is opened is told, by the next broker where this one could not', async () => {
  status = 500;
  await brokered(async ({ broker }) => {
    const refusal = await refusalOf(broker.token(as('codex'), 'orders-token', {}));
    expect(refusal.code).toBe('approval-required');
    await expect.poll(() => receiver.posts().length).toBeGreaterThan(0);
  });
  status = 204;
  const before = receiver.posts().length;
  await brokered(async () => {
    await expect.poll(() => receiver.posts().length).toBeGreaterThan(before);
  });
  expect(verified(stack, receiver.posts().at(-1))).toMatchObject({
    type: 'approval.opened',
    data: { agent: 'codex', names: ['orders-token'], claimed: { run: 'run-42' } },
  });
  const ids = new Set(receiver.posts().map(({ headers }) => headers['webhook-id']));
  expect(ids.size).toBe(1);
});

test('a passkey that somebody wrote into policy.yaml while no broker ran is told', async () => {
  await brokered(async (opened) => {
    const kept = async () => (await opened.database()).query('select from flows_told_keys');
    await expect.poll(async () => (await kept()).length).toBe(1);
  });
  const key = createSoftwarePasskey();
  const { publicKey } = key.register({ origin: 'http://localhost', rpId: 'localhost', challenge: Buffer.alloc(32) });
  const passkeys = `passkeys: [{ id: ${key.id}, public-key: ${publicKey}, algorithm: ES256 }]`;
  home.write('flows/policy.yaml', policy.replace('notify:', `${passkeys}, notify:`));
  await brokered(async (opened) => {
    await expect.poll(() => receiver.posts().length).toBe(1);
    const change = `passkey ${key.id.slice(0, 12)}… added`;
    expect(verified(stack, receiver.posts()[0])).toMatchObject({
      type: 'approver.keys-changed',
      data: { agent: 'ann', names: [change] },
    });
    expect(linesOf(opened)).toContainEqual(
      expect.objectContaining({ action: 'approver.keys-changed', what: ['ann'], detail: change }),
    );
  });
});
