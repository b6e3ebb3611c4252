import { FlowError } from '../errors.ts';
import type { Reference } from '../reference.ts';
import type { Secret } from '../secret.ts';
import type { Vault, VaultItems } from './contract.ts';
import { tokenOrigin } from './onepassword-address.ts';
import { createDirectory } from './onepassword-directory.ts';
import { createOnePasswordItems } from './onepassword-items.ts';
import type { WorkerSetup } from './onepassword-messages.ts';
import { readAll, type Values } from './onepassword-read.ts';
import { createSdkThread } from './onepassword-thread.ts';

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
 * first call. Reads made in the same tick share a batch.
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
  const read = sharedTick((references) => readAll(thread, directory, references));

  return {
    get address() {
      return address;
    },
    read,
    items,
    requests: () => thread.requests(),
    close: () => thread.close(),
  };
}

interface Asked {
  readonly references: readonly Reference[];
  readonly resolve: (values: Values) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what is asked in one tick of the event loop, asks once, and gives each caller its own part. */
function sharedTick(work: (references: readonly Reference[]) => Promise<Values>) {
  let waiting: Asked[] = [];
  const flush = async (): Promise<void> => {
    const asked = waiting;
    waiting = [];
    try {
      const values = await work(asked.flatMap((each) => each.references));
      for (const each of asked) each.resolve(partOf(values, each.references));
    } catch (error) {
      for (const each of asked) each.reject(error);
    }
  };
  return (references: readonly Reference[]): Promise<Values> => {
    if (references.length === 0) return Promise.resolve(new Map());
    return new Promise((resolve, reject) => {
      waiting.push({ references, resolve, reject });
      if (waiting.length === 1) setImmediate(() => void flush());
    });
  };
}

function partOf(values: Values, references: readonly Reference[]): Values {
  const part = new Map<string, Secret | FlowError>();
  for (const reference of references) {
    const key = reference.toString();
    part.set(key, values.get(key) ?? new FlowError('internal', 'was not read', { place: { subject: key } }));
  }
  return part;
}
