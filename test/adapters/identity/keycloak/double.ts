import { keycloak } from '../../../../src/adapters/identity/keycloak/index.ts';
import { createKeycloakProvider, type KeycloakOptions } from '../../../../src/adapters/identity/keycloak/provider.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';
import { startDoubles } from '../double.ts';

/** Its pages are the laptop's own. */
export const offered = keycloak.offers.filter((each) => each !== 'sign-in');

const tokens = 'protocol/openid-connect/token';

/** The laptop's Keycloak, and the adapter on it. */
export async function startDouble(changes: Partial<KeycloakOptions> = {}) {
  const doubles = await startDoubles('keycloak');
  const { alike, ask, options, acceptsNow } = doubles;
  const under: CapableProvider = {
    ...alike,
    provider: createKeycloakProvider({ ...options, twoSecrets: true, ...changes }),
    can: offered,
    locks: true,
    async session(username, password, seed) {
      const begun = await ask(tokens, {
        grant_type: 'password',
        scope: 'openid offline_access',
        username,
        password: password.reveal(),
        ...(seed === undefined ? {} : { totp: (await alike.code(seed)).reveal() }),
      });
      const { refresh_token: refresh = '' } = (await begun.json()) as { refresh_token?: string };
      return async () => (await ask(tokens, { grant_type: 'refresh_token', refresh_token: refresh })).status === 200;
    },
    accepts: acceptsNow,
  };
  return { ...doubles, ...under };
}
