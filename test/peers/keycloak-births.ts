import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { birthFlow } from '../e2e/birth-flow.ts';
import { killedAt } from '../e2e/boundaries.ts';
import { createHome, type Home } from '../e2e/home.ts';
import type { Keycloak } from './keycloak.ts';
import { type Gate, openGate } from './keycloak-gate.ts';
import { makeRealm, type Realm, reusableCodes } from './keycloak-realm.ts';
import { keycloakService, realmTokenFlow } from './keycloak-service.ts';

const proofSecret = randomBytes(18).toString('base64url');

/** Accounts that are born at a real Keycloak by a command that is killed. */
export function keycloakBirths(keycloak: () => Keycloak): void {
  describe('a birth', () => {
    let realm: Realm;
    let vault: DevelopmentVault;
    let gate: Gate;
    let home: Home;
    let env: Readonly<Record<string, string>>;

    beforeAll(async () => {
      realm = await makeRealm(keycloak(), 'births', reusableCodes);
      const profile = (await (await realm.admin('GET', '/users/profile')).json()) as object;
      await realm.admin('PUT', '/users/profile', { ...profile, unmanagedAttributePolicy: 'ADMIN_EDIT' });
      const proof = { secret: proofSecret, directAccessGrantsEnabled: true, standardFlowEnabled: false };
      await realm.admin('POST', '/clients', { clientId: 'flows-proof', ...proof });
      [vault, gate] = await Promise.all([startVault({ vaults: vaultFor(realm) }), openGate(keycloak().url)]);
      env = { VAULT_TOKEN: vault.connectToken().reveal() };
      home = createHome(false);
      home.write(
        'flows/service.yaml',
        keycloakService({ realm: `${gate.url}/realms/births`, vault: vault.address, proof: true }),
      );
      home.write('flows/realm-token.yaml', realmTokenFlow);
      home.write('flows/birth.yaml', birthFlow('keycloak', 'main', true));
    });
    afterAll(async () => {
      await home?.close();
      await Promise.all([gate?.close(), vault?.close()]);
    });

    const birth = (email: string) => ['birth', '--email', email, '--yes'];
    /** What the users of this name sign in with: a list for each. */
    async function credentialsOf(email: string): Promise<readonly (readonly string[])[]> {
      const found = await realm.admin('GET', `/users?exact=true&username=${encodeURIComponent(email)}`);
      const users = (await found.json()) as readonly { readonly id: string }[];
      return Promise.all(
        users.map(async ({ id }) => {
          const all = await (await realm.admin('GET', `/users/${id}/credentials`)).json();
          return (all as readonly { readonly type: string }[]).map(({ type }) => type).toSorted();
        }),
      );
    }

    test.each(['start', 'finish'] as const)(
      'that is killed at the %s of any change is completed by the next run, with one item and one user',
      async (when) => {
        const at = { addresses: { vault, issuer: gate.url, secretsManager: { endpoint: vault.address } } };
        let nth = 1;
        for (; ; nth += 1) {
          const email = `${when}-${nth}@example.com`;
          const change = { request: /^(?:POST|PUT|PATCH|DELETE) /, nth, when };
          const { signal, code, stderr } = await killedAt(home.start(birth(email), { env }), at, change);
          // there is never an account with a password and no second factor
          const bare = (await credentialsOf(email)).filter((types) => !types.includes('otp'));
          expect([nth, bare]).toEqual([nth, []]);
          const wasWhole = signal !== 'SIGKILL';
          expect([nth, wasWhole ? code : 0, wasWhole && code !== 0 ? stderr : '']).toEqual([nth, 0, '']);
          if (wasWhole) break;
          const again = await home.flows(birth(email), { env });
          expect([nth, again.code, again.code === 0 ? '' : again.stderr]).toEqual([nth, 0, '']);
          expect([nth, await credentialsOf(email)]).toEqual([nth, [['otp', 'password']]]);
          const items = vault.dump().filter(({ title }) => title === email);
          expect([nth, items.map(({ state }) => state)]).toEqual([nth, ['active']]);
          const seeds = items[0]?.fields.filter(({ kind }) => kind === 'one-time-password') ?? [];
          expect([nth, seeds.length]).toEqual([nth, 1]);
        }
        // item, seed, user and what proves them, and tokens for that
        expect(nth).toBeGreaterThan(6);
      },
      300_000,
    );
  });
}

function vaultFor({ clientSecret }: Realm) {
  const concealed = (label: string, value: string) => ({ label, type: 'concealed' as const, value });
  const username = { label: 'username', type: 'text' as const, value: 'rest-provisioning' };
  return [
    {
      name: 'Agents',
      items: [
        { title: 'Provisioning', fields: [username, concealed('credential', clientSecret)] },
        { title: 'Proof', fields: [concealed('credential', proofSecret)] },
        { title: 'auth-chain key', fields: [concealed('password', randomBytes(24).toString('base64url'))] },
      ],
    },
    { name: 'Accounts', items: [] },
  ];
}
