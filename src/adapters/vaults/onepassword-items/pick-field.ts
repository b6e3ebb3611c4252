import { bestNamed, cutAtSlash, folded, type Spellings } from '../../../foundation/names.ts';
import { suggest } from '../../../language/nearest-name.ts';
import type { Pick, Problem } from './operations.ts';

/** An item as the SDK gives it, as far as a field is picked from it. */
export interface PickableItem {
  readonly fields: readonly PickableField[];
  readonly sections: readonly { readonly id: string; readonly title: string }[];
  readonly notes: string;
  readonly files: readonly {
    readonly attributes: PickableFile;
    readonly sectionId: string;
    readonly fieldId: string;
  }[];
  readonly document?: PickableFile | null | undefined;
}

interface PickableFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
}

interface PickableField {
  readonly id: string;
  readonly title: string;
  readonly sectionId?: string | null | undefined;
  readonly fieldType: string;
  readonly value: string;
  readonly details?: { readonly type: string; readonly content?: object | null | undefined } | null | undefined;
}

export type FieldChoice =
  | { readonly kind: 'value'; readonly value: string }
  /** only the SDK can give it: the field as OpenSSH, or the content of the file */
  | { readonly kind: 'ssh'; readonly section: string | undefined; readonly field: string; readonly format: string }
  | { readonly kind: 'file'; readonly file: PickableFile }
  | Problem;

/**
 * The one value that is meant: exact labels and ids first, then without regard to case; where several fit, the one
 * that stands in no section.
 */
export function pickField(item: PickableItem, pick: Pick): FieldChoice {
  const sections = pick.section === undefined ? undefined : sectionsNamed(item, pick.section);
  if (sections?.size === 0) return missing('the item', 'section', pick.section, titlesOf(item.sections));
  const inSection = (id: string | null | undefined) => sections === undefined || sections.has(id ?? '');
  const fields = item.fields.filter((field) => inSection(field.sectionId));
  const found = bestNamed(fields, pick.field, ({ id, title }) => ({ id, name: title }));
  const chosen = found.length > 1 ? unsectioned(item, found) : found;
  const [field] = chosen;
  if (chosen.length > 1) return ambiguous(pick, 'fields', chosen);
  if (field !== undefined) return valueOf(field, pick);
  const files = filesOf(item).filter((file) => inSection(file.sectionId));
  const named = bestNamed(files, pick.field, ({ file }) => ({ id: file.id, name: file.name }));
  const attached = named.length > 1 ? unsectioned(item, named) : named;
  const [file, another] = attached;
  if (another !== undefined) {
    const ids = attached.map(({ file: { id }, sectionId }) => ({ id, sectionId }));
    return ambiguous(pick, 'files', ids);
  }
  if (file !== undefined) return fileValue(file, pick);
  const derived =
    pick.attribute === undefined && pick.sshFormat === undefined ? derivedValue(item, pick, fields) : undefined;
  if (derived !== undefined) return derived;
  const names = [...titlesOf(fields), ...files.map(({ file }) => file.name)];
  if (sections === undefined) return missing('the item', 'field', pick.field, names);
  const elsewhere = bestNamed(item.fields, pick.field, ({ id, title }) => ({ id, name: title }))[0];
  return missing(
    `the section "${pick.section?.[0] ?? ''}"`,
    'field',
    pick.field,
    names,
    elsewhere && placeOf(item, elsewhere),
  );
}

function sectionsNamed(item: PickableItem, spellings: Spellings): ReadonlySet<string> {
  return new Set(bestNamed(item.sections, spellings, ({ id, title }) => ({ id, name: title })).map(({ id }) => id));
}

function unsectioned<T extends { readonly sectionId?: string | null | undefined }>(
  item: PickableItem,
  found: readonly T[],
): readonly T[] {
  const titled = new Set(item.sections.filter((section) => section.title !== '').map((section) => section.id));
  const outside = found.filter(({ sectionId }) => (sectionId ?? '') === '');
  if (outside.length > 0) return outside;
  const plain = found.filter(({ sectionId }) => !titled.has(sectionId ?? ''));
  return plain.length > 0 ? plain : found;
}

function titlesOf(named: readonly { readonly title: string }[]): readonly string[] {
  return [...new Set(named.map((each) => each.title).filter((title) => title !== ''))];
}

/** @param place where it stands instead */
function missing(
  where: string,
  what: string,
  spellings: Spellings | undefined,
  names: readonly string[],
  place?: string,
): Problem {
  const wanted = spellings?.[0] ?? '';
  const longer = cutAtSlash(wanted, names);
  const slash = longer === undefined ? undefined : `"${longer}" is written with %2F for its /`;
  const near = names.length === 0 ? `${where} has no ${what}s` : suggest(wanted, names);
  return {
    kind: 'problem',
    code: 'not-found',
    message: `${where} has no ${what} "${wanted}"`,
    hint: place ?? slash ?? near,
  };
}

