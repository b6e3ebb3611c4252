import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import { codeAt, parseOneTimePassword } from '../../src/foundation/totp.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { killedAt } from '../e2e/boundaries.ts';
import { createHome, type Home, repository } from '../e2e/home.ts';
import type { Keycloak } from './keycloak.ts';
import { audienceMapper, makeRealm, type Realm, reusableCodes } from './keycloak-realm.ts';
import { keycloakService } from './keycloak-service.ts';

const proofSecret = randomBytes(18).toString('base64url');

/** The shipped flows of a break-glass account by the real command, from its use to the end of it, at a real Keycloak. */
export function keycloakBreakGlass(keycloak: () => Keycloak): void {
  describe('a use of the break-glass account', () => {
    let realm: Realm;
    let vault: DevelopmentVault;
    let home: Home;
    let env: Readonly<Record<string, string>>;

    beforeAll(async () => {
      realm = await makeRealm(keycloak(), 'break-glass', reusableCodes);
      const proof = { secret: proofSecret, directAccessGrantsEnabled: true, standardFlowEnabled: false };
      await realm.admin('POST', '/clients', { clientId: 'flows-proof', ...proof });
      const [client] = (await (await realm.admin('GET', '/clients?clientId=rest-provisioning')).json()) as [
        { readonly id: string },
      ];
      await realm.admin('POST', `/clients/${client.id}/protocol-mappers/models`, audienceMapper(realm.issuer));
      vault = await startVault({ vaults: vaultFor(realm) });
      env = { VAULT_TOKEN: vault.connectToken().reveal() };
      home = createHome(false);
      for (const name of ['break-glass', 'break-glass-close', 'realm-token']) {
        const text = readFileSync(join(repository, 'flows', `${name}.yaml`), 'utf8');
        home.write(`flows/${name}.yaml`, text.replace(/^description: .*$/m, '$&\nenvironments: [keycloak]'));
      }
      const more = `    vars: { break-glass: ${realm.breakGlass.username} }\n`;
      const service = keycloakService({ realm: realm.issuer, vault: vault.address, proof: true, more });
      home.write('flows/service.yaml', service);
    });
    afterAll(async () => {
      await home?.close();
      await vault?.close();
    });

    const flows = (...args: string[]) => home.flows([...args, '--environment', 'keycloak'], { env });
    async function done(...args: string[]): Promise<void> {
      const { code, stderr } = await flows(...args);
      expect([args.join(' '), code, code === 0 ? '' : stderr]).toEqual([args.join(' '), 0, '']);
    }
    const owes = async () => /^error: break-glass in environment keycloak: /m.test((await flows('check')).stderr);
    /** What the vault holds: username, password, and perhaps more while something changes. */
    const held = () =>
      Object.fromEntries(
        (vault.dump().find(({ title }) => title === 'Break Glass')?.fields ?? []).map(({ label, value }) => [
          label,
          value,
        ]),
      );

    interface Tokens {
      readonly access_token?: string;
      readonly refresh_token?: string;
    }
    async function grant(fields: Readonly<Record<string, string>>): Promise<Tokens> {
      const client = { client_id: 'flows-proof', client_secret: proofSecret };
      const body = new URLSearchParams({ ...client, ...fields });
      const answer = await fetch(`${realm.issuer}/protocol/openid-connect/token`, { method: 'POST', body });
      return (await answer.json()) as Tokens;
    }
    async function signIn({ username = '', password = '', 'one-time password': seed = '' }): Promise<Tokens> {
      const totp = (await codeAt(await parseOneTimePassword(new Secret(seed), 'the seed'), Date.now())).reveal();
      return grant({ grant_type: 'password', scope: 'openid offline_access', username, password, totp });
    }
    const refreshed = ({ refresh_token: refresh = '' }: Tokens) =>
      grant({ grant_type: 'refresh_token', refresh_token: refresh });
    const accepted = ({ access_token: token }: Tokens) => token !== undefined;

    test('is owed its close, also where that was killed; then password, seed and sessions that were seen are worth nothing', async () => {
      await done('break-glass', '--reason', 'a test');
      expect(await owes()).toBe(true);
      const seen = held();
      const session = await signIn(seen);
      expect(accepted(await refreshed(session))).toBe(true);

      const at = { addresses: { vault, issuer: realm.issuer, secretsManager: { endpoint: vault.address } } };
      const running = home.start(['break-glass', 'close', '--yes', '--environment', 'keycloak'], { env });
      // Keycloak has the new password by then, and a sign-in has proved it
      const promoted = { request: /^PUT \/v1\/vaults\/\w+\/items\//, nth: 2, when: 'start' } as const;
      const { signal, stderr } = await killedAt(running, at, promoted);
      expect([signal, signal === null ? stderr : '']).toEqual(['SIGKILL', '']);
      expect(await owes()).toBe(true);

      await done('break-glass', 'close', '--yes');
      expect(await owes()).toBe(false);
      const now = held();
      expect(Object.keys(now).toSorted()).toEqual(['one-time password', 'password', 'username']);
      expect(accepted(await refreshed(session))).toBe(false);
      // a success between two refusals: without it they would lock the account
      expect(accepted(await signIn(now))).toBe(true);
      expect(accepted(await signIn({ ...now, password: seen['password'] }))).toBe(false);
      expect(accepted(await signIn(now))).toBe(true);
      expect(accepted(await signIn({ ...now, 'one-time password': seen['one-time password'] }))).toBe(false);
    }, 300_000);
  });
}

function vaultFor({ clientSecret, breakGlass }: Realm) {
  const concealed = (label: string, value: string) => ({ label, type: 'concealed' as const, value });
  const named = (username: string) => ({ label: 'username', type: 'text' as const, value: username });
  const seed = { label: 'one-time password', type: 'one-time-password' as const, value: breakGlass.seed };
  const account = [named(breakGlass.username), concealed('password', breakGlass.password), seed];
  return [
    {
      name: 'Agents',
      items: [
        {
          title: 'User Provisioning',
          fields: [named('rest-provisioning'), concealed('credential', clientSecret)],
        },
        { title: 'Proof', fields: [concealed('credential', proofSecret)] },
        { title: 'auth-chain key', fields: [concealed('password', randomBytes(24).toString('base64url'))] },
      ],
    },
    { name: 'Accounts', items: [{ title: 'Break Glass', fields: account }] },
  ];
}
