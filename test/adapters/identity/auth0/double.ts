import { type Auth0Options, createAuth0Provider } from '../../../../src/adapters/identity/auth0/provider.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';
import { startDoubles } from '../double.ts';

const connection = 'Username-Password-Authentication';
const grants = 'http://auth0.com/oauth/grant-type';
const tokens = 'oauth/token';

/** The laptop's Auth0, with a clock that moves by what the adapter waits, too, and the adapter on it. */
export async function startDouble(changes: Partial<Auth0Options> = {}) {
  const doubles = await startDoubles('auth0');
  const { alike, ask, advance, options, acceptsNow } = doubles;
  const waits: number[] = [];
  const sleep = async (milliseconds: number) => {
    waits.push(milliseconds);
    advance(milliseconds);
  };
  const provider = createAuth0Provider({ ...options, sleep, connection, ...changes });
  const under: CapableProvider = {
    ...alike,
    provider,
    locks: false,
    async session(username, password, seed) {
      const begun = await ask(tokens, {
        grant_type: `${grants}/password-realm`,
        realm: connection,
        scope: 'openid offline_access',
        username,
        password: password.reveal(),
      });
      const { mfa_token: asked = '' } = (await begun.json()) as { mfa_token?: string };
      const otp = seed === undefined ? '' : (await alike.code(seed)).reveal();
      const done = await ask(tokens, { grant_type: `${grants}/mfa-otp`, mfa_token: asked, otp });
      const { refresh_token: refresh = '' } = (await done.json()) as { refresh_token?: string };
      return async () => {
        advance(provider.traits.sessionsLag * 1000);
        return (await ask(tokens, { grant_type: 'refresh_token', refresh_token: refresh })).status === 200;
      };
    },
    async accepts(secret) {
      advance((provider.clientSecrets?.changeLag ?? 0) * 1000);
      return acceptsNow(secret);
    },
  };
  return { ...doubles, ...under, waits };
}
