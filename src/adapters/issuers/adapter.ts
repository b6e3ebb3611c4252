import type { Keys } from '../../language/forms.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import type { Issuer } from './contract.ts';

/** An adapter of {@link Issuer}. */
export type IssuerAdapter<S = Settings> = Declaration<S, Services, Issuer>;

/** Declares one. @typeParam K `typeof keys` */
export function issuerAdapter<K extends Keys = never>(
  adapter: IssuerAdapter<SettingsOf<K>> & { readonly keys: NoInfer<K> },
): IssuerAdapter {
  return adapter;
}
