import type { Adapters } from '../adapters/adapters.ts';
import { apis } from '../adapters/apis/index.ts';
import { channels } from '../adapters/channels/index.ts';
import { identityProviders } from '../adapters/identity/index.ts';
import { issuers } from '../adapters/issuers/index.ts';
import { stores } from '../adapters/stores/index.ts';
import { vaults } from '../adapters/vaults/index.ts';
import type { StepKinds } from '../steps/contract.ts';
import { stepKinds } from '../steps/index.ts';

/** What folders are made of. */
export interface Parts {
  readonly kinds: StepKinds;
  readonly adapters: Adapters;
}

/** Every adapter and kind of step there is: what they declare, none of the adapters' code. */
export const parts: Parts = {
  kinds: stepKinds,
  adapters: { vaults, issuers, 'identity-providers': identityProviders, stores, apis, channels },
};
