import { expect } from 'vitest';
import { auth0 } from '../../../../src/adapters/identity/auth0/index.ts';
import { type Auth0Options, createAuth0Provider } from '../../../../src/adapters/identity/auth0/provider.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';
import { startDoubles } from '../double.ts';

const connection = 'Username-Password-Authentication';
const passwordGrant = 'http://auth0.com/oauth/grant-type/password-realm';

/** The laptop's Auth0, with a clock that moves by what the adapter waits, too, and the adapter on it. */
export async function startDouble(changes: Partial<Auth0Options> = {}) {
  const doubles = await startDoubles('auth0');
  const { alike, session, advance, options, acceptsNow } = doubles;
  const provider = createAuth0Provider({ ...options, connection, ...changes });
  const under: CapableProvider = {
    ...alike,
    provider,
    can: auth0.offers,
    locks: false,
    async session(username, password, seed) {
      const first = { grant_type: passwordGrant, realm: connection, username, password: password.reveal() };
      const goesOn = await session('oauth/token', first, () => alike.code(seed ?? expect.unreachable()));
      return () => {
        advance(provider.traits.sessionsLag * 1000);
        return goesOn();
      };
    },
    async accepts(secret) {
      advance((provider.clientSecrets?.changeLag ?? 0) * 1000);
      return acceptsNow(secret);
    },
  };
  return { ...doubles, ...under };
}
