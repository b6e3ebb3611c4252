import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DevelopmentVault, startVault } from '../../../src/laptop/vault/server.ts';
import { takeEnvironment } from '../../../src/foundation/environment-variables.ts';
import { createMetrics } from '../../../src/surfaces/server/metrics.ts';
import { readingsOf } from '../../../src/surfaces/server/broker-metrics.ts';
import { readToken } from '../../../src/adapters/read-token.ts';
import { createOnePasswordVault } from '../../../src/adapters/vaults/onepassword/vault.ts';
import { createGovernedVaults } from '../../../src/app/governed-vaults.ts';
import { ref } from '../../contracts/vault.ts';

const folder = mkdtempSync(join(tmpdir(), 'readings-'));
let server: DevelopmentVault;
beforeAll(async () => {
  const fields = [{ label: 'password', type: 'concealed' as const, value: 'one' }];
  server = await startVault({
    vaults: ['Orders', 'Payroll'].map((name) => ({ name, items: [{ title: 'One', fields }] })),
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('quotas are told by the place of their entry, whichever was asked first, and by nothing of the vault', async () => {
  const quota = { hour: 1_000, hourWrites: 100, day: 2_000, reserve: 0.1 };
  const entries = ['Orders', 'Payroll'].map((name) => {
    const file = join(folder, name);
    writeFileSync(file, server.token().reveal());
    const token = () => readToken({ file }, takeEnvironment({}));
    return { vaults: [name], vault: createOnePasswordVault({ token, development: true, quota }) };
  });
  const { vault, quotas } = createGovernedVaults({
    entries,
    stateFolder: folder,
    now: () => 1_800_000_000_000,
    warn: () => undefined,
    onQuota: () => undefined,
  });
  const stats = {
    secrets: { hits: 0, misses: 0, entries: 0 },
    tokens: { hits: 0, misses: 0 },
    refusals: {},
    failures: {},
    requests: { vault: 0, token: 0 },
  };
  const state = {
    accounts: [
      {
        username: 'ann',
        provider: 'main',
        flow: 'glass',
        drill: 'glass-drill',
        proven: '1970-01-01T00:01:00Z',
        failed: undefined,
      },
      { username: 'bo', provider: 'main', flow: 'glass', drill: 'bo-drill', proven: undefined, failed: undefined },
    ],
    troubles: [{ code: 'never-proven', subject: 'bo', why: 'never', hint: 'do' }],
  } as const;
  const broker = { stats: () => Promise.resolve(stats) };
  const metrics = createMetrics(
    readingsOf({ broker, healthy: () => true, problems: () => [], quotas, breakGlass: () => Promise.resolve(state) }),
  );
  const told = async () => (await metrics.text()).split('\n').filter((line) => line.startsWith('flows_vault_'));

  await vault.read([ref('op://Payroll/One/password')]);
  const second = await told();
  expect(second).toContain('flows_vault_requests_limit{vault="2",window="day"} 2000');
  expect(second).toContain('flows_vault_circuit_open{vault="2"} 0');
  expect(second.join('\n')).not.toContain('vault="1"');

  await vault.read([ref('op://Orders/One/password')]);
  const both = await told();
  expect(both).toHaveLength(2 * second.length);
  for (const text of [new URL(server.address).host, 'Orders', 'Payroll', 'One'])
    expect(both.join('\n')).not.toContain(text);

  // an alert can be written on each, before there was ever a trouble
  const glass = (await metrics.text()).split('\n').filter((line) => line.startsWith('flows_break_glass_'));
  expect(glass).toEqual([
    'flows_break_glass_troubles{code="no-drill"} 0',
    'flows_break_glass_troubles{code="never-proven"} 1',
    'flows_break_glass_troubles{code="proof-too-old"} 0',
    'flows_break_glass_troubles{code="drill-failed"} 0',
    'flows_break_glass_troubles{code="no-second-account"} 0',
    'flows_break_glass_troubles{code="not-closed"} 0',
    'flows_break_glass_troubles{code="trail-unreadable"} 0',
    'flows_break_glass_proven_timestamp_seconds{drill="glass-drill"} 60',
    'flows_break_glass_proven_timestamp_seconds{drill="bo-drill"} 0',
  ]);
  await vault.close();
});
