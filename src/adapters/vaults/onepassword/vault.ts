import type { Secret } from '../../../foundation/secret.ts';
import type { Vault, VaultItems } from '../contract.ts';
import { tokenOrigin } from './sign-in-address.ts';
import { createDirectory } from './id-lookup.ts';
import { createOnePasswordItems } from './items.ts';
import type { WorkerSetup } from './thread-messages.ts';
import { readAll } from './read-references.ts';
import { createSdkThread } from './thread.ts';

/** Who signs in: a service account by its token, or the person at the desktop app by the account's name. */
type OnePasswordSignIn = { readonly token: () => Promise<Secret> } | { readonly account: string };

export type OnePasswordOptions = OnePasswordSignIn & {
  /** a vault on loopback is let in; otherwise only 1Password's own domains are */
  readonly development: boolean;
  /** the vaults that this entry serves, by name or id; absent: all that the token sees */
  readonly vaults?: readonly string[] | undefined;
  /** milliseconds for one call, sign-in included; 20,000 by default, 90,000 where a person has to touch a sensor */
  readonly deadline?: number;
};

/**
 * 1Password through its SDK, which runs in a thread of its own. Nothing is contacted, and no token read, before the
 * first call.
 */
export function createOnePasswordVault(options: OnePasswordOptions): Vault {
  const byToken = 'token' in options;
  let address = byToken ? 'https://1password.com' : `1Password account "${options.account}"`;
  const sign = async (): Promise<WorkerSetup['sign']> => {
    if (!byToken) return { account: options.account };
    const token = await options.token();
    const origin = tokenOrigin(token, options.development);
    address = `${origin.protocol}//${origin.host}`;
    return { token: token.reveal(), origin };
  };
  const thread = createSdkThread({ sign, deadline: options.deadline ?? (byToken ? 20_000 : 90_000) });
  const directory = createDirectory(thread, options.vaults);
  const items: VaultItems = createOnePasswordItems(thread, directory);

  return {
    get address() {
      return address;
    },
    read: (references) => readAll(thread, directory, references),
    items,
    requests: () => thread.requests(),
    close: () => thread.close(),
  };
}
