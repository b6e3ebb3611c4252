import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCodes } from '../../src/foundation/errors.ts';
import type { ItemSeed } from '../../src/laptop/vault/seeds.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { newOneTimePassword, oneTimePasswordUri } from '../../src/foundation/totp.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { writableItems } from '../../src/adapters/vaults/writable-items.ts';
import { createHome, type Home, repository } from '../e2e/home.ts';
import { audience, type Realm } from './keycloak-realm.ts';

/** those that an identity provider has part in */
const shipped = ['orders-token', 'scim-token', 'break-glass', 'break-glass-drill', 'new-user'];

/** The shipped flows by the real command, in an environment that points at a real Keycloak. */
export function keycloakFlows(realm: () => Realm): void {
  describe('flows', () => {
    let home: Home;
    let vault: DevelopmentVault;
    const flows = (...args: string[]) =>
      home.flows([...args, '--environment', 'keycloak'], { env: { VAULT_TOKEN: vault.token().reveal() } });
    const answer = async (...args: string[]) => {
      const { code, stdout, stderr } = await flows(...args, '--json');
      if (code !== 0) throw new Error(`flows ${args.join(' ')} ends with ${code}: ${stderr}`);
      return { shown: JSON.parse(stdout), stderr };
    };

    beforeAll(async () => {
      vault = await startVault({ vaults: vaultFor(realm()) });
      home = createHome(false);
      for (const name of shipped) {
        const text = readFileSync(join(repository, 'flows', `${name}.yaml`), 'utf8');
        home.write(
          `flows/${name}.yaml`,
          text.replace('break-glass: { close: break-glass-close }', 'break-glass: true'),
        );
      }
      home.write('flows/service.yaml', serviceFor(realm()));
    });
    afterAll(async () => {
      await home?.close();
      await vault?.close();
    });

    test('check --online finds all of it', async () => {
      const { code, stdout, stderr } = await flows('check', '--online');
      if (code !== 0) throw new Error(`${stdout}${stderr}`);
      expect(stdout).toContain('op://Accounts/Break Glass/one-time password');
    });

    test('orders-token', async () => {
      const { shown } = await answer('orders-token');
      expect(shown).toMatchObject({ token_type: 'Bearer', scope: expect.stringContaining('orders:read') });
      const [, claims = ''] = String(shown.access_token).split('.');
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ aud: audience });
    });

    test('break-glass, and its drill, twice in a row', async () => {
      const { shown } = await answer('break-glass');
      const { username, password } = realm().breakGlass;
      expect(shown).toMatchObject({ 'sign-in': realm().issuer, username, password });
      // the second process has the same code to give, is refused, and waits for the next one
      for (const _ of ['first', 'second']) {
        expect((await answer('break-glass-drill')).shown).toMatchObject({ account: username });
      }
    }, 150_000);

    test('new-user, in a realm that drops the password, is completed when an operator has set it', async () => {
      const email = `new-${randomBytes(4).toString('hex')}@example.com`;
      const run = () => flows('new-user', '--email', email, '--yes', '--json');
      const stopped = await run();
      expect(stopped).toMatchObject({ code: errorCodes.denied.exit, stdout: '' });
      expect(stopped.stderr).toMatch(/refuses the password/);
      const items = () => vault.dump().filter(({ title, state }) => title === email && state === 'active');
      const seeds = () =>
        items().flatMap(({ fields }) =>
          fields.map(({ value }) => value).filter((value) => value.startsWith('otpauth://')),
        );
      const [item] = items();
      const password = item?.fields.find(({ label }) => label === 'password')?.value ?? '';
      const users = (await (await realm().admin('GET', `/users?username=${email}&exact=true`)).json()) as {
        id: string;
      }[];
      const [user] = users;
      await realm().admin('PUT', `/users/${user?.id}/reset-password`, {
        type: 'password',
        value: password,
        temporary: false,
      });

      const done = await run();
      if (done.code !== 0) throw new Error(done.stderr);
      expect(JSON.parse(done.stdout)).toMatchObject({ user: user?.id });
      expect(items()).toHaveLength(1);
      expect(seeds()).toHaveLength(1);

      // all of it is there: it adopts, and proves it anew
      const again = await run();
      if (again.code !== 0) throw new Error(again.stderr);
      expect(items()).toHaveLength(1);

      // what runs that ended early may have left: two seeds that never were in force, before the one that is
      const inForce = seeds();
      const token = vault.token();
      const adapter = createOnePasswordVault({ token: async () => token, development: true });
      const reference = Reference.of({ vault: 'Accounts', item: item?.id ?? '' });
      for (const _ of ['one', 'two']) {
        const left = await oneTimePasswordUri(await newOneTimePassword(), { issuer: 'left', account: email });
        const writable = writableItems(adapter);
        await writable.setOneTimePassword(await writable.get(reference), left, { previous: 'keep' });
      }
      await adapter.close();
      expect(seeds()).toHaveLength(3);
      // the last run has used up the code of this time step
      await new Promise((resolve) => setTimeout(resolve, 30_000));
      const proved = await run();
      if (proved.code !== 0) {
        const events = await realm().admin('GET', `/events?user=${user?.id}&type=LOGIN_ERROR`);
        throw new Error(`${proved.stderr}\n${await events.text()}`);
      }
      expect(seeds()).toEqual(inForce);
    }, 300_000);
  });
}

function vaultFor({ clientSecret, breakGlass }: Realm) {
  const client = (title: string, username: string): ItemSeed => ({
    title,
    category: 'api-credential',
    fields: [
      { label: 'username', type: 'text', value: username },
      { label: 'credential', type: 'concealed', value: clientSecret },
    ],
  });
  const concealed = (title: string, ...labels: string[]): ItemSeed => ({
    title,
    fields: labels.map((label) => ({ label, type: 'concealed', value: randomBytes(24).toString('base64url') })),
  });
  const account: ItemSeed = {
    title: 'Break Glass',
    fields: [
      { label: 'username', type: 'text', value: breakGlass.username },
      { label: 'password', type: 'concealed', value: breakGlass.password },
      { label: 'one-time password', type: 'one-time-password', value: breakGlass.seed },
    ],
  };
  return [
    {
      name: 'Agents',
      items: [
        client('Orders M2M', 'orders'),
        client('User Provisioning', 'provisioning'),
        concealed('auth-chain key', 'password'),
      ],
    },
    { name: 'Accounts', items: [account] },
  ];
}

function serviceFor({ issuer, scimUrl, redirectUri, signInClient, breakGlass }: Realm): string {
  return `default-environment: keycloak
environments:
  keycloak:
    development: true
    vars: { break-glass: ${breakGlass.username}, prefix: peer }
    key: op://Agents/auth-chain key/password
    vault: { type: onepassword, token: { env: VAULT_TOKEN } }
    issuers:
      main: { url: '${issuer}' }
    identity-providers:
      main:
        type: scim
        url: ${scimUrl}
        token-flow: scim-token
        sign-in: { issuer: main, client-id: ${signInClient}, redirect-uri: '${redirectUri}', pages: keycloak }
`;
}
