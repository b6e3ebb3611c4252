import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { type DevelopmentSecretsManager, startSecretsManager } from '../../src/laptop/secrets-manager/server.ts';
import { startIdentityProvider } from '../../src/laptop/identity-provider/server.ts';
import type { DevelopmentIdentityProvider } from '../../src/laptop/identity-provider/options.ts';
import { startVaultDouble, type VaultDouble } from '../adapters/kv/double.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { createHome, repository } from '../e2e/home.ts';

const home = createHome(false);
let server: VaultDouble;
let app: App;
const logins: string[] = [];
const audience = 'https://orders.example';
let aws: DevelopmentSecretsManager;
let pool: DevelopmentIdentityProvider;
const role = 'arn:aws:iam::210987654321:role/pusher';
const identities: string[] = [];
const service = (issuer: string, url: string, endpoint: string, cognito: string) => `environments:
  own:
    development: true
    vault: { type: onepassword, token: { env: OWN } }
    key: op://Development/auth-chain key/password
    issuers: { main: { url: '${issuer}' } }
    identity-providers:
      pool: { type: cognito, pool: eu-west-1_Ab1, endpoint: '${cognito}', role: '${role}', token-flow: orders-token }
    stores:
      vault: { type: vault-kv, url: '${url}', jwt-role: pusher, token-flow: orders-token }
      aws: { type: aws-secrets-manager, region: eu-west-1, endpoint: '${endpoint}', role: '${role}', token-flow: orders-token }
`;

beforeAll(async () => {
  // an input that nobody gives where the flow serves a store
  const token = readFileSync(join(repository, 'flows/orders-token.yaml'), 'utf8');
  home.write(
    'flows/orders-token.yaml',
    token
      .replace(/^steps:/m, `inputs:\n  audience: { type: string, default: '${audience}' }\n$&`)
      .replace(`audience: ${audience}`, 'audience: ${{ inputs.audience }}'),
  );
  home.write(
    'flows/seed.yaml',
    `description: x
steps:
  - id: push
    uses: store/push
    with:
      store: \${{ stores.vault }}
      secrets: [{ name: team/orders, value: { id: op://Agents/Orders M2M/username } }]
  - id: aws
    uses: store/push
    with:
      store: \${{ stores.aws }}
      secrets: [{ name: team/orders, value: op://Agents/Orders M2M/username }]
output: \${{ steps.push.counts }}
`,
  );
  home.write(
    'flows/who.yaml',
    `description: x
steps:
  - { id: user, uses: idp/find-user, with: { provider: '\${{ identity-providers.pool }}', username: ada@example.com } }
output: \${{ steps.user.id }}
`,
  );
  // what the laptop's vault is filled for
  home.write(
    'flows/service.yaml',
    service('https://issuer.example', 'https://vault.example', 'https://aws.example', 'https://pool.example'),
  );
  const { addresses } = await home.stack();
  aws = await startSecretsManager({
    roles: { [role]: (token) => (identities.push(token) > 1 ? undefined : 'InvalidIdentityToken') },
  });
  const users = [{ userName: 'ada@example.com', password: new Secret('of the test') }];
  pool = await startIdentityProvider({
    clients: [],
    users,
    roles: { [role]: (token) => (identities.push(token) > 1 ? undefined : 'InvalidIdentityToken') },
  });
  server = await startVaultDouble({ roles: { pusher: (jwt) => logins.push(jwt) > 1 } });
  home.write('flows/service.yaml', service(addresses.issuer, server.url, aws.address, pool.doubles['cognito'] ?? ''));
  const taken = takeEnvironment({ OWN: addresses.vault.token.reveal() });
  app = await openApp({ dir: join(home.work, 'flows'), environment: 'own', taken });
});
afterAll(async () => {
  await app.close();
  await Promise.all([server.close(), aws.close(), pool.close()]);
  await home.close();
});

test('stores log in, or take a role of AWS, with the token of a flow, made anew where it was refused', async () => {
  expect(app.folder.problems).toEqual([]);
  const flow = app.flow('seed');
  await app.run(flow, parseInputs(flow, {}), {});
  expect(server.values('team/orders')).toEqual({ id: expect.any(String) });
  expect(new Set(logins).size).toBe(2);
  expect(logins.map((jwt) => decodeJwt(jwt).aud)).toEqual([audience, audience]);
  expect(aws.dump()).toMatchObject([{ name: 'team/orders' }]);
  expect(new Set(identities).size).toBe(2);
});

test('an identity provider takes a role of AWS with the token of a flow, made anew where it was refused', async () => {
  identities.length = 0;
  const flow = app.flow('who');
  expect(await app.run(flow, parseInputs(flow, {}), {})).toMatchObject({
    value: { as: 'plain', value: 'ada@example.com' },
  });
  expect(new Set(identities).size).toBe(2);
});
