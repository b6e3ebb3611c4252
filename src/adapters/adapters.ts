import type { ApiAdapter } from './apis/adapter.ts';
import type { ChannelAdapter } from './channels/adapter.ts';
import type { IdentityProviderAdapter } from './identity/adapter.ts';
import type { IssuerAdapter } from './issuers/adapter.ts';
import type { StoreAdapter } from './stores/adapter.ts';
import type { VaultAdapter } from './vaults/adapter.ts';

/** Every adapter there is, by room and type. */
export interface Adapters {
  readonly vaults: ReadonlyMap<string, VaultAdapter>;
  readonly issuers: ReadonlyMap<string, IssuerAdapter>;
  readonly 'identity-providers': ReadonlyMap<string, IdentityProviderAdapter>;
  readonly stores: ReadonlyMap<string, StoreAdapter>;
  readonly apis: ReadonlyMap<string, ApiAdapter>;
  readonly channels: ReadonlyMap<string, ChannelAdapter>;
}
