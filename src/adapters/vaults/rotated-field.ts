import { FlowError, someOf } from '../../foundation/errors.ts';
import { bestNamed, folded } from '../../foundation/names.ts';
import { Reference } from '../../foundation/reference.ts';
import type { Item, ItemField, Vault } from './contract.ts';
import { writableItems } from './writable-items.ts';

/**
 * A secret that rotates stands in up to three fields of one item: the one in force under its own name, and beside it
 * `NAME (next)` until that is promoted, then `NAME (previous)` until it is retired. Which of them are there is the
 * stage; nothing else keeps it. The steps of a rotation hand on the reference of their stage, and the field itself
 * where there is nothing to do.
 */
export interface RotatedField {
  readonly item: Item;
  readonly current: ItemField;
  readonly next: ItemField | undefined;
  readonly previous: ItemField | undefined;
  /** where they stand, whether they are there or not */
  readonly references: Readonly<Record<Place, Reference>>;
  /** epoch milliseconds: when the current value came into force, as far as the item tells */
  readonly since: number;
}

export type Place = 'current' | 'next' | 'previous';

const places = /^(?<name>.+) \((?<place>next|previous)\)$/s;

/** Which of its three places a reference names. */
export function placeOf(reference: Reference): Place {
  const place = places.exec(reference.field ?? '')?.groups?.['place'];
  return place === 'next' || place === 'previous' ? place : 'current';
}

/** As it stands in the vault now. @throws FlowError not-found, ambiguous, conflict where it is at two stages at once */
export async function rotatedField(reference: Reference, { vault }: { readonly vault: Vault }): Promise<RotatedField> {
  const item = await writableItems(vault).get(reference.itemReference);
  const written = reference.field ?? '';
  const current = fieldAt(item, reference.section, places.exec(written)?.groups?.['name'] ?? written);
  if (current === undefined) {
    throw new FlowError('not-found', `the item has no field "${written}"`, {
      hint: `its fields: ${someOf(item.fields.map(({ label }) => `"${label}"`))}`,
      place: { subject: reference.toString() },
    });
  }
  const { label } = current;
  const beside = (field: string) =>
    Reference.of({ vault: reference.vault, item: reference.item, section: reference.section, field });
  const next = fieldAt(item, reference.section, `${label} (next)`);
  const previous = fieldAt(item, reference.section, `${label} (previous)`);
  if (next !== undefined && previous !== undefined) {
    throw new FlowError('conflict', `the item has both "${next.label}" and "${previous.label}"`, {
      hint: 'a rotation has one of them: see which value the provider takes, and remove the other field',
      place: { subject: item.reference.toString() },
    });
  }
  const references = {
    current: placeOf(reference) === 'current' ? reference : beside(label),
    next: beside(`${label} (next)`),
    previous: beside(`${label} (previous)`),
  };
  return { item, current, next, previous, references, since: sinceOf(item, current) };
}

/** Only values that are there: a field that a person has emptied is as good as none. */
function fieldAt(item: Item, section: string | undefined, field: string): ItemField | undefined {
  const inSection = item.fields.filter((each) => section === undefined || isIn(each, section));
  const found = bestNamed(inSection, [field], ({ id, label }) => ({ id, name: label })).filter(
    ({ value }) => !value.isEmpty,
  );
  const unsectioned = found.filter((each) => each.section === undefined);
  const [chosen, another] = unsectioned.length > 0 ? unsectioned : found;
  if (another === undefined) return chosen;
  throw new FlowError('ambiguous', `the item has more than one field "${field}"`, {
    hint: 'name its section: op://vault/item/section/field',
    place: { subject: item.reference.toString() },
  });
}

function isIn({ section, reference }: ItemField, wanted: string): boolean {
  return reference.section === wanted || folded(section ?? '') === folded(wanted);
}

/** A tag that says since when a field has its value; anyone may read it, and it tells nothing of the value. */
export function sinceTag({ label }: ItemField, moment: number): string {
  return `${sinceKind(label)}${new Date(moment).toISOString()}`;
}

function sinceOf({ tags, createdAt }: Item, { label }: ItemField): number {
  const kind = sinceKind(label);
  const tag = tags.find((each) => each.startsWith(kind));
  const moment = Date.parse(tag?.slice(kind.length) ?? '');
  return Number.isNaN(moment) ? createdAt : moment;
}

const sinceKind = (label: string) => `flows-rotated/${encodeURIComponent(folded(label))}:`;

/** For plans: `field "credential" of item "Orders M2M" in vault "Agents"`. */
export function named({ title, vault }: Item, label: string): string {
  return `field "${label}" of item "${title}" in vault "${vault}"`;
}
