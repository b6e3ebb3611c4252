import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { vaultKeys } from '../../src/adapters/vaults/adapter.ts';
import { adaptersOf } from '../../src/adapters/declaration.ts';
import type { NotTold } from '../../src/adapters/channels/contract.ts';
import { openApp, type RunOptions } from '../../src/app/open-app.ts';
import { parts } from '../../src/app/parts.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { type Answer, startReceiver } from '../adapters/channels/receiver.ts';
import { jsonVault } from './made-up/vault.ts';

const secret = `whsec_${randomBytes(32).toString('base64')}`;
const canary = 'canary-break-glass';

/** A flow that tells these channels, and somebody at the other end of each. */
async function arrange(channels: Readonly<Record<string, (() => Answer | undefined) | 'without a secret'>>) {
  const dir = mkdtempSync(join(tmpdir(), 'notify-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const receivers = await Promise.all(
    Object.entries(channels).map(async ([name, answer]) => {
      const receiver = await startReceiver(typeof answer === 'function' ? answer : undefined);
      onTestFinished(receiver.close);
      return { name, receiver, item: typeof answer === 'function' ? 'ops' : 'missing' };
    }),
  );
  const notify = receivers.map(
    ({ name, receiver, item }) =>
      `{ ${name}: { type: webhook, url: '${receiver.url}', secret: op://A/${item}/password } }`,
  );
  const files = {
    'vault.json': JSON.stringify({ A: { ops: { password: secret }, Admin: { password: canary } } }),
    'service.yaml': `default-environment: production
environments:
  production:
    development: true
    vault: { type: json, file: ${dir}/vault.json }
    notify:
${notify.map((each) => `      ${each.slice(2, -2)}`).join('\n')}
`,
    'open.yaml': `description: the way in
break-glass: { notify: [${Object.keys(channels).join(', ')}] }
steps:
  - { id: read, uses: vault/read, with: { reference: op://A/Admin/password } }
output: \${{ steps.read }}
`,
    'broken.yaml': `description: no way in
break-glass: { notify: [${Object.keys(channels).join(', ')}] }
steps:
  - { id: read, uses: vault/read, with: { reference: op://A/Gone/password } }
output: \${{ steps.read }}
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const { adapters } = parts;
  const warnings: string[] = [];
  const app = await openApp({
    dir,
    environment: 'production',
    parts: {
      ...parts,
      adapters: { ...adapters, vaults: adaptersOf(vaultKeys, [jsonVault, ...adapters.vaults.values()]) },
    },
    taken: takeEnvironment({}),
    variables: { XDG_STATE_HOME: join(dir, 'state'), HOME: dir },
    warn: (message) => warnings.push(message),
  });
  onTestFinished(app.close);
  expect(app.folder.problems).toEqual([]);
  const failures: NotTold[] = [];
  app.onNotTold(async (failure) => void failures.push(failure));
  const run = (options: RunOptions = {}, flow = 'open') => app.run(app.flow(flow), {}, options);
  return { receivers: receivers.map(({ receiver }) => receiver), run, warnings, failures };
}

test('nothing is given of a break-glass run before every channel was told, and no channel is told what', async () => {
  const asked = Promise.withResolvers<void>();
  const { receivers, run, warnings } = await arrange({
    ops: () => ({ status: 204 }),
    phone() {
      asked.resolve();
      return undefined;
    },
  });
  let given = false;
  const running = run({ agent: 'local:ann' }).then(() => (given = true));
  await asked.promise;
  await expect.poll(() => receivers[0]?.posts().length).toBe(1);
  expect(given).toBe(false);
  receivers[1]?.release(204);
  await running;
  expect(warnings).toEqual([]);
  for (const receiver of receivers) {
    const [post, ...more] = receiver.posts();
    expect(more).toEqual([]);
    const headers = Object.fromEntries(
      Object.entries(post?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    expect(new Webhook(secret).verify(post?.body ?? '', headers)).toMatchObject({
      type: 'break-glass.run',
      data: { environment: 'production', agent: 'local:ann', names: ['open'] },
    });
    expect(JSON.stringify(post)).not.toContain(canary);
  }
});

test('channels that fail, or do not answer, hold a run up for three seconds at most, and are told of', async () => {
  const { run, warnings, failures } = await arrange({
    ops: () => ({ status: 500, body: 'x' }),
    slow: () => undefined,
    unread: 'without a secret',
  });
  const start = performance.now();
  expect(await run({ agent: 'codex', agentRun: 'r-1' })).toMatchObject({ kind: 'scalar' });
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(failures.map(({ channel, error }) => `${channel} ${error.code}`).toSorted()).toEqual([
    'ops unavailable',
    'slow timeout',
    'unread not-found',
  ]);
  expect(failures[0]?.notice).toMatchObject({ agent: 'codex', agentRun: 'r-1', names: ['open'] });
  expect(warnings).toHaveLength(3);
  expect(warnings.join(' ')).not.toContain(secret);
});

test('people are told once of a code that is renewed, and of a run that fails too', async () => {
  const { receivers, run } = await arrange({ ops: () => ({ status: 204 }) });
  await run();
  await run({ again: true });
  expect(receivers[0]?.posts()).toHaveLength(1);
  await expect(run({}, 'broken')).rejects.toMatchObject({ code: 'not-found' });
  expect(receivers[0]?.posts()).toHaveLength(2);
});
