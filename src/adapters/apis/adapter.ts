import type { Keys } from '../../language/forms.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import type { Api, ApiRules } from './contract.ts';

/** An adapter of {@link Api}. */
export interface ApiAdapter<S = Settings> extends Declaration<S, Services, Api> {
  /** what a flow's step is checked against when it is loaded; the same as the API's own */
  rules(settings: S): ApiRules;
}

/** Declares one. @typeParam K `typeof keys` */
export function apiAdapter<K extends Keys = never>(
  adapter: ApiAdapter<SettingsOf<K>> & { readonly keys: NoInfer<K> },
): ApiAdapter {
  return adapter;
}
