import { optional, type Keys } from '../../language/forms.ts';
import { rootKeyForm } from '../../language/root-key.ts';
import type { BearerServices } from '../bearer.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import type { PushDuty, SecretStore, StoreRules } from './contract.ts';

/** The keys of service.yaml that every store has. */
export const storeKeys = {
  'fingerprint-key': optional(rootKeyForm, 'key of the version names, instead of the one derived from `key:`'),
} satisfies Keys;

export interface StoreServices extends Services, BearerServices {
  /** the user's state folder */
  readonly stateFolder: string;
  readonly warn: (message: string) => void;
  /** `fingerprint-key:` of service.yaml, new first; undefined where it has none */
  readonly fingerprintKeys: SecretStore['fingerprintKeys'] | undefined;
}

/** An adapter of {@link SecretStore}. */
export interface StoreAdapter<S = Settings> extends Declaration<S, StoreServices, SecretStore> {
  /** what the service takes, told before it is asked; the same as the store's own */
  readonly rules: StoreRules;
  /**
   * What the service must allow for what flows push there, to paste (`check --setup`).
   * @param names as flows write them; undefined: one that is known only when the flow runs
   * @param duties what flows do there besides; default: nothing
   */
  setup?(name: string, settings: S, names: readonly (string | undefined)[], duties?: ReadonlySet<PushDuty>): string;
}

/** Declares one. @typeParam K `typeof keys` · @typeParam Laptop what the laptop gives besides */
export function storeAdapter<K extends Keys = never, Laptop = unknown>(
  adapter: StoreAdapter<SettingsOf<K, Laptop>> & { readonly keys: NoInfer<K> },
): StoreAdapter {
  return adapter;
}
