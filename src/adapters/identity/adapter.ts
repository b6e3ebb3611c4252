import type { Keys } from '../../language/forms.ts';
import type { BearerServices } from '../bearer.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import type { Issuer } from '../issuers/contract.ts';
import type { Offering } from './capabilities.ts';
import type { IdentityProvider } from './contract.ts';

export interface IdentityServices extends Services, BearerServices {
  /** an issuer of the same environment */
  readonly issuer: (name: string) => Issuer;
}

/** An adapter of {@link IdentityProvider}. */
export interface IdentityProviderAdapter<S = Settings>
  extends Declaration<S, IdentityServices, IdentityProvider>, Offering<S> {
  /** what its token must be allowed, to paste (`check --setup`) */
  setup?(name: string, settings: S): string;
}

/** Declares one. @typeParam K `typeof keys` · @typeParam Laptop what the laptop gives besides */
export function identityProviderAdapter<K extends Keys = never, Laptop = unknown>(
  adapter: IdentityProviderAdapter<SettingsOf<K, Laptop>> & { readonly keys: NoInfer<K> },
): IdentityProviderAdapter {
  return adapter;
}
