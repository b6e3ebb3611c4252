import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DevelopmentSecretsManager, startSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { startVaultDouble, type VaultDouble } from '../adapters/kv/double.ts';
import { createHome } from './home.ts';

const home = createHome(false);
const value = `canary-${crypto.randomUUID()}`;
let vault: DevelopmentVault;
let aws: DevelopmentSecretsManager;
let kv: VaultDouble;
const env: Record<string, string> = {};

beforeAll(async () => {
  const concealed = (label: string) => ({ label, type: 'concealed' as const, value });
  [vault, aws, kv] = await Promise.all([
    startVault({
      vaults: [{ name: 'Team', items: [{ title: 'Key', fields: [concealed('root'), concealed('key')] }] }],
    }),
    startSecretsManager(),
    startVaultDouble(),
  ]);
  Object.assign(env, {
    TEAM_TOKEN: vault.connectToken().reveal(),
    VAULT_TOKEN: kv.root.reveal(),
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey.reveal(),
  });
  home.write(
    'flows/service.yaml',
    `default-environment: here
environments:
  here:
    development: true
    key: op://Team/Key/root
    vault: [{ type: onepassword-connect, url: '${vault.address}', token: { env: TEAM_TOKEN } }]
    stores:
      aws: { type: aws-secrets-manager, region: ${aws.region}, account: '${aws.account}', endpoint: '${aws.address}' }
      vault: { type: vault-kv, url: '${kv.url}', token: { env: VAULT_TOKEN } }
`,
  );
});
afterAll(async () => {
  await home.close();
  await Promise.all([vault.close(), aws.close(), kv.close()]);
});

/** A flow that pushes as many secrets in each of two steps, so that what the second finds is not what it planned. */
function flow(prefix: string, text: string): void {
  const step = (id: string) => `  - id: ${id}
    uses: store/push
    with:
      store: \${{ stores.aws }}
      secrets: [${[0, 1, 2, 3, 4].map((index) => `{ name: ${prefix}/${id}/${index}, template: '${text}{{ op://Team/Key/key }}' }`).join(', ')}]
`;
  home.write(
    'flows/push.yaml',
    `description: x\nsteps:\n${step('first')}${step('second')}output: \${{ steps.second.counts }}\n`,
  );
}

const total = () => Object.values(aws.calls()).reduce((sum, each) => sum + each, 0);

test.each(['new', 'changed'])('pushes at once with --yes all end with 0: %s', async (text) => {
  flow('twice', text);
  aws.faults.delay(40);
  const all = await Promise.all([1, 2, 3].map(() => home.flows(['push', '--yes', '--json'], { env })));
  aws.faults.delay(0);
  expect(all.map(({ code, stderr }) => [code, code === 0 ? '' : stderr])).toEqual(all.map(() => [0, '']));
  const twice = aws.dump().filter(({ name }) => name.startsWith('twice/'));
  expect(twice).toHaveLength(10);
  for (const { versions } of twice) {
    expect(versions.find(({ stages }) => stages.includes('AWSCURRENT'))?.value.reveal()).toBe(`${text}${value}`);
    expect(versions).toHaveLength(text === 'new' ? 1 : 2);
  }
});

test('what is unchanged is looked at once with --yes, and told as before', async () => {
  flow('once', 'a ');
  await home.flows(['push', '--yes'], { env });
  const before = total();
  const again = await home.flows(['push', '--yes'], { env });
  expect([again.code, total() - before]).toEqual([0, 3]); // who we are, and a page for each step
  expect(again.stderr).toContain('push: nothing would change');
  expect(again.stderr).not.toContain(value);
});

test('one flow fills AWS and Vault, and is told of in each of their words', async () => {
  const step = (store: string) => `  - id: ${store}
    uses: store/push
    with:
      store: \${{ stores.${store} }}
      secrets: [{ name: both/orders, value: { password: op://Team/Key/key, port: 5432 } }]
`;
  home.write(
    'flows/push.yaml',
    `description: x\nsteps:\n${step('aws')}${step('vault')}output: \${{ steps.vault.counts }}\n`,
  );
  const pushed = await home.flows(['push', '--yes'], { env });
  expect([pushed.code, pushed.code === 0 ? '' : pushed.stderr]).toEqual([0, '']);
  const there = aws.dump().find(({ name }) => name === 'both/orders');
  expect(there?.versions[0]?.value.reveal()).toBe(JSON.stringify({ password: value, port: 5432 }));
  expect(kv.values('both/orders')).toEqual({ password: value, port: 5432 });
  const again = await home.flows(['push', '--plan', '--detailed-exitcode'], { env });
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining(`Vault KV "secret" (${kv.url})`)]);

  const setup = await home.flows(['check', '--setup'], { env });
  expect(setup.stdout).toContain('# IAM policy for store aws');
  expect(setup.stdout).toContain('path "secret/data/both/orders" { capabilities = ["create", "update"] }');
  const online = await home.flows(['check', '--online'], { env });
  expect(online.stdout).toContain(`stores.vault: Vault KV "secret": 1 of 1 secrets to push exist`);
  kv.fail(() => ({ status: 503, errors: ['Vault is sealed'] }));
  const sealed = await home.flows(['check', '--online'], { env });
  kv.fail(undefined);
  expect(sealed.code).toBe(69);
  expect(sealed.stdout).toContain('the Vault server is sealed (its operators must unseal it');
  for (const { stdout, stderr } of [pushed, again, setup, online, sealed]) expect(stdout + stderr).not.toContain(value);
});

test('what is pruned is a row of the plan, wants a word of its own where it is most, and the right to it is printed', async () => {
  const push = (...names: readonly string[]) =>
    home.write(
      'flows/push.yaml',
      `description: x
steps:
  - id: push
    uses: store/push
    with:
      store: \${{ stores.aws }}
      prune: true
      deletion: { after: 7d }
      secrets: [${names.map((name) => `{ name: pruned/${name}, value: op://Team/Key/key }`).join(', ')}]
output: { removed: '\${{ steps.push.removed }}' }
`,
    );
  const deleted = () =>
    aws
      .dump()
      .filter((each) => each.deleted)
      .map(({ name }) => name);
  push('a', 'b', 'c');
  const told: { readonly stdout: string; readonly stderr: string }[] = [];
  const flows = async (...args: readonly string[]) => {
    const ended = await home.flows(args, { env });
    told.push(ended);
    return ended;
  };
  expect((await flows('push', '--yes')).code).toBe(0);
  push('a', 'b');
  const one = await flows('push', '--yes', '--json');
  expect([one.code, one.stdout]).toEqual([0, expect.stringContaining('"name":"pruned/c"')]);
  expect(one.stderr).toMatch(
    /^- push +remove: secret "pruned\/c" \(not declared any more; can be taken back for 7 days\)$/m,
  );
  expect(deleted()).toEqual(['pruned/c']);
  push('c');
  const most = await flows('push', '--yes');
  expect([most.code, most.stderr]).toEqual([73, expect.stringContaining('2 of the 2 that this step has pushed')]);
  expect((await flows('push', '--yes', '--prune-most')).code).toBe(0);
  expect(deleted()).toEqual(['pruned/a', 'pruned/b']);
  expect((await flows('check', '--setup')).stdout).toContain('"secretsmanager:DeleteSecret"');
  for (const { stdout, stderr } of told) expect(stdout + stderr).not.toContain(value);
});
