import { createHome, type Home } from '../e2e/home.ts';
import type { DevelopmentSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import type { DevelopmentVault } from '../../src/laptop/vault/server.ts';
import { row, type Row } from './row.ts';

/**
 * `flows push --yes` as a process of its own, all new, unchanged and a hundredth changed: calls of AWS against the most
 * that one look at what is there, one more alone with the lock, and the writes come to. Who we are is one call, too.
 * @param titles of the vault's items, whose passwords are pushed
 */
export async function pushCommand(
  vault: DevelopmentVault,
  aws: DevelopmentSecretsManager,
  titles: readonly string[],
): Promise<readonly Row[]> {
  const home = createHome(false);
  const count = titles.length;
  const [pages, few] = [Math.ceil(count / 100), Math.ceil(count / 100)];
  try {
    home.write('flows/service.yaml', service(vault, aws));
    const cases = [
      { what: 'all new', changed: 0, most: count + pages + 2 },
      { what: '0 changed', changed: 0, most: pages + 2 },
      { what: `${few} changed`, changed: few, most: 2 * pages + few + 2 },
    ];
    const rows: Row[] = [];
    for (const { what, changed, most } of cases) {
      const secrets = titles.map((title, index) => {
        const value = `${index < changed ? 'changed ' : ''}{{ op://Bench/${title}/password }}`;
        return `        - { name: command/secret/${index}, template: '${value}' }\n`;
      });
      home.write(
        'flows/push.yaml',
        `description: x\nsteps:\n  - id: push\n    uses: store/push\n    with:\n      store: \${{ stores.aws }}\n      secrets:\n${secrets.join('')}`,
      );
      const value = await callsOf(home, vault, aws);
      rows.push(
        row({ name: `flows push --yes of ${count}, ${what}: AWS calls`, value, unit: 'calls', goal: { atMost: most } }),
      );
    }
    return rows;
  } finally {
    await home.close();
  }
}

async function callsOf(home: Home, vault: DevelopmentVault, aws: DevelopmentSecretsManager): Promise<number> {
  const total = () => Object.values(aws.calls()).reduce((sum, each) => sum + each, 0);
  const before = total();
  const { code, stderr } = await home.flows(['push', '--yes'], {
    env: {
      VAULT_TOKEN: vault.token().reveal(),
      AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey.reveal(),
    },
  });
  if (code !== 0) throw new Error(`flows push ended with ${code}: ${stderr}`);
  return total() - before;
}

function service(vault: DevelopmentVault, { address, region, account }: DevelopmentSecretsManager): string {
  if (!vault.address.startsWith('http:')) throw new TypeError('a development vault');
  return `default-environment: bench
environments:
  bench:
    development: true
    key: op://Bench/Secret 0/password
    vault: [{ type: onepassword, token: { env: VAULT_TOKEN } }]
    stores: { aws: { type: aws-secrets-manager, region: ${region}, account: '${account}', endpoint: '${address}' } }
`;
}
