import { newId } from './encoding.ts';
import { openFile, sealFile, type FileAttributes, type StoredFiles } from './files.ts';
import { sshKeyAttributes } from './ssh-keys.ts';
import type { FieldSeed, ItemSeed, SeedCategory } from './seeds.ts';

/** How 1Password lays an item out before it is encrypted: an overview for lists, and details. */
export interface Overview {
  readonly title: string;
  readonly ainfo: string;
  readonly url?: string;
  readonly URLs?: readonly { readonly l: string; readonly u: string }[];
  readonly tags?: readonly string[];
}

export interface Details {
  readonly notesPlain?: string;
  readonly fields?: readonly {
    readonly id?: string;
    readonly name?: string;
    readonly type: string;
    readonly designation?: string;
    readonly value: string;
  }[];
  readonly sections?: readonly Section[];
  /** the file that a document is */
  readonly documentAttributes?: FileAttributes;
}

export interface Section {
  readonly name: string;
  readonly title: string;
  readonly fields?: readonly SectionField[];
}

export interface SectionField {
  readonly n: string;
  readonly t: string;
  readonly k: string;
  readonly v: unknown;
  readonly a?: unknown;
}

export const templates: Readonly<Record<SeedCategory, string>> = {
  login: '001',
  'secure-note': '003',
  password: '005',
  database: '102',
  server: '110',
  'api-credential': '112',
  'ssh-key': '114',
  document: '006',
};

export function layOut(seed: ItemSeed): {
  readonly template: string;
  readonly overview: Overview;
  readonly details: Details;
  readonly files: StoredFiles;
} {
  const files = new Map<string, Buffer>();
  const document = documentIn(seed);
  const designated = seed.fields.filter((field) => isDesignated(seed, field));
  const username = designated.find((field) => field.label === 'username')?.value ?? '';
  return {
    template: templates[seed.category ?? 'login'],
    overview: {
      title: seed.title,
      ainfo: username,
      ...(seed.website === undefined ? {} : { url: seed.website, URLs: [{ l: 'website', u: seed.website }] }),
      tags: seed.tags ?? [],
    },
    details: {
      notesPlain: '',
      fields: [
        ...designated.map((field) => ({
          id: field.label,
          name: field.label,
          type: field.label === 'password' ? 'P' : 'T',
          designation: field.label,
          value: field.value,
        })),
        ...(seed.formFields ?? []).map(({ name, value }) => ({ id: name, name, type: 'T', value })),
      ],
      sections: sectionsOf(seed, files),
      ...(document === undefined ? {} : { documentAttributes: stored(document, files) }),
    },
    files,
  };
}

/** Details with further fields, laid out as those of a new item are. */
export function withFields(
  details: Details,
  template: string,
  fields: readonly FieldSeed[],
): { readonly details: Details; readonly files: StoredFiles } {
  const own = Object.entries(templates).find(([name, each]) => each === template && name !== 'document');
  // beside a document, a file is an attachment
  const category = (own?.[0] ?? 'secure-note') as SeedCategory;
  const { details: more, files } = layOut({ title: '', category, fields });
  const sections = [...(details.sections ?? [])];
  for (const section of more.sections ?? []) {
    const at = sections.findIndex(({ title }) => title === section.title);
    const before = sections[at];
    if (before === undefined) sections.push(section);
    else sections[at] = { ...before, fields: [...(before.fields ?? []), ...(section.fields ?? [])] };
  }
  return { details: { ...details, fields: [...(details.fields ?? []), ...(more.fields ?? [])], sections }, files };
}

function documentIn({ category, fields }: ItemSeed): FieldSeed | undefined {
  return category === 'document' ? fields.find(({ type }) => type === 'file') : undefined;
}

function stored({ label, value }: FieldSeed, files: Map<string, Buffer>): FileAttributes {
  const { attributes, content } = sealFile(label, value);
  files.set(attributes.documentId, content);
  return attributes;
}

/** A login's user name and password are not in a section. */
function isDesignated(seed: ItemSeed, field: FieldSeed): boolean {
  if (field.section !== undefined || field.type === 'one-time-password') return false;
  const category = seed.category ?? 'login';
  return (
    (category === 'login' && ['username', 'password'].includes(field.label)) ||
    (category === 'password' && field.label === 'password')
  );
}

function sectionsOf(seed: ItemSeed, files: Map<string, Buffer>): readonly Section[] {
  const document = documentIn(seed);
  const fields = seed.fields.filter((field) => !isDesignated(seed, field) && field !== document);
  const titles = [...new Set(fields.map((field) => field.section ?? ''))];
  return titles.map((title) => ({
    name: title === '' ? 'add more' : `Section_${newId()}`,
    title,
    fields: fields
      .filter((field) => (field.section ?? '') === title)
      .map((field) => ({ n: fieldId(seed, field), t: field.label, ...valueOf(field, files) })),
  }));
}

const kinds: Partial<Record<FieldSeed['type'], string>> = { text: 'string', 'unheard-of': 'unheardOf' };

function valueOf(field: FieldSeed, files: Map<string, Buffer>): Pick<SectionField, 'k' | 'v' | 'a'> {
  const { type, value } = field;
  if (type === 'file') return { k: 'file', v: stored(field, files) };
  if (type === 'ssh-key')
    return { k: 'sshKey', v: value, a: { guarded: 'yes', sshKeyAttributes: sshKeyAttributes(value) } };
  return { k: kinds[type] ?? 'concealed', v: value };
}

/** The template's own fields have their names as ids; others have random ones. */
function fieldId(seed: ItemSeed, field: FieldSeed): string {
  const own = seed.category === 'api-credential' && field.section === undefined && apiCredential.has(field.label);
  const id = field.id ?? (own ? field.label : field.type === 'ssh-key' ? 'private_key' : newId());
  return field.type === 'one-time-password' ? `TOTP_${id.replace(/^TOTP_/, '')}` : id;
}

const apiCredential = new Set(['username', 'credential', 'type', 'filename', 'validFrom', 'expires', 'hostname']);

/** The fields of a decrypted item and its files, for tests. */
export function fieldsOf(
  details: Details,
  files: StoredFiles,
): { id: string; label: string; section?: string; kind: string; value: string }[] {
  const content = (file: FileAttributes) => openFile(file, files.get(file.documentId));
  const plain = (details.fields ?? []).map((field) => ({
    id: field.designation ?? field.id ?? field.name ?? '',
    label: field.name ?? '',
    kind: field.type === 'P' ? 'concealed' : 'string',
    value: field.value,
  }));
  const inSections = (details.sections ?? []).flatMap((section) =>
    (section.fields ?? []).map((field) => ({
      id: field.n,
      label: field.t,
      ...(section.title === '' ? {} : { section: section.title }),
      kind: field.n.startsWith('TOTP_') ? 'one-time-password' : field.k,
      value: field.k === 'file' ? content(field.v as FileAttributes) : String(field.v),
    })),
  );
  const { documentAttributes: file } = details;
  const document =
    file === undefined ? [] : [{ id: file.documentId, label: file.fileName, kind: 'file', value: content(file) }];
  return [...plain, ...inSections, ...document];
}
