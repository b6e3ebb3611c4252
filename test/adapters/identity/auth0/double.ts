import { type Auth0Options, createAuth0Provider } from '../../../../src/adapters/identity/auth0/provider.ts';
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

const connection = 'Username-Password-Authentication';
const grants = 'http://auth0.com/oauth/grant-type';

/** The laptop's Auth0, with a clock that moves when it is told to and by what the adapter waits, and the adapter on it. */
export async function startDouble(changes: Partial<Auth0Options> = {}) {
  let ahead = 0;
  const waits: number[] = [];
  const now = () => Date.now() + ahead;
  const token = new Secret(`management-${crypto.randomUUID()}`);
  const client = { clientId: 'proof', clientSecret: new Secret(crypto.randomUUID()) };
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'verify',
    'sign',
  ]);
  const jwk = await crypto.subtle.exportKey('jwk', publicKey);
  const orders = new Secret(crypto.randomUUID());
  const idp = await startIdentityProvider({
    clients: [
      { clientId: 'orders', secrets: [orders], audiences: ['https://orders.example'] },
      { clientId: 'keyed', publicKey: { ...jwk, kty: 'EC' } },
    ],
    scimToken: token,
    proof: client,
    now,
  });
  const url = idp.doubles['auth0'] ?? '';
  const provider = createAuth0Provider({
    name: 'main',
    url,
    token: async () => token,
    development: true,
    now,
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
      ahead += milliseconds;
    },
    connection,
    proof: { clientId: client.clientId, clientSecret: async () => client.clientSecret },
    ...changes,
  });
  const ask = (fields: Record<string, string>) => {
    const credentials = { client_id: client.clientId, client_secret: client.clientSecret.reveal() };
    return fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams({ ...credentials, ...fields }) });
  };
  /** whether either secret is accepted at this moment */
  const acceptsNow = async (secret: Secret) => {
    const fields = { grant_type: 'client_credentials', client_id: 'orders', client_secret: secret.reveal() };
    return (await fetch(`${idp.issuer}/token`, { method: 'POST', body: new URLSearchParams(fields) })).status === 200;
  };
  const under: CapableProvider = {
    provider,
    can: offered,
    takesAnyName: false,
    refusedPassword: new Secret('too short'),
    locks: false,
    clients: { secret: 'orders', keyed: 'keyed' },
    async code(seed) {
      ahead += seed.period * 1000;
      return codeAt(seed, now());
    },
    async pause() {
      ahead += 2_000;
    },
    async session(username, password, seed) {
      const begun = await ask({
        grant_type: `${grants}/password-realm`,
        realm: connection,
        scope: 'openid offline_access',
        username,
        password: password.reveal(),
      });
      const { mfa_token: asked = '' } = (await begun.json()) as { mfa_token?: string };
      const otp = seed === undefined ? '' : (await under.code(seed)).reveal();
      const done = await ask({ grant_type: `${grants}/mfa-otp`, mfa_token: asked, otp });
      const { refresh_token: refresh = '' } = (await done.json()) as { refresh_token?: string };
      return async () => {
        ahead += provider.traits.sessionsLag * 1000;
        return (await ask({ grant_type: 'refresh_token', refresh_token: refresh })).status === 200;
      };
    },
    async accepts(secret) {
      ahead += (provider.clientSecrets?.changeLag ?? 0) * 1000;
      return acceptsNow(secret);
    },
    close: () => idp.close(),
  };
  return { ...under, idp, url, token, orders, now, waits, acceptsNow };
}
