import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import type { QuotaEvent } from '../../src/adapters/vaults/quota.ts';
import { codeOf, ref } from '../contracts/vault.ts';

const folder = mkdtempSync(join(tmpdir(), 'app-quota-'));
let server: DevelopmentVault;
beforeAll(async () => {
  const fields = [{ label: 'password', type: 'concealed' as const, value: 'one' }];
  server = await startVault({ vaults: [{ name: 'Agents', items: [{ title: 'One', fields }] }] });
  const flow = (more: string) =>
    `description: d\n${more}steps:\n  - id: one\n    uses: vault/read\n    with: { reference: op://Agents/One/password }\noutput: \${{ steps.one }}\n`;
  mkdirSync(join(folder, 'flows'));
  for (const [name, text] of [
    ['ordinary', flow('')],
    ['emergency', flow('break-glass: true\n')],
    [
      'service',
      'environments:\n  team:\n    development: true\n    vault: { type: onepassword, token: { env: TEAM_TOKEN }, quota: { hour: 20, reserve: 40% } }\n',
    ],
  ])
    writeFileSync(join(folder, 'flows', `${name ?? ''}.yaml`), text ?? '');
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = () =>
  openApp({
    dir: join(folder, 'flows'),
    environment: 'team',
    taken: takeEnvironment({ TEAM_TOKEN: token.reveal() }),
    variables: { XDG_STATE_HOME: folder },
  });
let token: ReturnType<DevelopmentVault['token']>;

it('what is kept of a quota is for flows that break the glass', async () => {
  token = server.token();
  const events: QuotaEvent[] = [];
  const app = await open();
  const stop = app.onQuota((event) => events.push(event));
  const run = (each: App, name: string) => codeOf(each.run(each.flow(name), {}));
  expect((await app.connections()).quotas()).toEqual([]);
  while ((await run(app, 'ordinary')) === 'no error');
  expect(await run(app, 'ordinary')).toBe('rate-limited');
  expect(await codeOf(app.read(ref('op://Agents/One/password')))).toBe('rate-limited');
  expect(await run(app, 'emergency')).toBe('no error');
  expect((await app.connections()).quotas()).toMatchObject([{ entry: 1, circuit: 'closed', reserve: 0.4 }]);
  expect(events.map(({ state }) => state)).toEqual(['exhausted']);
  stop();
  await app.close();

  // another process, later: the same quota
  const next = await open();
  expect(await run(next, 'ordinary')).toBe('rate-limited');
  expect(events).toHaveLength(1);
  await next.close();
});
