import { sameName } from '../../foundation/names.ts';
import { answers } from './refusal-answers.ts';
import { newId } from './encoding.ts';
import { fieldsOf, layOut, withFields, type Details, type Overview } from './item-format.ts';
import { newKey, open, seal, type Sealed, type SymmetricKey } from './encrypted-values.ts';
import type { DumpedItem, FieldSeed, ItemSeed, VaultSeed } from './seeds.ts';

export interface StoredItem {
  readonly uuid: string;
  readonly templateUuid: string;
  /** N: active, Y: archived */
  readonly trashed: 'N' | 'Y';
  /** RFC 3339 */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly changerUuid: string;
  readonly itemVersion: number;
  readonly encryptedBy: string;
  readonly encOverview: Sealed;
  readonly encDetails: Sealed;
}

/** A vault with its items as the service holds them: encrypted. */
export interface StoredVault {
  readonly id: string;
  readonly name: string;
  readonly key: SymmetricKey;
  readonly createdAt: string;
  contentVersion: number;
  readonly items: Map<string, StoredItem>;
  /** the content of files, by their ids */
  readonly files: Map<string, Buffer>;
}

interface WriteOutcome {
  readonly contentVersion: number;
  readonly updatedItems: Record<string, number>;
  readonly failedItems: Record<string, number>;
}

export interface Contents {
  readonly vaults: ReadonlyMap<string, StoredVault>;
  addVault(name: string): void;
  add(vault: string, item: ItemSeed): void;
  /** Gives the item of this title further fields; nothing where it is gone. */
  extend(vault: string, title: string, fields: readonly FieldSeed[]): void;
  /** @throws Answer 409 where another write came first */
  write(vault: StoredVault, contentVersion: number, items: readonly unknown[], changer: string): WriteOutcome;
  dump(): readonly DumpedItem[];
}

/** The service's codes for an item that could not be written. */
const failure = { badRequest: 100, conflict: 104, tooBig: 106 } as const;
const largestItem = 1024 * 1024;

export function createContents(seeds: readonly VaultSeed[], now: () => number): Contents {
  const vaults = new Map<string, StoredVault>();
  const time = () => new Date(now()).toISOString();
  const server = newId().toUpperCase();

  const addVault = (name: string): StoredVault => {
    const vault: StoredVault = {
      id: newId(),
      name,
      key: newKey(newId()),
      createdAt: time(),
      contentVersion: 1,
      items: new Map(),
      files: new Map(),
    };
    vaults.set(vault.id, vault);
    return vault;
  };
  const named = (name: string): StoredVault =>
    [...vaults.values()].find((vault) => sameName(vault.name, name)) ?? addVault(name);
  const add = (vault: StoredVault, seed: ItemSeed): void => {
    const { template, overview, details, files } = layOut(seed);
    const uuid = newId();
    const lost = newKey(vault.key.kid);
    const keyFor = (part: ItemSeed['damaged']) => (seed.damaged === part ? lost : vault.key);
    vault.contentVersion += 1;
    for (const [id, content] of files) vault.files.set(id, content);
    vault.items.set(uuid, {
      uuid,
      templateUuid: template,
      trashed: seed.archived === true ? 'Y' : 'N',
      createdAt: time(),
      updatedAt: time(),
      changerUuid: server,
      itemVersion: 1,
      encryptedBy: vault.key.kid,
      encOverview: seal(keyFor('overview'), overview),
      encDetails: seal(keyFor('details'), details),
    });
  };
  for (const seed of seeds) {
    const vault = addVault(seed.name);
    for (const item of seed.items) add(vault, item);
  }

  return {
    vaults,
    addVault: (name) => void named(name),
    add: (vault, item) => add(named(vault), item),
    extend(name, title, fields) {
      const vault = named(name);
      const item = [...vault.items.values()].find(
        (each) =>
          each.trashed === 'N' &&
          sameName((opened(vault, each.encOverview) as Overview | undefined)?.title ?? '', title),
      );
      const before = item === undefined ? undefined : opened(vault, item.encDetails);
      if (item === undefined || before === undefined) return;
      const { details, files } = withFields(before as Details, item.templateUuid, fields);
      for (const [id, content] of files) vault.files.set(id, content);
      vault.contentVersion += 1;
      vault.items.set(item.uuid, {
        ...item,
        updatedAt: time(),
        changerUuid: server,
        itemVersion: item.itemVersion + 1,
        encDetails: seal(vault.key, details),
      });
    },
    write(vault, contentVersion, items, changer) {
      if (contentVersion !== vault.contentVersion) throw answers.stale();
      const updatedItems: Record<string, number> = {};
      const failedItems: Record<string, number> = {};
      for (const item of items) writeOne(vault, item, { changer, time: time() }, updatedItems, failedItems);
      if (Object.keys(updatedItems).length > 0) vault.contentVersion += 1;
      return { contentVersion: vault.contentVersion, updatedItems, failedItems };
    },
    dump: () =>
      [...vaults.values()].flatMap((vault) => [...vault.items.values()].flatMap((item) => dumped(vault, item))),
  };
}

