import { z } from 'zod';
import type { StoredItem } from '../contents.ts';
import { newId } from '../encoding.ts';
import { type Details, type Overview, type Section, type SectionField, templates } from '../item-format.ts';
import { Answer } from '../refusal-answers.ts';
import { generatedPassword, recipe } from './password-recipe.ts';

/** Absent, null and empty are one to Connect's clients. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

const field = z.object({
  id: text,
  type: z.enum(['STRING', 'EMAIL', 'CONCEALED', 'URL', 'OTP', 'DATE', 'MONTH_YEAR', 'MENU', 'SSHKEY']).nullish(),
  purpose: z.enum(['', 'USERNAME', 'PASSWORD', 'NOTES']).nullish(),
  label: text,
  value: text,
  section: z.object({ id: text }).nullish(),
  generate: z.boolean().nullish(),
  recipe: recipe.nullish(),
});

const item = z.object({
  title: text,
  category: z.string().nullish(),
  vault: z.object({ id: z.string() }).nullish(),
  version: z.number().int().nullish(),
  tags: z.array(z.string()).nullish(),
  urls: z.array(z.object({ label: text, href: z.string() })).nullish(),
  sections: z.array(z.object({ id: z.string(), label: text })).nullish(),
  fields: z.array(field).nullish(),
});

type GivenField = z.output<typeof field>;

export interface GivenItem {
  readonly template: string;
  readonly overview: Overview;
  readonly details: Details;
  /** undefined: whichever it has */
  readonly version: number | undefined;
}

/** Connect's kinds of field as items keep them. It knows how to read an SSH key, and writes one as text. */
const kinds: Readonly<Record<NonNullable<GivenField['type']>, string>> = {
  STRING: 'string',
  EMAIL: 'email',
  CONCEALED: 'concealed',
  URL: 'URL',
  OTP: 'concealed',
  DATE: 'date',
  MONTH_YEAR: 'monthYear',
  MENU: 'menu',
  SSHKEY: 'string',
};

/** a section without a title, as the apps make it for fields of one's own */
const ownSection = 'add more';

/**
 * What a client sends as an item, laid out as items are kept. @throws Answer 400
 * @param before what it replaces: its files, and what a browser saved in it, stay
 */
export function givenItem(
  vault: string,
  body: unknown,
  before?: { readonly item: StoredItem; readonly details: Details },
): GivenItem {
  const { data, error } = item.safeParse(body);
  if (data === undefined) throw new Answer(400, `Invalid item: ${error.issues[0]?.path.join('.') ?? ''}`);
  if (data.vault !== undefined && data.vault !== null && data.vault.id !== vault)
    throw new Answer(400, 'The vault of the item is not the vault of the path');
  const category = Object.entries(templates).find(
    ([name]) => name.toUpperCase().replaceAll('-', '_') === data.category,
  );
  const template = before?.item.templateUuid ?? (category?.[0] === 'document' ? undefined : category?.[1]);
  if (template === undefined) throw new Answer(400, 'Invalid item category');

  const fields = (data.fields ?? []).map(withValue);
  const designated = (purpose: 'USERNAME' | 'PASSWORD') =>
    fields.find((each) => each.purpose === purpose || (isBuiltIn(each) && each.id.toUpperCase() === purpose));
  const [username, password] = [designated('USERNAME'), designated('PASSWORD')];
  const notes = fields.find((each) => each.purpose === 'NOTES' || each.id === 'notesPlain');
  const others = fields.filter((each) => each !== username && each !== password && each !== notes);
  const urls = data.urls ?? [];
  return {
    template,
    version: data.version ?? undefined,
    overview: {
      title: data.title,
      ainfo: username?.value ?? '',
      ...(urls[0] === undefined ? {} : { url: urls[0].href, URLs: urls.map(({ label: l, href: u }) => ({ l, u })) }),
      tags: data.tags ?? [],
    },
    details: {
      ...before?.details,
      notesPlain: notes?.value ?? '',
      fields: [
        ...[username, password].flatMap((each) =>
          each === undefined ? [] : [designation(each === username ? 'username' : 'password', each.value)],
        ),
        ...(before?.details.fields ?? []).filter((each) => each.designation === undefined),
      ],
      sections: sectionsOf(data.sections ?? [], others, before?.details.sections ?? []),
    },
  };
}

/** `username` and `password` of an item that has them by its category; a person's field of that name is in a section. */
function isBuiltIn({ section }: GivenField): boolean {
  return section === undefined || section === null;
}

function withValue(given: GivenField): GivenField {
  return given.generate === true && given.value === ''
    ? { ...given, value: generatedPassword(given.recipe ?? undefined) }
    : given;
}

function designation(name: 'username' | 'password', value: string) {
  return { id: name, name, type: name === 'password' ? 'P' : 'T', designation: name, value };
}

function sectionsOf(
  titles: readonly { readonly id: string; readonly label: string }[],
  fields: readonly GivenField[],
  before: readonly Section[],
): readonly Section[] {
  const placeOf = ({ section }: GivenField) => (section?.id ?? '') || ownSection;
  const files = before.map(({ name, fields: all = [] }) => ({ name, fields: all.filter(({ k }) => k === 'file') }));
  const names = new Set([
    ...titles.map(({ id }) => id),
    ...fields.map(placeOf),
    ...files.flatMap((each) => (each.fields.length > 0 ? [each.name] : [])),
  ]);
  return [...names].map((name) => ({
    name,
    title: titles.find(({ id }) => id === name)?.label ?? before.find((each) => each.name === name)?.title ?? '',
    fields: [
      ...fields.filter((each) => placeOf(each) === name).map(asStored),
      ...(files.find((each) => each.name === name)?.fields ?? []),
    ],
  }));
}

function asStored({ id, type, label, value }: GivenField): SectionField {
  const own = id === '' ? newId() : id;
  const n = type === 'OTP' ? `TOTP_${own.replace(/^TOTP_/, '')}` : own;
  return { n, t: label, k: kinds[type ?? 'STRING'], v: value };
}
