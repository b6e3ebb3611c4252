import { z } from 'zod';
import { FlowError } from '../../../foundation/errors.ts';
import type { NamedItem, WholeItem } from '../onepassword-items/operations.ts';
import type { PickableItem } from '../onepassword-items/pick-field.ts';

/** What is absent is null to some releases of Connect. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const list = <T extends z.ZodType>(each: T) =>
  z
    .array(each)
    .nullish()
    .transform((value) => value ?? []);
const section = z.object({ id: text }).nullish();

export const vaultsSchema = list(z.object({ id: z.string(), name: text }));

const summary = z.object({
  id: z.string(),
  title: text,
  version: z.number().int(),
  tags: list(z.string()),
  createdAt: text,
  state: z.string().nullish(),
});

export const summariesSchema = list(summary);

const field = z.looseObject({ id: z.string(), type: text, label: text, value: text, section });

// whatever else it has goes back as it came, where the item is changed
export const itemSchema = z.looseObject({
  ...summary.shape,
  category: text,
  sections: list(z.looseObject({ id: z.string(), label: text })),
  fields: list(field),
  files: list(z.looseObject({ id: z.string(), name: text, size: z.number().nullish(), section })),
});

export type ConnectItem = z.output<typeof itemSchema>;
type ConnectField = ConnectItem['fields'][number];

export const healthSchema = z.object({
  name: text,
  version: text,
  dependencies: list(z.object({ service: text, status: text })),
});

/** @throws FlowError protocol; what came is not told */
export async function parseAnswer<T extends z.ZodType>(response: Response, schema: T): Promise<z.output<T>> {
  const found = schema.safeParse(await jsonIn(response));
  if (found.success) return found.data;
  throw notOfConnect(found.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`).join('; '));
}

/** What is not UTF-8 is no JSON: read all the same, a value would be another one. */
async function jsonIn(response: Response): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await response.bytes()));
  } catch {
    return 'no JSON';
  }
}

/** @param why no part of what came */
export function notOfConnect(why: string): FlowError {
  return new FlowError('protocol', 'Connect gave an answer that is not one of 1Password Connect', {
    hint: 'something on the way may answer in its place; is url: its address?',
    cause: new Error(why),
  });
}

export function namedItem({ id, title, tags, createdAt, state }: z.output<typeof summary>): NamedItem {
  return { id, title, tags, createdAt: Date.parse(createdAt) || 0, archived: isArchived({ state }) };
}

export function isArchived({ state }: Pick<ConnectItem, 'state'>): boolean {
  return state === 'ARCHIVED' || state === 'DELETED';
}

/** Connect's types of field, as the SDK calls them. */
const types: Readonly<Record<string, string>> = {
  STRING: 'Text',
  EMAIL: 'Email',
  CONCEALED: 'Concealed',
  URL: 'Url',
  OTP: 'Totp',
  DATE: 'Date',
  MONTH_YEAR: 'MonthYear',
  MENU: 'Menu',
  SSHKEY: 'SshKey',
};

export function fieldType({ type }: Pick<ConnectField, 'type'>): string {
  return types[type === '' ? 'STRING' : type] ?? type;
}

/** The notes stand beside the fields, as in the SDK: an empty one is no field. */
export function ownFields({ fields }: ConnectItem): readonly ConnectField[] {
  return fields.filter(({ id }) => id !== 'notesPlain');
}

/** @param codes one-time codes by the ids of their fields */
export function pickable(item: ConnectItem, codes: ReadonlyMap<string, string>): PickableItem {
  return {
    fields: ownFields(item).map((each) => ({
      id: each.id,
      title: each.label,
      sectionId: each.section?.id,
      fieldType: fieldType(each),
      value: each.value,
      details: codes.has(each.id) ? { type: 'Otp', content: { code: codes.get(each.id) } } : undefined,
    })),
    sections: item.sections.map(({ id, label }) => ({ id, title: label })),
    notes: item.fields.find(({ id }) => id === 'notesPlain')?.value ?? '',
    files: item.files.map(({ id, name, size, section: place }) => ({
      attributes: { id, name, size: size ?? 0 },
      sectionId: place?.id ?? '',
      fieldId: '',
    })),
  };
}

const wholeTypes: Readonly<Record<string, WholeItem['fields'][number]['type']>> = {
  Text: 'text',
  Email: 'text',
  Url: 'text',
  Concealed: 'concealed',
  Totp: 'one-time-password',
};

export function whole(item: ConnectItem): WholeItem {
  const { id, title, version, tags, createdAt } = item;
  const titles = new Map(item.sections.map((each) => [each.id, each.label]));
  return {
    kind: 'item',
    id,
    title,
    version,
    tags,
    createdAt: Date.parse(createdAt) || 0,
    isFixed: isFixed(item),
    fields: ownFields(item).map((each) => ({
      id: each.id,
      label: each.label,
      sectionId: each.section?.id || undefined,
      section: titles.get(each.section?.id ?? '') || undefined,
      type: wholeTypes[fieldType(each)] ?? 'other',
      value: each.value,
    })),
  };
}

/** Connect writes an SSH key as plain text, and what it does not know is not known to survive. */
export function isFixed({ category, fields }: ConnectItem): boolean {
  return category === 'SSH_KEY' || fields.some(({ type }) => type === 'SSHKEY' || (type !== '' && !(type in types)));
}
