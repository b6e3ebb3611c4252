import type { Filter } from '@aws-sdk/client-secrets-manager';
import { FlowError } from '../../../foundation/errors.ts';
import type { SecretName, StoredSecret } from '../contract.ts';
import { prefixesOf } from './name-prefixes.ts';

export interface Lister {
  list(page: {
    filters: Filter[];
    token: string | undefined;
  }): Promise<{ entries: readonly StoredSecret[]; next: string | undefined }>;
  /** @throws FlowError protocol where an entry is not what it calls itself */
  require(stored: StoredSecret, asked: SecretName): void;
  /** undefined: there is none */
  describe(name: SecretName): Promise<StoredSecret | undefined>;
}

/**
 * Finds what is stored under names by listing: one sweep over the fewest prefixes; where these hold so much else that
 * the pages do not end, ten exact names at a time; where the list may not be read, each by itself.
 */
export async function sweep(names: readonly SecretName[], lister: Lister): Promise<ReadonlyMap<string, StoredSecret>> {
  const found = new Map<string, StoredSecret>();
  let open: readonly SecretName[] = names;

  /** @returns whether the list ended, so that what was not seen does not exist */
  async function pages(prefixes: readonly string[], wanted: readonly SecretName[], budget: number): Promise<boolean> {
    const missing = new Map(wanted.map((each) => [each.name, each]));
    const filters: Filter[] = prefixes.length === 0 ? [] : [{ Key: 'name', Values: [...prefixes] }];
    let token: string | undefined;
    const seen = new Set<string>();
    for (let page = 0; page < budget; page += 1) {
      const { entries, next } = await lister.list({ filters, token });
      for (const stored of entries) {
        const asked = missing.get(stored.name);
        if (asked === undefined || (asked.id !== undefined && asked.id !== stored.id)) continue;
        lister.require(stored, asked);
        found.set(stored.name, stored);
        missing.delete(stored.name);
      }
      // pages may be short or empty: only the token tells that there are no more
      if (next === undefined || missing.size === 0) return true;
      if (seen.has(next)) throw new FlowError('protocol', 'AWS gave the same page of secrets twice');
      seen.add(next);
      token = next;
    }
    return false;
  }

  try {
    const budget = 5 + 3 * Math.ceil(names.length / 100);
    if (await pages(prefixesOf(names.map((each) => each.name)), names, budget)) return found;
    open = names.filter((each) => !found.has(each.name));
    const left: SecretName[] = [];
    for (let start = 0; start < open.length && names.length > 10; start += 10) {
      const ten = open.slice(start, start + 10);
      if (
        !(await pages(
          ten.map((each) => each.name),
          ten,
          3,
        ))
      )
        left.push(...ten.filter((each) => !found.has(each.name)));
    }
    if (names.length > 10) open = left;
  } catch (error) {
    // ListSecrets has no resource to be allowed on but `*`: many pushers may not
    if (!(error instanceof FlowError) || error.code !== 'denied') throw error;
    open = names.filter((each) => !found.has(each.name));
  }
  for (const [name, stored] of await describeAll(open, lister)) found.set(name, stored);
  return found;
}

/** Each by itself, from where nothing lags. */
export async function describeAll(
  names: readonly SecretName[],
  lister: Lister,
): Promise<ReadonlyMap<string, StoredSecret>> {
  const found = await Promise.all(names.map(async (each) => [each.name, await lister.describe(each)] as const));
  return new Map(found.filter((each): each is [string, StoredSecret] => each[1] !== undefined));
}
