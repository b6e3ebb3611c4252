import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DevelopmentSecretsManager, startSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { createHome } from './home.ts';

const home = createHome(false);
const value = `canary-${crypto.randomUUID()}`;
let vault: DevelopmentVault;
let aws: DevelopmentSecretsManager;
const env: Record<string, string> = {};

beforeAll(async () => {
  const concealed = (label: string) => ({ label, type: 'concealed' as const, value });
  [vault, aws] = await Promise.all([
    startVault({
      vaults: [{ name: 'Team', items: [{ title: 'Key', fields: [concealed('root'), concealed('key')] }] }],
    }),
    startSecretsManager(),
  ]);
  Object.assign(env, {
    TEAM_TOKEN: vault.token().reveal(),
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
    vault: [{ type: onepassword, token: { env: TEAM_TOKEN } }]
    stores: { aws: { type: aws-secrets-manager, region: ${aws.region}, account: '${aws.account}', endpoint: '${aws.address}' } }
`,
  );
});
afterAll(async () => {
  await home.close();
  await Promise.all([vault.close(), aws.close()]);
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
