import { adaptersOf } from '../declaration.ts';
import { vaultKeys } from './adapter.ts';
import { onepassword } from './onepassword/index.ts';
import { onepasswordConnect } from './onepassword-connect/index.ts';

/** Every kind of vault, one line each. */
export const vaults = adaptersOf(vaultKeys, [onepassword, onepasswordConnect]);
