import type { Adapters } from '../adapters/adapters.ts';
import { identityProviders } from '../adapters/identity/index.ts';
import { issuers } from '../adapters/issuers/index.ts';
import { stores } from '../adapters/stores/index.ts';
import { vaults } from '../adapters/vaults/index.ts';

/** Every adapter there is: their declarations, none of their code. */
export const adapters: Adapters = { vaults, issuers, 'identity-providers': identityProviders, stores };
