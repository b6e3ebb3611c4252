import { folded, idForm } from '../../foundation/names.ts';
import { decodeSegment } from '../../foundation/reference.ts';

/** What may be done to items, and to lists of them. */
export const itemUses = ['list', 'read', 'create', 'update', 'delete'] as const;
export type ItemUse = (typeof itemUses)[number];

/** What a line says of a path; `deny` takes all of it away, whatever else allows it. */
export const vaultPathUses = [...itemUses, 'deny'] as const;

const writes: ReadonlySet<string> = new Set(['create', 'update', 'delete']);

/** The mount of 1Password's items, and the name that stands for all of them where only names do: `deny: ['**']`. */
export const itemsMount = 'op';

/** A vault or an item, as far as it is known. */
export interface NamedThing {
  readonly id?: string | undefined;
  /** each way to write its title */
  readonly titles: readonly string[];
}

/** Where something is asked for. */
export interface ItemPlace {
  readonly vault: NamedThing;
  /** absent: the list of the vault's items */
  readonly item?: NamedThing | undefined;
}

/** One line of `vault-paths:`. */
export interface VaultPathRule {
  readonly text: string;
  /** `policy.yaml:7:13` */
  readonly location: string;
  readonly can: readonly (typeof vaultPathUses)[number][];
  readonly covers: (place: ItemPlace) => boolean;
  /** whether it is about anything in a vault */
  readonly isAbout: (vault: NamedThing) => boolean;
}

export interface PathProblem {
  readonly problem: string;
  readonly hint: string;
}

const forms =
  'write op/vaults/VAULT/*, op/vaults/VAULT/items or op/vaults/VAULT/items/ITEM; a * in a name is written %2A';
const pathForm = /^op\/vaults\/(?:(?<any>\*)|(?<vault>[^/*]+)\/(?:(?<all>\*)|items(?:\/(?<item>[^*]*)(?<rest>\*)?)?))$/;

/**
 * What a line of `vault-paths:` is about. A path is as a client writes it, `op/vaults/VAULT/items/ITEM`: names or ids,
 * whatever their case, with `%2F` for a `/`. A `*` at its end stands for all that goes on so; `op/vaults/VAULT/*` is the
 * list of a vault's items and each of them.
 */
export function readVaultPath(
  text: string,
  can: VaultPathRule['can'],
): Pick<VaultPathRule, 'covers' | 'isAbout'> | PathProblem {
  const found = pathForm.exec(text)?.groups;
  if (found === undefined) return { problem: `"${text}" is no path of 1Password's items`, hint: forms };
  const { any, vault, all, item = '', rest } = found;
  const wild = any ?? all ?? rest;
  const written = wild === undefined ? undefined : can.find((use) => writes.has(use));
  if (written !== undefined)
    return { problem: `a wildcard gives no "${written}"`, hint: 'name the one item that may be written' };
  if (item !== '' && can.includes('list'))
    return { problem: 'an item has no list', hint: 'write op/vaults/VAULT/items, or op/vaults/VAULT/*' };
  const other = wild === undefined && item === '' ? can.find((use) => use !== 'list' && use !== 'deny') : undefined;
  if (other !== undefined)
    return { problem: `a list of items gives no "${other}"`, hint: 'name the item: op/vaults/VAULT/items/ITEM' };
  if (can.includes('deny') && can.length > 1)
    return { problem: '"deny" stands alone', hint: 'it takes away all that other lines give' };
  const isAbout = vault === undefined ? () => true : named(vault);
  const isItem = wild === undefined ? named(item) : begins(item);
  const covers = (place: ItemPlace) =>
    isAbout(place.vault) && (place.item === undefined ? item === '' : (wild ?? item) !== '' && isItem(place.item));
  return { covers, isAbout };
}

/** A place by what a path says, which may be an id or a title; undefined where no request has such a path. */
export function placeOf(path: string): ItemPlace | undefined {
  const [, vault, item = ''] = /^op\/vaults\/([^/]+)\/items(?:\/(.+))?$/.exec(path) ?? [];
  if (vault === undefined) return undefined;
  return { vault: thingOf(vault), item: item === '' ? undefined : thingOf(item) };
}

/** What one part of a path names. */
function thingOf(text: string): NamedThing {
  return { id: idForm.test(text) ? text : undefined, titles: spellings(text) };
}

/** As in references: `%2F` is a slash, or what it is, where a title has that. */
function spellings(text: string): readonly string[] {
  return [...new Set([decodeSegment(text), text])];
}

function named(text: string): (thing: NamedThing) => boolean {
  const wanted = new Set(spellings(text).map(folded));
  return ({ id, titles }) => id === text || titles.some((title) => wanted.has(folded(title)));
}

/** Of titles only: an id begins like nothing. */
function begins(text: string): (thing: NamedThing) => boolean {
  if (text === '') return () => true;
  const wanted = spellings(text).map(folded);
  return ({ titles }) => titles.some((title) => wanted.some((each) => folded(title).startsWith(each)));
}
