import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { startVaultDouble, type VaultDouble } from '../adapters/kv/double.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { createHome, repository } from '../e2e/home.ts';

const home = createHome(false);
let server: VaultDouble;
let app: App;
const logins: string[] = [];
const service = (issuer: string, url: string) => `environments:
  own:
    development: true
    vault: { type: onepassword, token: { env: OWN } }
    key: op://Development/auth-chain key/password
    issuers: { main: { url: '${issuer}' } }
    stores: { vault: { type: vault-kv, url: '${url}', jwt-role: pusher, token-flow: orders-token } }
`;

beforeAll(async () => {
  home.write('flows/orders-token.yaml', readFileSync(join(repository, 'flows/orders-token.yaml'), 'utf8'));
  home.write(
    'flows/seed.yaml',
    `description: x
steps:
  - id: push
    uses: store/push
    with:
      store: \${{ stores.vault }}
      secrets: [{ name: team/orders, value: { id: op://Agents/Orders M2M/username } }]
output: \${{ steps.push.counts }}
`,
  );
  // what the laptop's vault is filled for
  home.write('flows/service.yaml', service('https://issuer.example', 'https://vault.example'));
  const { addresses } = await home.stack();
  server = await startVaultDouble({ roles: { pusher: (jwt) => logins.push(jwt) > 1 } });
  home.write('flows/service.yaml', service(addresses.issuer, server.url));
  const taken = takeEnvironment({ OWN: addresses.vault.token.reveal() });
  app = await openApp({ dir: join(home.work, 'flows'), environment: 'own', taken });
});
afterAll(async () => {
  await app.close();
  await server.close();
  await home.close();
});

test('a store logs in with the token of a flow, made anew where it was refused', async () => {
  expect(app.folder.problems).toEqual([]);
  const flow = app.flow('seed');
  await app.run(flow, parseInputs(flow, {}), {});
  expect(server.values('team/orders')).toEqual({ id: expect.any(String) });
  expect(new Set(logins).size).toBe(2);
});
