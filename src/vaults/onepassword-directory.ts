import { nearest } from '../flow/nearest.ts';
import { subjectError } from './onepassword-errors.ts';
import type { NamedItem, NamedVault, Spellings } from './onepassword-messages.ts';
import type { SdkThread } from './onepassword-thread.ts';

/** Which ids the names have: asked once and remembered, since a read by id costs a third of one by name. */
export interface Directory {
  /** @param fresh what is remembered is not good enough. @throws FlowError not-found, ambiguous */
  vault(name: Spellings, fresh?: boolean): Promise<string>;
  item(vault: string, name: Spellings): Promise<string>;
  /** The vault's items as they are now. */
  list(vault: string): Promise<readonly NamedItem[]>;
  /** Its names are asked again when they are next needed. */
  forget(vault: string): void;
}

type List = Promise<readonly NamedVault[]>;

/** ids are 26 characters of base32 */
const idForm = /^[a-z2-7]{26}$/;

/** @param served the vaults, by name or id, that are looked at; absent: all that the token sees */
export function createDirectory(thread: SdkThread, served?: readonly string[]): Directory {
  const wanted = served?.map((name) => name.toLowerCase());
  const isServed = (vault: NamedVault) =>
    wanted?.some((name) => name === vault.id || name === vault.title.toLowerCase()) ?? true;
  let vaults: Promise<readonly NamedVault[]> | undefined;
  const items = new Map<string, Promise<readonly NamedItem[]>>();

  // `stale` is the list that was found wanting: whoever comes second takes the list that the first one asked for
  const vaultList = (stale?: List) => {
    if (vaults !== undefined && vaults !== stale) return vaults;
    const asked = thread.call('vaults', null).then((all) => all.filter(isServed));
    vaults = asked;
    asked.catch(() => {
      if (vaults === asked) vaults = undefined;
    });
    return asked;
  };
  const itemList = (vault: string, stale?: List) => {
    const known = items.get(vault);
    if (known !== undefined && known !== stale) return known;
    const asked = thread.call('overviews', { vault });
    items.set(vault, asked);
    asked.catch(() => {
      if (items.get(vault) === asked) items.delete(vault);
    });
    return asked;
  };
  const search = async (what: string, name: Spellings, ask: (stale?: List) => List, known?: List): Promise<string> => {
    const all = await ask();
    const found = named(all, name);
    const [one] = found;
    if (one !== undefined && found.length === 1) return one.id;
    if (found.length > 1)
      throw subjectError('ambiguous', `${found.length} ${what}s are named "${name[0]}"`, hintOfIds(found));
    const current = known === undefined ? all : await ask(known);
    if (current === all) throw missing(what, name, all);
    return search(what, name, () => Promise.resolve(current), Promise.resolve(current));
  };

  return {
    async vault(name, fresh = false) {
      if (fresh) await vaultList(vaults);
      // what looks like an id is taken for one, unless a list is at hand that may know better
      const trusted = wanted === undefined || wanted.includes(name[0]);
      if (vaults === undefined && trusted && idForm.test(name[0])) return name[0];
      return search('vault', name, vaultList, vaults);
    },
    async item(vault, name) {
      if (!items.has(vault) && idForm.test(name[0])) return name[0];
      return search('item', name, (stale) => itemList(vault, stale), items.get(vault));
    },
    list: (vault) => itemList(vault, items.get(vault)),
    forget(vault) {
      items.delete(vault);
    },
  };
}

/** Exact ids and titles first, then without regard to case. */
function named<T extends NamedVault>(all: readonly T[], name: Spellings): readonly T[] {
  const byId = all.filter((each) => name.includes(each.id));
  if (byId.length > 0) return byId;
  const exact = all.filter((each) => name.includes(each.title));
  if (exact.length > 0) return exact;
  const wanted = name.map((spelling) => spelling.toLowerCase());
  return all.filter((each) => wanted.includes(each.title.toLowerCase()));
}

function missing(what: string, name: Spellings, all: readonly NamedVault[]) {
  const titles = all.map((each) => each.title);
  const none = what === 'vault' ? 'the token sees no vault' : 'the vault has no items';
  const near = nearest(name[0], titles);
  const hint =
    all.length === 0
      ? none
      : near === undefined
        ? 'compare the names in 1Password, and which vaults the service account has'
        : `did you mean "${near}"?`;
  return subjectError('not-found', `there is no ${what} "${name[0]}", or the token may not see it`, hint);
}

function hintOfIds(found: readonly NamedVault[]): string {
  const ids = found.slice(0, 5).map((each) => each.id);
  return `use the id of the one that is meant: ${ids.join(', ')}${found.length > 5 ? ', …' : ''}`;
}
