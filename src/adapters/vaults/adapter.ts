import type { TakenEnvironment } from '../../foundation/environment-variables.ts';
import type { Reference } from '../../foundation/reference.ts';
import { form, optional, type Keys } from '../../language/forms.ts';
import type { Declaration, Services, Settings, SettingsOf } from '../declaration.ts';
import type { Vault } from './contract.ts';

/** The keys of service.yaml that every entry of `vault:` has. */
export const vaultKeys = {
  vaults: optional(
    form.list(form.text(), { minimum: 1 }),
    'names or ids of the vaults that this entry serves; without it: all that no other entry names',
  ),
} satisfies Keys;

export interface VaultServices extends Services {
  /** gives the tokens of environment variables */
  readonly taken: TakenEnvironment;
}

/** An adapter of {@link Vault}. */
export interface VaultAdapter<S = Settings> extends Declaration<S, VaultServices, Vault> {
  /** how a person gives it what flows need (`check --setup`) */
  readonly setup?: VaultSetup<S>;
}

export interface VaultSetup<S = Settings> {
  /** a line in front of what {@link VaultSetup.access} gives for the entries of an environment */
  readonly accessNote: string;
  /** what the entry's token must be allowed, to paste */
  access(entry: { readonly number: number; readonly environment: string; readonly settings: S } & AccessNeeds): string;
  /** a line in front of the items */
  readonly itemsNote: string;
  /** makes one item, to paste; values are never on a command line */
  item(needs: ItemNeeds): string;
}

interface AccessNeeds {
  readonly vaults: readonly { readonly name: string; readonly writes: boolean }[];
}

export interface ItemNeeds {
  readonly reference: Reference;
  readonly fields: readonly FieldNeeds[];
}

export interface FieldNeeds {
  readonly section: string | undefined;
  readonly name: string;
  /** `key`: the root of our own keys */
  readonly type: 'text' | 'password' | 'otp' | 'key' | 'ssh';
}

/** Declares one. @typeParam K `typeof keys` · @typeParam Laptop what the laptop gives besides */
export function vaultAdapter<K extends Keys = never, Laptop = unknown>(
  adapter: VaultAdapter<SettingsOf<K, Laptop>> & { readonly keys: NoInfer<K> },
): VaultAdapter {
  return adapter;
}