function placeOf(item: PickableItem, field: PickableField): string {
  const section = item.sections.find(({ id }) => id === field.sectionId);
  return section === undefined || section.title === ''
    ? 'it stands in no section: leave the section out'
    : `it stands in the section "${section.title}"`;
}

function ambiguous(
  pick: Pick,
  what: string,
  found: readonly { readonly id: string; readonly sectionId?: string | null | undefined }[],
): Problem {
  const ids = found.map(({ id, sectionId }) => ((sectionId ?? '') === '' ? id : `${sectionId ?? ''}/${id}`));
  return {
    kind: 'problem',
    code: 'ambiguous',
    message: `"${pick.field[0]}" fits ${found.length} ${what} of the item`,
    hint: `use one of the ids: ${ids.join(', ')}`,
  };
}

const attributes: Readonly<Record<string, (field: PickableField) => FieldChoice>> = {
  value: (field) => ({ kind: 'value', value: field.value }),
  id: (field) => ({ kind: 'value', value: field.id }),
  type: (field) => ({ kind: 'value', value: typeNames[field.fieldType] ?? field.fieldType.toUpperCase() }),
  purpose: (field) => ({ kind: 'value', value: purposes[field.id] ?? '' }),
  otp: oneTimeCode,
  totp: oneTimeCode,
};

/** as `op item get --format json` has them */
const typeNames: Readonly<Record<string, string>> = { Text: 'STRING', Totp: 'OTP', MonthYear: 'MONTH_YEAR' };
const purposes: Readonly<Record<string, string>> = { username: 'USERNAME', password: 'PASSWORD', notesPlain: 'NOTES' };

function valueOf(field: PickableField, pick: Pick): FieldChoice {
  if (pick.sshFormat !== undefined) {
    if (field.fieldType !== 'SshKey') return unfit(field, 'is not an SSH key', 'leave ?ssh-format= out');
    return { kind: 'ssh', section: field.sectionId ?? undefined, field: field.id, format: pick.sshFormat };
  }
  const attribute = own(attributes, pick.attribute ?? 'value');
  if (attribute !== undefined) return attribute(field);
  return {
    kind: 'problem',
    code: 'not-found',
    message: `a field has no attribute "${pick.attribute ?? ''}"`,
    hint: `one of: ${Object.keys(attributes).join(', ')}`,
  };
}

function oneTimeCode(field: PickableField): FieldChoice {
  if (field.fieldType !== 'Totp') {
    return unfit(field, 'is not a one-time password', 'read a field of type one-time password');
  }
  const code = detail(field, 'code');
  if (code !== undefined) return { kind: 'value', value: code };
  return unfit(field, 'holds no valid one-time password', 'store an otpauth:// URI or a base32 seed in it');
}

function unfit(field: PickableField, problem: string, hint: string): Problem {
  return { kind: 'problem', code: 'invalid-value', message: `field "${field.title}" ${problem}`, hint };
}

interface FoundFile {
  readonly sectionId: string | undefined;
  readonly file: PickableFile;
}

function filesOf(item: PickableItem): readonly FoundFile[] {
  const attached = item.files.map((file) => ({ sectionId: file.sectionId, file: file.attributes }));
  return item.document ? [...attached, { sectionId: undefined, file: item.document }] : attached;
}

function fileValue({ file }: FoundFile, pick: Pick): FieldChoice {
  const values: Readonly<Record<string, string>> = { id: file.id, name: file.name, size: String(file.size) };
  const attribute = pick.attribute ?? 'content';
  if (attribute === 'content') return { kind: 'file', file };
  const value = own(values, attribute);
  if (value !== undefined) return { kind: 'value', value };
  return {
    kind: 'problem',
    code: 'not-found',
    message: `a file has no attribute "${attribute}"`,
    hint: 'one of: content, id, name, size',
  };
}

const sshParts: Readonly<Record<string, string>> = {
  'public key': 'publicKey',
  fingerprint: 'fingerprint',
  'key type': 'keyType',
};

/** What "Copy secret reference" offers although it is no field of its own: the notes, and an SSH key's public parts. */
function derivedValue(item: PickableItem, pick: Pick, fields: readonly PickableField[]): FieldChoice | undefined {
  const name = folded(pick.field[0]);
  if (pick.section === undefined && ['notes', 'notesplain'].includes(name) && item.notes !== '') {
    return { kind: 'value', value: item.notes };
  }
  const part = own(sshParts, name);
  const key = fields.find((field) => field.fieldType === 'SshKey');
  const value = part === undefined || key === undefined ? undefined : detail(key, part);
  return value === undefined ? undefined : { kind: 'value', value };
}

function detail(field: PickableField, name: string): string | undefined {
  const found = Object.entries(field.details?.content ?? {}).find(([key]) => key === name);
  const value: unknown = found?.[1];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
