import { setTimeout } from 'node:timers/promises';
import { sameName, type Spellings } from '../../../foundation/names.ts';
import { Reference } from '../../../foundation/reference.ts';
import { Secret } from '../../../foundation/secret.ts';
import { createTurns } from '../../../foundation/turns.ts';
import type { FieldChange, Item, ItemField, VaultItems } from '../contract.ts';
import type { Directory } from './id-lookup.ts';
import { subjectError } from './subject-error.ts';
import { laidOut } from './lay-out-item.ts';
import type { ItemService, NewField, Operation, Operations, Problem, WholeItem } from './operations.ts';
import { namesOf } from './read-references.ts';
import { asFlowError } from '../../../foundation/errors.ts';

/** what a vault's content version is lost to another writer before it is told */
const attempts = 4;

/** Looks at and changes items. Writes to one vault go one after another: the service refuses parallel ones. */
export function createOnePasswordItems(service: ItemService, directory: Directory): VaultItems {
  const inTurn = createTurns();
  const vaultNamed = (name: string) => directory.vault([name]);
  const write = async <O extends Operation>(operation: O, asks: Operations[O]['asks']) => {
    if (isWhole(asks)) return service.call(operation, asks);
    const hint = 'see where a text was cut; nothing was written';
    throw subjectError(
      'invalid-value',
      'what is to be written has half a character in it, which would be changed',
      hint,
    );
  };
  const fetchAll = async (vault: string, ids: readonly string[], subjectOf: (id: string) => Reference) =>
    (await service.call('items', { vault, ids })).map((item, index) => {
      if (item?.kind !== 'problem') return item;
      const place = { subject: subjectOf(ids[index] ?? '').toString() };
      throw subjectError(item.code, item.message, item.hint, item.words).at(place);
    });
  const fetch = async (vault: string, id: string, reference: Reference) =>
    (await fetchAll(vault, [id], () => reference))[0];

  return {
    async get(reference) {
      const { vault: name, item } = namesOf(reference);
      const vault = await directory.vault(name);
      const place = { subject: reference.toString() };
      try {
        const id = await directory.item(vault, item);
        const found = await fetch(vault, id, reference);
        if (found !== undefined && (found.id === item[0] || isNamed(found, item)))
          return asItem(reference.vault, found);
        await directory.list(vault);
        const again = await fetch(vault, await directory.item(vault, item), reference);
        if (again === undefined) throw subjectError('not-found', 'the item is archived', 'restore it in 1Password');
        return asItem(reference.vault, again);
      } catch (error) {
        throw asFlowError(error).at(place);
      }
    },
    async find(name, tag) {
      const vault = await vaultNamed(name);
      const tagged = (await directory.list(vault)).filter(({ tags, archived }) => !archived && tags.includes(tag));
      if (tagged.length === 0) return [];
      const order = new Map(tagged.map((item) => [item.id, item.createdAt]));
      const items = await fetchAll(
        vault,
        tagged.map((item) => item.id),
        (item) => Reference.of({ vault: name, item }),
      );
      return items
        .filter((item) => item !== undefined)
        .map((item) => asItem(name, { ...item, createdAt: order.get(item.id) ?? item.createdAt }))
        .toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    },
    async vaults() {
      return (await directory.vaults()).map(({ id, title }) => ({ id, title, name: id }));
    },
    async list(name) {
      const all = await directory.list(await vaultNamed(name));
      return all.filter(({ archived }) => !archived).map(({ id, title, tags }) => ({ id, title, tags }));
    },
    async createAll(name, items) {
      const vault = await vaultNamed(name);
      try {
        await inTurn(vault, () => write('createAll', { vault, items: items.map(laidOut) }));
      } finally {
        directory.forget(vault);
      }
    },
    async createLogin(login) {
      const vault = await vaultNamed(login.vault);
      const { title, username, website, tags } = login;
      const recipe = { ...login.password };
      const made = await inTurn(vault, () =>
        repeated(() => write('create', { vault, title, username, recipe, website, tags })),
      );
      directory.forget(vault);
      return asItem(login.vault, made);
    },
    async setOneTimePassword(item, seed, { previous, tag }) {
      const vault = await vaultNamed(item.vault);
      const change = { vault, item: item.id, version: item.version, seed: seed.reveal(), previous, tag };
      return changed(item, async () => inTurn(vault, () => repeated(() => write('setOneTimePassword', change))));
    },
    async setFields(item, fields, { tag } = {}) {
      const vault = await vaultNamed(item.vault);
      const change = { vault, item: item.id, version: item.version, fields: fields.map(newField), tag };
      return changed(item, async () => inTurn(vault, () => repeated(() => write('setFields', change))));
    },
    async archive(item) {
      const vault = await vaultNamed(item.vault);
      try {
        await inTurn(vault, () => repeated(() => service.call('archive', { vault, item: item.id })));
      } catch (error) {
        const found = asFlowError(error);
        // gone already: a run beside this one was faster, or the first answer was lost
        if (found.code !== 'not-found' || found.about !== 'subject')
          throw found.at({ subject: item.reference.toString() });
      }
      directory.forget(vault);
    },
  };
}

/**
 * A write that another process's write to the same vault overtook was refused as a whole, so it is safe to repeat; one
 * against a changed item is refused again, by its version.
 */
async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (asFlowError(error).code !== 'conflict' || attempt === attempts) throw error;
      // at once they would only meet again
      await setTimeout(Math.random() * 150 * attempt);
    }
  }
}

/** What became of an item. @throws FlowError with the item as subject */
async function changed(item: Item, change: () => Promise<WholeItem | Problem>): Promise<Item> {
  try {
    const outcome = await change();
    if (outcome.kind === 'problem') throw subjectError(outcome.code, outcome.message, outcome.hint);
    return asItem(item.vault, outcome);
  } catch (error) {
    throw asFlowError(error).at({ subject: item.reference.toString() });
  }
}

/** Of a surrogate without its other half UTF-8 has nothing: a value would be another, and a name would not be found again. */
function isWhole(asks: unknown): boolean {
  if (typeof asks === 'string') return asks.isWellFormed();
  return typeof asks !== 'object' || asks === null || Object.values(asks).every(isWhole);
}

function newField({ field, value }: FieldChange): NewField {
  const of = 'value' in field ? field : field.beside;
  return {
    id: 'value' in field ? field.id : undefined,
    section: of?.reference.section,
    label: field.label,
    value: value instanceof Secret ? value.reveal() : value && { ...value },
  };
}

function isNamed(item: WholeItem, names: Spellings): boolean {
  return names.some((name) => sameName(name, item.title));
}

/** @param vault as the caller named it */
function asItem(vault: string, item: WholeItem): Item {
  const reference = Reference.of({ vault, item: item.id });
  const fields = item.fields.map((field): ItemField => ({
    id: field.id,
    label: field.label,
    section: field.section,
    type: field.type,
    value: valueOf(field),
    reference: reference.sibling(field.id, field.sectionId),
  }));
  const { id, title, version, tags, createdAt, isFixed } = item;
  return { vault, id, title, version, tags, createdAt, isFixed, fields, reference };
}

/** What an item declares as text is on the screen of whoever opens it: a user name, which plans and journals hold too. */
function valueOf({ type, value }: Pick<WholeItem['fields'][number], 'type' | 'value'>): Secret {
  const made = new Secret(value);
  if (type === 'text') made.disclose();
  return made;
}
