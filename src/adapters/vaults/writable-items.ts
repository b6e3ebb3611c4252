import { FlowError } from '../../foundation/errors.ts';
import type { Vault, VaultItems } from './contract.ts';

/** The vault's items, where they can be looked at and changed. @throws FlowError refused */
export function writableItems(vault: Vault): VaultItems {
  if (vault.items !== undefined) return vault.items;
  throw new FlowError('refused', `the vault at ${vault.address} can only be read`, {
    hint: 'use a vault entry of type onepassword with a token that may write',
  });
}
