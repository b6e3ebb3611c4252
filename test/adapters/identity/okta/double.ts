import { expect } from 'vitest';
import { okta } from '../../../../src/adapters/identity/okta/index.ts';
import { createOktaProvider, type OktaOptions } from '../../../../src/adapters/identity/okta/provider.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';
import { startDoubles } from '../double.ts';

/** The laptop's Okta, with a clock that moves by what the adapter waits, too, and the adapter on it. */
export async function startDouble(changes: Partial<OktaOptions> = {}) {
  const doubles = await startDoubles('okta');
  const { alike, session, options, acceptsNow } = doubles;
  const under: CapableProvider = {
    ...alike,
    provider: createOktaProvider({ ...options, ...changes }),
    can: okta.offers,
    locks: false,
    session(username, password, seed) {
      const first = { grant_type: 'password', username, password: password.reveal() };
      return session('oauth2/v1/token', first, () => alike.code(seed ?? expect.unreachable()));
    },
    accepts: acceptsNow,
  };
  return { ...doubles, ...under };
}
