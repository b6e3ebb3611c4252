import { createKeycloakProvider, type KeycloakOptions } from '../../../../src/adapters/identity/keycloak/provider.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { codeAt } from '../../../../src/foundation/totp.ts';
import { startIdentityProvider } from '../../../../src/laptop/identity-provider/server.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';

export const offered = [
  'client-keys',
  'client-secrets',
  'end-sessions',
  'import-seed',
  'proof',
  'set-password',
] as const;

/** The laptop's Keycloak, with a clock that moves when it is told to, and the adapter on it. */
export async function startDouble(changes: Partial<KeycloakOptions> = {}) {
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const token = new Secret(`admin-${crypto.randomUUID()}`);
  const client = { clientId: 'proof', clientSecret: new Secret(crypto.randomUUID()) };
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'verify',
    'sign',
  ]);
  const jwk = await crypto.subtle.exportKey('jwk', publicKey);
  const idp = await startIdentityProvider({
    clients: [
      { clientId: 'orders', secrets: [new Secret(crypto.randomUUID())], audiences: ['https://orders.example'] },
      { clientId: 'keyed', publicKey: { ...jwk, kty: 'EC' } },
    ],
    scimToken: token,
    proof: client,
    now,
  });
  const url = idp.doubles['keycloak'] ?? '';
  const provider = createKeycloakProvider({
    name: 'main',
    url,
    token: async () => token,
    development: true,
    now,
    twoSecrets: true,
    proof: { clientId: client.clientId, clientSecret: async () => client.clientSecret },
    ...changes,
  });
  const ask = async (path: string, fields: Record<string, string>) => {
    const body = new URLSearchParams(fields);
    return fetch(path, { method: 'POST', body });
  };
  const under: CapableProvider = {
    provider,
    can: offered,
    takesAnyName: false,
    refusedPassword: new Secret('too short'),
    locks: true,
    clients: { secret: 'orders', keyed: 'keyed' },
    async code(seed) {
      ahead += seed.period * 1000;
      return codeAt(seed, now());
    },
    async pause() {
      ahead += 2_000;
    },
    async session(username, password, seed) {
      const credentials = { client_id: client.clientId, client_secret: client.clientSecret.reveal() };
      const token_ = `${url}/protocol/openid-connect/token`;
      const begun = await ask(token_, {
        ...credentials,
        grant_type: 'password',
        scope: 'openid offline_access',
        username,
        password: password.reveal(),
        ...(seed === undefined ? {} : { totp: (await under.code(seed)).reveal() }),
      });
      const { refresh_token: refresh = '' } = (await begun.json()) as { refresh_token?: string };
      const again = { ...credentials, grant_type: 'refresh_token', refresh_token: refresh };
      return async () => (await ask(token_, again)).status === 200;
    },
    async accepts(secret) {
      const fields = { grant_type: 'client_credentials', client_id: 'orders', client_secret: secret.reveal() };
      return (await ask(`${idp.issuer}/token`, fields)).status === 200;
    },
    close: () => idp.close(),
  };
  return { ...under, idp, url, token, now, advance: (milliseconds: number) => void (ahead += milliseconds) };
}
