import type { TakenEnvironment } from '../../foundation/environment-variables.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Keys } from '../../language/forms.ts';
import type { Declaration, KeyProblem, Services, Settings, SettingsOf } from '../declaration.ts';
import type { Issuer } from '../issuers/contract.ts';
import type { IdentityProvider } from './contract.ts';

/** What a step may need of a provider beyond its users. */
export type Need = 'sign-in';

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
export interface IdentityProviderAdapter<S = Settings> extends Declaration<S, IdentityServices, IdentityProvider> {
  /** why a provider with these settings cannot do what a step needs; undefined: it can */
  lacks?(settings: S, need: Need): Omit<KeyProblem, 'key'> | undefined;
}

/** Declares one. @typeParam K `typeof keys` · @typeParam Laptop what the laptop gives besides */
export function identityProviderAdapter<K extends Keys = never, Laptop = unknown>(
  adapter: IdentityProviderAdapter<SettingsOf<K, Laptop>> & { readonly keys: NoInfer<K> },
): IdentityProviderAdapter {
  return adapter;
}
