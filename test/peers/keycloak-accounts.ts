import { createKeycloakProvider, type KeycloakOptions } from '../../src/adapters/identity/keycloak/provider.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { codeAt } from '../../src/foundation/totp.ts';
import { type CapableProvider, identityCapabilitiesContract } from '../contracts/identity-capabilities.ts';
import { identityProviderContract } from '../contracts/identity-provider.ts';
import { offered } from '../adapters/identity/keycloak/double.ts';
import type { Keycloak } from './keycloak.ts';
import { makeRealm, type Realm, reusableCodes } from './keycloak-realm.ts';

const proofSecret = 'a secret of the proof client';

/** The Keycloak adapter at a real one, by the same contract as at the laptop's. */
export function keycloakAccounts(keycloak: () => Keycloak): void {
  const start = (name: string, twoSecrets: boolean) => async (): Promise<CapableProvider> => {
    const realm = await makeRealm(keycloak(), name, reusableCodes);
    await prepare(realm, twoSecrets);
    return underTest(realm, { twoSecrets });
  };
  identityProviderContract('Keycloak, a real one', start('accounts', false));
  identityCapabilitiesContract('Keycloak, a real one', offered, start('capabilities', false));
  identityCapabilitiesContract(
    'Keycloak, a real one that keeps two secrets',
    ['client-secrets'],
    start('two-secrets', true),
  );
}

/** What infra/README.md asks of a realm: attributes that are kept, a client that proves, and perhaps a client policy. */
async function prepare(realm: Realm, twoSecrets: boolean): Promise<void> {
  const profile = (await (await realm.admin('GET', '/users/profile')).json()) as object;
  await realm.admin('PUT', '/users/profile', { ...profile, unmanagedAttributePolicy: 'ADMIN_EDIT' });
  const proof = { secret: proofSecret, directAccessGrantsEnabled: true, standardFlowEnabled: false };
  await realm.admin('POST', '/clients', { clientId: 'proof', ...proof });
  if (!twoSecrets) return;
  const day = 24 * 3600;
  const configuration = {
    'expiration-period': 90 * day,
    'rotated-expiration-period': 30 * day,
    'remaining-rotation-period': 10 * day,
  };
  const profiles = [{ name: 'rotation', executors: [{ executor: 'secret-rotation', configuration }] }];
  await realm.admin('PUT', '/client-policies/profiles', { profiles });
  const conditions = [{ condition: 'client-access-type', configuration: { type: ['confidential'] } }];
  const policies = [{ name: 'rotation', enabled: true, conditions, profiles: ['rotation'] }];
  await realm.admin('PUT', '/client-policies/policies', { policies });
}

function underTest(realm: Realm, changes: Partial<KeycloakOptions>): CapableProvider {
  const endpoint = `${realm.issuer}/protocol/openid-connect/token`;
  const ask = (fields: Record<string, string>) =>
    fetch(endpoint, { method: 'POST', body: new URLSearchParams(fields) });
  /** lives for minutes, which is as long as this takes: asked for anew where it is refused */
  let bearer: Promise<Secret> | undefined;
  const token = async (refused?: Secret): Promise<Secret> => {
    if (refused !== undefined) bearer = undefined;
    bearer ??= ask({
      grant_type: 'client_credentials',
      client_id: 'rest-provisioning',
      client_secret: realm.clientSecret,
    })
      .then(async (answer) => answer.json())
      .then((body: unknown) => new Secret((body as { access_token: string }).access_token));
    return bearer;
  };
  const client = { client_id: 'proof', client_secret: proofSecret };
  const code: CapableProvider['code'] = (seed) => codeAt(seed, Date.now());
  const provider = createKeycloakProvider({
    name: 'main',
    url: realm.issuer,
    token,
    development: true,
    now: Date.now,
    proof: { clientId: 'proof', clientSecret: async () => new Secret(proofSecret) },
    ...changes,
  });
  return {
    provider,
    can: offered,
    code,
    takesAnyName: false,
    refusedPassword: new Secret('too short'),
    locks: true,
    clients: { secret: 'orders', keyed: 'orders-key' },
    pause: () => new Promise((resolve) => void setTimeout(resolve, 1_500)),
    async session(username, password, seed) {
      const begun = await ask({
        ...client,
        grant_type: 'password',
        scope: 'openid offline_access',
        username,
        password: password.reveal(),
        ...(seed === undefined ? {} : { totp: (await code(seed)).reveal() }),
      });
      const { refresh_token: refresh = '' } = (await begun.json()) as { refresh_token?: string };
      const again = { ...client, grant_type: 'refresh_token', refresh_token: refresh };
      return async () => (await ask(again)).status === 200;
    },
    async accepts(secret) {
      const fields = { grant_type: 'client_credentials', client_id: 'orders', client_secret: secret.reveal() };
      return (await ask(fields)).status === 200;
    },
    close: () => Promise.resolve(),
  };
}
