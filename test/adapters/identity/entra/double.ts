import { expect } from 'vitest';
import { entra } from '../../../../src/adapters/identity/entra/index.ts';
import { createEntraProvider, type EntraOptions } from '../../../../src/adapters/identity/entra/provider.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';
import { startDoubles } from '../double.ts';

/** What it offers without what Graph has in its beta alone. */
export const offered = entra.offers.filter((each) => each !== 'import-seed');

/** The laptop's Entra, with a clock that moves by what the adapter waits, too, and the adapter on it. */
export async function startDouble(changes: Partial<EntraOptions> = {}) {
  const doubles = await startDoubles('entra');
  const { alike, session, advance, options, acceptsNow } = doubles;
  const provider = createEntraProvider({ ...options, mark: 'extensionAttribute15', ...changes });
  const under: CapableProvider = {
    ...alike,
    provider,
    can: changes.preview === true ? entra.offers : offered,
    locks: false,
    async session(username, password) {
      const first = { grant_type: 'password', username, password: password.reveal() };
      const goesOn = await session('oauth2/v2.0/token', first, () => expect.unreachable());
      return () => {
        advance(provider.traits.sessionsLag * 1000);
        return goesOn();
      };
    },
    accepts: acceptsNow,
  };
  return { ...doubles, ...under };
}
