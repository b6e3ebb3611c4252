import type { Secret } from '../../../foundation/secret.ts';
import type { Vault, VaultItems } from '../contract.ts';
import { defaultReserve, type QuotaSettings } from '../quota.ts';
import { tokenOrigin } from './sign-in-address.ts';
import { createDirectory } from '../onepassword-items/id-lookup.ts';
import { createOnePasswordItems } from '../onepassword-items/items.ts';
import type { WorkerSetup } from './thread-messages.ts';
import { readAll } from '../onepassword-items/read-references.ts';
import type { Way } from '../../../foundation/proxy.ts';
import { createSdkThread } from './thread.ts';
import { identifiedAccount, identifiedToken } from './token-identity.ts';

/** Who signs in: a service account by its token, or the person at the desktop app by the account's name. */
type OnePasswordSignIn =
  | {
      readonly token: () => Promise<Secret>;
      /** whether the token may be read again at any time, to see whether it was replaced: a file */
      readonly rereads?: boolean;
    }
  | { readonly account: string };

export type OnePasswordOptions = OnePasswordSignIn & {
  /** a vault on loopback is let in; otherwise only 1Password's own domains are */
  readonly development: boolean;
  /** the vaults that this entry serves, by name or id; absent: all that the token sees */
  readonly vaults?: readonly string[] | undefined;
  /** milliseconds for one call, sign-in included; 20,000 by default, 90,000 where a person has to touch a sensor */
  readonly deadline?: number;
  /** absent: the service tells none, as for the desktop app and on the laptop */
  readonly quota?: QuotaSettings | undefined;
  /** by which way it is reached; default: directly */
  readonly way?: Way | undefined;
};

/** a sign-in makes about five requests, the list of vaults among them; a batch of items is one */
const cost = { signIn: 5, batch: 50 };

/**
 * 1Password through its SDK, which runs in a thread of its own. Nothing is contacted, and no token read, before the
 * first call.
 */
export function createOnePasswordVault(options: OnePasswordOptions): Vault {
  const source =
    'token' in options ? identifiedToken(options.token, options.rereads) : identifiedAccount(options.account);
  const byToken = 'token' in source;
  let address = byToken ? 'https://1password.com' : `1Password account "${source.account}"`;
  const sign = async (): Promise<WorkerSetup['sign']> => {
    if (!byToken) return { account: source.account };
    const token = await source.token();
    const origin = tokenOrigin(token, options.development);
    address = `${origin.protocol}//${origin.host}`;
    return { token: token.reveal(), origin };
  };
  const { way } = options;
  const thread = createSdkThread({
    sign,
    ...(byToken ? { token: source } : {}),
    deadline: options.deadline ?? (byToken ? 20_000 : 90_000),
    proxy: way?.proxy,
    through: () => (byToken ? way?.proxyOf(address) : undefined),
  });
  const directory = createDirectory(thread, options.vaults);
  const items: VaultItems = createOnePasswordItems(thread, directory);

  return {
    get address() {
      return address;
    },
    read: (references) => readAll(thread, directory, references),
    items,
    quota: {
      identity: source.identity,
      ...(byToken ? { renewed: () => thread.renewed() } : {}),
      limits: options.quota,
      reserve: options.quota?.reserve ?? defaultReserve,
      cost,
    },
    requests: () => thread.requests(),
    close: () => thread.close(),
  };
}
