import { Secret } from '../../../src/foundation/secret.ts';
import { codeAt } from '../../../src/foundation/totp.ts';
import type { IdentityProviderOptions } from '../../../src/laptop/identity-provider/options.ts';
import { startIdentityProvider } from '../../../src/laptop/identity-provider/server.ts';
import type { CapableProvider } from '../../contracts/identity-capabilities.ts';

const otpGrant = 'http://auth0.com/oauth/grant-type/mfa-otp';

/** The laptop's identity provider with what its doubles have alike, and a clock that moves when it is told to. */
export async function startDoubles(type: string, more: Partial<IdentityProviderOptions> = {}) {
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const advance = (milliseconds: number) => void (ahead += milliseconds);
  /** what adapters waited, in milliseconds */
  const waits: number[] = [];
  const token = new Secret(`admin-${crypto.randomUUID()}`);
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
    ...more,
  });
  const url = idp.doubles[type] ?? '';
  /** what every adapter on it is given */
  const options = {
    name: 'main',
    url,
    token: async () => token,
    development: true,
    now,
    async sleep(milliseconds: number) {
      waits.push(milliseconds);
      advance(milliseconds);
    },
    proof: { clientId: client.clientId, clientSecret: async () => client.clientSecret },
  };
  /** as the client that proves accounts */
  const ask = (path: string, fields: Readonly<Record<string, string>>) => {
    const credentials = { client_id: client.clientId, client_secret: client.clientSecret.reveal() };
    return post(`${url}/${path}`, { ...credentials, ...fields });
  };
  /** whether a secret of the client `orders` is accepted at this moment */
  const acceptsNow = async (secret: Secret) => {
    const fields = { grant_type: 'client_credentials', client_id: 'orders', client_secret: secret.reveal() };
    return (await post(`${idp.issuer}/token`, fields)).status === 200;
  };
  /** Signs in by the grants for a password and, where it is asked for, a code. @returns whether the refresh token lives */
  const session = async (endpoint: string, first: Readonly<Record<string, string>>, code: () => Promise<Secret>) => {
    type Tokens = { readonly mfa_token?: string; readonly refresh_token?: string };
    const grant = async (path: string, fields: Readonly<Record<string, string>>) =>
      (await ask(path, fields)).json().catch(() => ({})) as Promise<Tokens>;
    let tokens = await grant(endpoint, { scope: 'openid offline_access', ...first });
    const { mfa_token: asked } = tokens;
    if (asked !== undefined) {
      const otp = { grant_type: otpGrant, mfa_token: asked };
      // where the provider has no such thing, nothing is there
      await grant(endpoint.replace(/token$/, 'challenge'), { ...otp, challenge_types_supported: otpGrant });
      tokens = await grant(endpoint, { ...otp, otp: (await code()).reveal() });
    }
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
    return async () => (await ask(endpoint, refresh)).status === 200;
  };
  const alike = {
    takesAnyName: false,
    refusedPassword: new Secret('too short'),
    clients: { secret: 'orders', keyed: 'keyed' },
    async code(seed) {
      advance(seed.period * 1000);
      return codeAt(seed, now());
    },
    async pause() {
      advance(2_000);
    },
    close: () => idp.close(),
  } satisfies Partial<CapableProvider>;
  return { idp, url, token, orders, now, advance, waits, options, ask, acceptsNow, session, alike };
}

function post(url: string, fields: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(fields) });
}