interface GivenItem {
  readonly uuid: string;
  readonly templateUuid: string;
  readonly trashed?: 'N' | 'Y' | 'D';
  readonly itemVersion: number;
  readonly encOverview?: Sealed;
  readonly encDetails?: Sealed;
}

function isGivenItem(value: unknown): value is GivenItem {
  if (typeof value !== 'object' || value === null) return false;
  const item = value as Record<string, unknown>;
  return (
    typeof item['uuid'] === 'string' &&
    /^[a-z2-7]{26}$/.test(item['uuid']) &&
    typeof item['itemVersion'] === 'number' &&
    ['N', 'Y', 'D', undefined].includes(item['trashed'] as string | undefined)
  );
}

function writeOne(
  vault: StoredVault,
  given: unknown,
  by: { readonly changer: string; readonly time: string },
  updated: Record<string, number>,
  failed: Record<string, number>,
): void {
  if (!isGivenItem(given)) throw answers.badRequest();
  const { uuid } = given;
  const before = vault.items.get(uuid);
  if ((before?.itemVersion ?? 0) !== given.itemVersion) {
    failed[uuid] = failure.conflict;
    return;
  }
  if (JSON.stringify(given).length > largestItem) {
    failed[uuid] = failure.tooBig;
    return;
  }
  const encOverview = given.encOverview ?? before?.encOverview;
  const encDetails = given.encDetails ?? before?.encDetails;
  if (encOverview === undefined || encDetails === undefined || encDetails.kid !== vault.key.kid) {
    failed[uuid] = failure.badRequest;
    return;
  }
  updated[uuid] = given.itemVersion + 1;
  if (given.trashed === 'D') {
    vault.items.delete(uuid);
    return;
  }
  vault.items.set(uuid, {
    uuid,
    templateUuid: given.templateUuid,
    trashed: given.trashed ?? 'N',
    createdAt: before?.createdAt ?? by.time,
    updatedAt: by.time,
    changerUuid: by.changer,
    itemVersion: given.itemVersion + 1,
    encryptedBy: vault.key.kid,
    encOverview,
    encDetails,
  });
}

function dumped(vault: StoredVault, item: StoredItem): DumpedItem {
  const overview = (opened(vault, item.encOverview) ?? { title: '', ainfo: '' }) as Overview;
  const details = (opened(vault, item.encDetails) ?? {}) as Details;
  return {
    vault: vault.name,
    vaultId: vault.id,
    id: item.uuid,
    title: overview.title,
    template: item.templateUuid,
    version: item.itemVersion,
    state: item.trashed === 'Y' ? 'archived' : 'active',
    tags: overview.tags ?? [],
    websites: (overview.URLs ?? []).map((url) => url.u),
    createdAt: Date.parse(item.createdAt),
    fields: fieldsOf(details, vault.files),
  };
}

/** undefined where the part is damaged */
function opened(vault: StoredVault, part: Sealed): unknown {
  try {
    return open(vault.key, part);
  } catch {
    return undefined;
  }
}
