import type { TakenEnvironment } from '../../foundation/environment-variables.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Keys } from '../../language/forms.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import type { Issuer } from '../issuers/contract.ts';
import type { Offering } from './capabilities.ts';
import type { IdentityProvider } from './contract.ts';

export interface IdentityServices extends Services {
  /**
   * Gives the bearer that its `token-flow` makes; told which one was refused, it lets go of that.
   * undefined where it has no such flow
   */
  readonly token: ((refused?: Secret) => Promise<Secret>) | undefined;
  /** a reference of the environment's vaults */
  readonly read: (reference: Reference) => Promise<Secret>;
  /** gives the tokens of environment variables */
  readonly taken: TakenEnvironment;
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
