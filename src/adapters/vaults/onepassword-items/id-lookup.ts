import { asFlowError } from '../../../foundation/errors.ts';
import { bestNamed, cutAtSlash, folded, idForm, type Spellings } from '../../../foundation/names.ts';
import { encodeSegment } from '../../../foundation/reference.ts';
import { nearest } from '../../../language/nearest-name.ts';
import { subjectError } from './subject-error.ts';
import type { ItemService, NamedItem, NamedVault } from './operations.ts';

/** Which ids the names have: asked once and remembered, since a read by id costs a third of one by name. */
export interface Directory {
  /** @param fresh what is remembered is not good enough. @throws FlowError not-found, ambiguous */
  vault(name: Spellings, fresh?: boolean): Promise<string>;
  item(vault: string, name: Spellings): Promise<string>;
  /** Those that are looked at, as they are now. */
  vaults(): Promise<readonly NamedVault[]>;
  /** The vault's items as they are now. */
  list(vault: string): Promise<readonly NamedItem[]>;
  /** Its names are asked again when they are next needed. */
  forget(vault: string): void;
}

/** @param served the vaults, by name or id, that are looked at; absent: all that the token sees */
export function createDirectory(service: ItemService, served?: readonly string[]): Directory {
  const wanted = served?.map(folded);
  const isServed = (vault: NamedVault) =>
    wanted?.some((name) => name === vault.id || name === folded(vault.title)) ?? true;
  const vaults = createList(async () => (await service.call('vaults', null)).filter(isServed));
  const items = new Map<string, List<NamedItem>>();
  const itemsOf = (vault: string): List<NamedItem> => {
    const list = items.get(vault) ?? createList(() => service.call('overviews', { vault }));
    items.set(vault, list);
    return list;
  };

  return {
    async vault(name, fresh = false) {
      if (fresh) await vaults.get(vaults.known());
      // what looks like an id is taken for one, unless a list is at hand that may know better
      const trusted = wanted === undefined || wanted.includes(name[0]);
      if (vaults.known() === undefined && trusted && idForm.test(name[0])) return name[0];
      return idOf('vault', name, vaults);
    },
    async item(vault, name) {
      const list = itemsOf(vault);
      const isId = idForm.test(name[0]);
      if (list.known() === undefined && isId) return name[0];
      return idOf('item', name, list).catch((error: unknown) => {
        // one title that cannot be read makes the list fail, and an id needs none
        if (isId && asFlowError(error).code === 'invalid-value') return name[0];
        throw error;
      });
    },
    vaults: () => vaults.get(vaults.known()),
    list(vault) {
      const list = itemsOf(vault);
      return list.get(list.known());
    },
    forget(vault) {
      items.delete(vault);
    },
  };
}

type Named = NamedVault & { readonly archived?: boolean };

/** A list that is asked for once and remembered. */
interface List<T> {
  /** what was asked for last, unless it failed */
  known(): Promise<readonly T[]> | undefined;
  /** @param stale the list that was found wanting: whoever comes second takes the one that the first asked for */
  get(stale?: Promise<readonly T[]>): Promise<readonly T[]>;
}

function createList<T>(ask: () => Promise<readonly T[]>): List<T> {
  let known: Promise<readonly T[]> | undefined;
  return {
    known: () => known,
    get(stale) {
      if (known !== undefined && known !== stale) return known;
      const asked = ask();
      known = asked;
      asked.catch(() => {
        if (known === asked) known = undefined;
      });
      return asked;
    },
  };
}

/** What a remembered list does not have may be new, and is looked for in a fresh one. */
async function idOf(what: string, name: Spellings, list: List<Named>): Promise<string> {
  const remembered = list.known();
  let all = await list.get();
  let found = named(all, name);
  if (found.length === 0 && remembered !== undefined) {
    all = await list.get(remembered);
    found = named(all, name);
  }
  const [one, ...others] = found;
  if (one === undefined) throw missing(what, name, all);
  if (others.length === 0) return one.id;
  throw subjectError('ambiguous', `${found.length} ${what}s are named "${name[0]}"`, hintOfIds(found));
}

function named<T extends Named>(all: readonly T[], name: Spellings): readonly T[] {
  const inForce = all.filter((each) => each.archived !== true);
  return bestNamed(inForce, name, ({ id, title }) => ({ id, name: title }));
}

function missing(what: string, name: Spellings, all: readonly Named[]) {
  const inForce = all.filter((each) => each.archived !== true);
  const [archived] = bestNamed(all, name, ({ id, title }) => ({ id, name: title }));
  if (archived !== undefined) {
    const hint = `restore it in 1Password, or name another; its id is ${archived.id}`;
    return subjectError('not-found', `the ${what} "${name[0]}" is archived`, hint);
  }
  const titles = inForce.map((each) => each.title);
  const hint = titles.length === 0 ? noneOf(what) : hintOfNames(name[0], titles);
  return subjectError('not-found', `there is no ${what} "${name[0]}", or the token may not see it`, hint);
}

function noneOf(what: string): string {
  return what === 'vault' ? 'the token sees no vault' : 'the vault has no items';
}

function hintOfNames(name: string, titles: readonly string[]): string {
  const longer = cutAtSlash(name, titles);
  if (longer !== undefined) return `"${longer}" is written ${encodeSegment(longer)}: a / ends a part`;
  const near = nearest(name, titles);
  if (near !== undefined) return `did you mean "${near}"?`;
  return 'compare the names in 1Password, and which vaults the token may see';
}

function hintOfIds(found: readonly NamedVault[]): string {
  const ids = found.slice(0, 5).map((each) => each.id);
  return `use the id of the one that is meant: ${ids.join(', ')}${found.length > 5 ? ', …' : ''}`;
}
