import type { Problem, SeedChange } from './operations.ts';

export interface Field<T> {
  id: string;
  title: string;
  sectionId?: string;
  fieldType: T;
  value: string;
}

export interface ChangedItem<T> {
  readonly version: number;
  readonly fields: readonly Field<T>[];
  readonly sections: readonly { id: string; title: string }[];
}

export interface Parts<T> {
  readonly fields: Field<T>[];
  readonly sections: { id: string; title: string }[];
}

export type SeedOutcome<T> =
  | Problem
  | { readonly kind: 'same' }
  | { readonly kind: 'changed'; readonly parts: Parts<T> };

const label = 'one-time password';
const formerLabel = 'previous';
/** ours alone: a field that a person called `previous` is not touched */
const formerPrefix = 'former-otp-';
const formerId = /^former-otp-\d{1,6}$/;
/** a section without a title, as the apps make it for fields of one's own */
export const ownSection = { id: 'add more', title: '' };

export const changedMeanwhile: Problem = {
  kind: 'problem',
  code: 'conflict',
  message: 'the item has changed since it was read',
  hint: 'someone else is at work on it; run again',
};

/**
 * The item's fields with this seed as its one OTP field. Every former seed stays, as a concealed field `previous`
 * (then `previous 2`, …), until `drop`: only a complete sign-in proves which of them the provider has in force.
 */
export function changeSeed<T>(
  item: ChangedItem<T>,
  change: SeedChange,
  types: { readonly otp: T; readonly concealed: T },
): SeedOutcome<T> {
  if (item.version !== change.version) return changedMeanwhile;
  const fields = item.fields.filter((field) => field.fieldType === types.otp);
  const seeds = fields.filter((field) => field.value !== '');
  const [current] = seeds;
  if (seeds.length > 1) {
    return {
      kind: 'problem',
      code: 'ambiguous',
      message: `the item has ${seeds.length} one-time password fields`,
      hint: 'keep the one that is in force and remove the others',
    };
  }
  const formers = item.fields.filter((field) => formerId.test(field.id));
  const same = current?.value === change.seed;
  if (same && (change.previous === 'keep' || formers.length === 0)) return { kind: 'same' };

  const sectionId = fields[0]?.sectionId ?? ownSection.id;
  const dropped = new Set([...fields, ...(change.previous === 'drop' ? formers : [])]);
  const kept = item.fields.filter((field) => !dropped.has(field));
  const keepsCurrent =
    change.previous === 'keep' && current !== undefined && !formers.some((field) => field.value === current.value);
  const former = keepsCurrent
    ? [{ ...newFormer(formers), sectionId, fieldType: types.concealed, value: current.value }]
    : [];
  const title = fields[0]?.title ?? label;
  const otp = same ? current : { id: freshId(item), title, sectionId, fieldType: types.otp, value: change.seed };
  return { kind: 'changed', parts: { fields: [...kept, ...former, otp], sections: sectionsFor(item, sectionId) } };
}

/** @returns the very tags where nothing is to be changed */
export function tagged(tags: string[], tag: string | undefined): string[] {
  if (tag === undefined || tags.includes(tag)) return tags;
  const kind = tag.slice(0, tag.indexOf(':') + 1);
  return [...tags.filter((each) => !each.startsWith(kind)), tag];
}

/** Its sections, this one among them. */
export function sectionsFor<T>(
  item: Pick<ChangedItem<T>, 'sections'>,
  section: string,
): { id: string; title: string }[] {
  const known = item.sections.some((each) => each.id === section);
  return known ? [...item.sections] : [...item.sections, { ...ownSection, id: section }];
}

/** After the last one: a person may have removed another, and two fields of one id would be one seed less. */
function newFormer(formers: readonly { readonly id: string }[]): { id: string; title: string } {
  const number = Math.max(0, ...formers.map(({ id }) => Number(id.slice(formerPrefix.length)))) + 1;
  return { id: `${formerPrefix}${number}`, title: number === 1 ? formerLabel : `${formerLabel} ${number}` };
}

/** An id that no field of the item has; the SDK puts `TOTP_` before it. */
function freshId<T>(item: ChangedItem<T>): string {
  const taken = new Set(item.fields.map((field) => field.id));
  let number = 1;
  while (taken.has(`TOTP_otp-${number}`) || taken.has(`otp-${number}`)) number += 1;
  return `otp-${number}`;
}
