import { codeAt, parseOneTimePassword } from '../../../foundation/totp.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { StoredItem, StoredVault } from '../contents.ts';
import { type Details, type Overview, type SectionField, templates } from '../item-format.ts';
import type { FileAttributes } from '../files.ts';

/** An item that was opened. */
export interface OpenItem {
  readonly vault: StoredVault;
  readonly item: StoredItem;
  readonly overview: Overview;
  readonly details: Details;
}

/** Connect's name of a kind of field. */
const types: Readonly<Record<string, string>> = {
  string: 'STRING',
  concealed: 'CONCEALED',
  email: 'EMAIL',
  URL: 'URL',
  date: 'DATE',
  monthYear: 'MONTH_YEAR',
  menu: 'MENU',
  sshKey: 'SSHKEY',
};

/** An item as lists have it. */
export function summaryOf({ vault, item, overview }: Omit<OpenItem, 'details'>) {
  const category = Object.entries(templates).find(([, template]) => template === item.templateUuid)?.[0] ?? 'custom';
  return {
    id: item.uuid,
    title: overview.title,
    version: item.itemVersion,
    vault: { id: vault.id, name: vault.name },
    category: category.toUpperCase().replaceAll('-', '_'),
    tags: overview.tags ?? [],
    urls: (overview.URLs ?? []).map(({ l: label, u: href }, index) => ({ label, primary: index === 0, href })),
    ...(item.trashed === 'Y' ? { state: 'ARCHIVED' } : {}),
    lastEditedBy: item.changerUuid,
    createdAt: item.createdAt,
    updatedAt: item.updatedAt,
  };
}

/** An item with its fields and files. @param at epoch milliseconds, for one-time codes */
export async function wholeOf(open: OpenItem, at: number) {
  const { vault, item, details } = open;
  const sections = details.sections ?? [];
  const inSections = sections.flatMap(({ name, fields = [] }) =>
    fields.filter(({ k }) => k !== 'file').map((field) => fieldsOf(field, name, at)),
  );
  const plain = (details.fields ?? []).flatMap(({ designation, type, value }) =>
    designation === undefined
      ? []
      : [
          {
            id: designation,
            type: type === 'P' ? 'CONCEALED' : 'STRING',
            purpose: designation.toUpperCase(),
            label: designation,
            value,
          },
        ],
  );
  const notes = { id: 'notesPlain', type: 'STRING', purpose: 'NOTES', label: 'notesPlain', value: details.notesPlain };
  return {
    ...summaryOf(open),
    sections: sections.map(({ name, title }) => ({ id: name, ...(title === '' ? {} : { label: title }) })),
    fields: [...plain, notes, ...(await Promise.all(inSections)).flat()],
    files: filesOf(details).map(({ attributes, section }) => ({
      id: attributes.documentId,
      name: attributes.fileName,
      size: attributes.unencryptedSize,
      content_path: `/v1/vaults/${vault.id}/items/${item.uuid}/files/${attributes.documentId}/content`,
      ...(section === undefined ? {} : { section: { id: section } }),
    })),
  };
}

async function fieldsOf(field: SectionField, section: string, at: number): Promise<readonly object[]> {
  const value = String(field.v);
  if (field.k === 'sshKey') return sshFields(field, value);
  const place = { id: field.n, section: { id: section }, label: field.t, value };
  if (!field.n.startsWith('TOTP_')) return [{ ...place, type: types[field.k] ?? field.k.toUpperCase() }];
  const totp = await parseOneTimePassword(new Secret(value)).then(
    async (password) => (await codeAt(password, at)).reveal(),
    () => undefined,
  );
  return [{ ...place, type: 'OTP', ...(totp === undefined ? {} : { totp }) }];
}

function sshFields({ n, t, a }: SectionField, value: string): readonly object[] {
  const { publicKey, fingerprint, keyType } = (a as { readonly sshKeyAttributes: SshKeyAttributes }).sshKeyAttributes;
  return [
    { id: n, type: 'SSHKEY', label: t, value },
    { id: 'public_key', type: 'STRING', label: 'public key', value: publicKey },
    { id: 'fingerprint', type: 'STRING', label: 'fingerprint', value: fingerprint },
    { id: 'key_type', type: 'STRING', label: 'key type', value: keyType.t },
  ];
}

interface SshKeyAttributes {
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly keyType: { readonly t: string };
}

/** The files of an item; one that is a document stands in no section. */
export function filesOf({ sections = [], documentAttributes }: Details): readonly {
  readonly attributes: FileAttributes;
  readonly section?: string;
}[] {
  const attached = sections.flatMap(({ name, fields = [] }) =>
    fields.filter(({ k }) => k === 'file').map(({ v }) => ({ attributes: v as FileAttributes, section: name })),
  );
  return documentAttributes === undefined ? attached : [...attached, { attributes: documentAttributes }];
}
