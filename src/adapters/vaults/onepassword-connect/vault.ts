import { setTimeout as timer } from 'node:timers/promises';
import { createPace } from '../../../foundation/request-pace.ts';
import type { Vault } from '../contract.ts';
import { createDirectory } from '../onepassword-items/id-lookup.ts';
import { createOnePasswordItems } from '../onepassword-items/items.ts';
import { readAll } from '../onepassword-items/read-references.ts';
import { type ConnectOptions, createConnectClient } from './connect-client.ts';
import { createConnectService } from './connect-service.ts';

export interface ConnectVaultOptions extends Omit<ConnectOptions, 'pace'> {
  /** takes milliseconds; replaced in tests */
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

/** requests at once: Connect reads from a copy of its own, so that each is short, and many of them are its work alone */
const atOnce = 8;

/** 1Password Connect. Nothing is contacted, and no token read, before the first call. */
export function createConnectVault(options: ConnectVaultOptions): Vault {
  const { sleep = timer } = options;
  const pace = createPace({ atOnce, monotonic: () => performance.now(), sleep });
  const client = createConnectClient({ ...options, pace });
  const service = createConnectService({ client, now: options.now, sleep });
  const directory = createDirectory(service);

  return {
    address: options.url,
    read: (references) => readAll(service, directory, references),
    items: createOnePasswordItems(service, directory),
    health: client.health,
    // no quota: what Connect answers from is its own, and 1Password counts none of it
    requests: client.requests,
    close: () => Promise.resolve(),
  };
}
