import { folded } from '../foundation/names.ts';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { JWK } from 'jose';
import { generateSecret } from 'otplib';
import { type DevelopmentFile, fieldKey } from '../folder/development/read-development.ts';
import { FlowError } from '../foundation/errors.ts';
import type { Folder } from '../folder/load-folder.ts';
import type { ClientUse, UserUse } from '../steps/contract.ts';
import { placeOf } from '../adapters/vaults/rotated-field.ts';
import { Reference } from '../foundation/reference.ts';
import type { Registry } from '../folder/registry.ts';
import { Secret } from '../foundation/secret.ts';
import type { Environment } from '../folder/service/settings.ts';
import { usesIn } from '../folder/folder-uses.ts';
import { laptopKey } from '../app/laptop-stack-file.ts';
import type { ClientSeed, UserSeed } from './identity-provider/options.ts';
import type { FieldSeed, ItemSeed, SeedCategory, VaultSeed } from './vault/seeds.ts';
import { newSshKey } from './vault/ssh-keys.ts';

/** What the laptop stack starts with: everything that the flows of a folder name. */
export interface Filling {
  readonly vaults: readonly VaultSeed[];
  readonly clients: readonly ClientSeed[];
  readonly users: readonly UserSeed[];
}

/**
 * Derives it from the flows and registry.yaml themselves: each reference exists with a generated value (a one-time
 * password where a code is read, an SSH key with `?ssh-format=`, a file where one of its own attributes is read), each
 * `client-id` is a client, each account that signs in a user. What cannot be derived comes from development.yaml. Nothing
 * is the same at the next start.
 * @param before of a stack that runs: what it has keeps its value
 */
export function fill(
  folder: Folder,
  registry: Registry,
  environment: Environment,
  file: DevelopmentFile,
  before?: Filling,
): Filling {
  const contents = createContents(file.values, before?.vaults);
  const uses = usesIn(folder, registry, environment);
  const steps = uses.flatMap((use) => use.steps);
  const keys = new Map<string, JWK>();

  // identities first: their values are not just any text
  const clients = mergeClients(
    steps.flatMap(({ kind, input }) => kind.clients?.(input) ?? []).map((use) => clientSeed(use, contents, keys)),
    file,
  );
  const users = [...steps.flatMap(({ kind, input }) => kind.users?.(input) ?? []), ...file.users].map((user) =>
    userSeed(user, contents),
  );
  const references = uses.flatMap((use) => use.references);
  // a one-time password that is read as a plain value elsewhere is one all the same
  const seeds = references.filter(({ reference, target }) => target === 'one-time-password' || isCode(reference));
  for (const { reference } of seeds) contents.value(reference, 'one-time-password');
  for (const seed of steps.flatMap(({ kind, input }) => kind.seeds?.(input) ?? []))
    contents.value(seed, 'concealed', undefined, generateSecret);
  for (const { reference } of references) if (reference.sshFormat !== undefined) contents.sshKey(reference);
  for (const { reference, target } of references)
    if (target !== 'item' && isFile(reference, file)) contents.value(reference, 'file');
  for (const { reference, target } of references) {
    if (target === 'item') contents.item(reference);
    else if (!contents.derives(reference) && placeOf(reference) === 'current') contents.value(reference);
  }
  for (const vault of uses.flatMap((use) => use.vaultsWritten)) contents.vault(vault);
  for (const settings of environment.notify.values())
    for (const [reference, make] of environment.adapters.channels.get(settings.type)?.samples?.(settings) ?? [])
      contents.value(reference, 'concealed', undefined, make);
  for (const reference of environment.references) contents.value(reference);
  if (environment.key.length === 0) contents.value(laptopKey);
  return { vaults: contents.seeds(), clients, users: uniqueUsers(users) };
}

function isCode(reference: Reference): boolean {
  return /^t?otp$/.test(reference.attribute ?? '');
}

/** Fields have none of these attributes. */
function isFile(reference: Reference, { files }: DevelopmentFile): boolean {
  return files.has(fieldKey(reference)) || /^(?:content|name|size)$/.test(reference.attribute ?? '');
}

/** What a field is as a whole: it cannot be two of these. */
const wholes: Partial<Record<FieldSeed['type'], string>> = {
  'one-time-password': 'a one-time password',
  'ssh-key': 'an SSH key',
  file: 'a file',
};

/** Vaults and items as they come to be named. A name means the same whatever its case, as in 1Password. */
function createContents(given: ReadonlyMap<string, string>, before: readonly VaultSeed[] = []) {
  interface Item {
    readonly title: string;
    readonly fields: Map<string, FieldSeed>;
  }
  const vaults = new Map<string, { readonly name: string; readonly items: Map<string, Item> }>();

  const vault = (name: string) => entry(vaults, name, () => ({ name, items: new Map<string, Item>() }));
  const item = (reference: Reference) =>
    entry(vault(reference.vault).items, reference.item, () => ({
      title: reference.item,
      fields: new Map<string, FieldSeed>(),
    }));

  for (const { name, items } of before) {
    vault(name);
    for (const { title, fields } of items) {
      const known = item(Reference.of({ vault: name, item: title })).fields;
      for (const field of fields) entry(known, nameOf(field.section, field.label), () => field);
    }
  }

  return {
    vault,
    item,
    /** The value of a field, made at the first call: `exact`, else what development.yaml gives, else what `make` makes. */
    value(
      reference: Reference,
      type?: FieldSeed['type'],
      exact?: string,
      make: () => string = () => generated(reference, type),
    ): string {
      const { section, field = 'password' } = reference;
      const name = nameOf(section, field);
      const label = /^(notesPlain|username|password)$/i.test(field) ? field.toLowerCase() : field;
      const found = entry(item(reference).fields, name, () => ({
        label,
        ...(section === undefined ? {} : { section }),
        type: type ?? (/user ?name|email|client.?id|host|url/i.test(field) ? 'text' : 'concealed'),
        value: exact ?? given.get(fieldKey(reference)) ?? make(),
      }));
      const whole = type === undefined ? undefined : wholes[type];
      if (whole !== undefined && found.type !== type) {
        const other = wholes[found.type] ?? 'a password or secret';
        throw new FlowError('invalid', `is ${whole} in one place, and ${other} in another`, {
          hint: 'give each a field of its own',
          place: { subject: reference.toString() },
        });
      }
      return found.value;
    },
    sshKey(reference: Reference): void {
      this.value(reference, 'ssh-key', newSshKey());
    },
    /** Whether it is no field of its own: an SSH key's public half, which its item gives beside it. */
    derives(reference: Reference): boolean {
      const { field = '', section } = reference;
      if (section !== undefined || !/^(?:public key|fingerprint|key type)$/i.test(field)) return false;
      return [...item(reference).fields.values()].some(({ type }) => type === 'ssh-key');
    },
    seeds: (): VaultSeed[] =>
      [...vaults.values()].map(({ name, items }) => ({
        name,
        items: [...items.values()].map(({ title, fields }) => itemSeed(title, [...fields.values()])),
      })),
  };
}

function nameOf(section: string | undefined, field: string): string {
  return `${section ?? ''}/${field}`;
}

type Contents = ReturnType<typeof createContents>;

function itemSeed(title: string, fields: readonly FieldSeed[]): ItemSeed {
  return { title, category: categoryOf(fields), fields };
}

function categoryOf(fields: readonly FieldSeed[]): SeedCategory {
  const [first, second] = fields;
  if (fields.some(({ type }) => type === 'ssh-key')) return 'ssh-key';
  // a document in a section would be an attachment
  if (first?.type === 'file' && first.section === undefined && second === undefined) return 'document';
  return fields.some(({ label }) => label === 'credential') ? 'api-credential' : 'login';
}

function generated(reference: Reference, type: FieldSeed['type'] | undefined): string {
  if (type === 'one-time-password') return generateSecret();
  if (/user ?name|client.?id/i.test(reference.field ?? ''))
    return `${slug(reference.item)}-${randomBytes(3).toString('hex')}`;
  return randomBytes(24).toString('base64url');
}

/** The client that a step is, as the provider is to know it. */
function clientSeed(use: ClientUse, contents: Contents, keys: Map<string, JWK>): ClientSeed {
  const { id, key, audiences, scopes, tokenFormat, asks = true } = use;
  // a rotation begins with the one in force
  const secrets = use.secrets.filter((secret) => placeOf(secret) === 'current');
  return {
    clientId: id instanceof Reference ? contents.value(id, 'text') : id,
    ...(secrets.length === 0
      ? {}
      : { secrets: secrets.map((secret) => new Secret(contents.value(secret, 'concealed'))) }),
    ...(key === undefined ? {} : { publicKey: clientKey(key, contents, keys) }),
    ...(asks && audiences.length === 0 ? {} : { audiences }),
    ...(asks && scopes.length === 0 ? {} : { scopes }),
    ...(tokenFormat === 'opaque' ? { tokenFormat } : {}),
  };
}

/** A private key in the vault (PKCS #8), and its public half for the provider. */
function clientKey(reference: Reference, contents: Contents, keys: Map<string, JWK>): JWK {
  return entry(keys, reference.toString(), () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    contents.value(reference, 'concealed', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    return { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' };
  });
}

/** Several steps may be one client: it may do what any of them asks for. */
function mergeClients(seeds: readonly ClientSeed[], file: DevelopmentFile): ClientSeed[] {
  const merged = new Map<string, ClientSeed>();
  for (const seed of seeds) {
    const before = merged.get(seed.clientId);
    merged.set(seed.clientId, before === undefined ? seed : union(before, seed));
  }
  // a secret that a flow hands from step to step is not known here
  const known = [...merged.values()].filter(
    ({ secrets, publicKey }) => secrets !== undefined || publicKey !== undefined,
  );
  return known.map((seed) => ({ ...seed, ...file.clients.get(seed.clientId) }));
}

/** A list that one of them leaves open stays open. */
function union(one: ClientSeed, other: ClientSeed): ClientSeed {
  const { audiences: oneAudiences, scopes: oneScopes, ...rest } = { ...one, ...withoutLists(other) };
  const both = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined) =>
    a === undefined || b === undefined ? undefined : [...new Set([...a, ...b])];
  const audiences = both(oneAudiences, other.audiences);
  const scopes = both(oneScopes, other.scopes);
  const secrets = [...(one.secrets ?? []), ...(other.secrets ?? [])];
  return {
    ...rest,
    ...(secrets.length === 0 ? {} : { secrets: distinct(secrets) }),
    ...(audiences === undefined ? {} : { audiences }),
    ...(scopes === undefined ? {} : { scopes }),
  };
}

function withoutLists({
  audiences: _audiences,
  scopes: _scopes,
  ...rest
}: ClientSeed): Omit<ClientSeed, 'audiences' | 'scopes'> {
  return rest;
}

function distinct(secrets: readonly Secret[]): Secret[] {
  return secrets.filter((secret, index) => secrets.findIndex((each) => each.equals(secret)) === index);
}

/** A user as a step or development.yaml tells of it. */
function userSeed({ username: userName, password, oneTimePassword: seed }: UserUse, contents: Contents): UserSeed {
  contents.value(password.sibling('username'), 'text', userName);
  return {
    userName,
    ...(userName.includes('@') ? { email: userName } : {}),
    password: new Secret(contents.value(password, 'concealed')),
    ...(seed === undefined ? {} : { totpSeed: new Secret(contents.value(seed, 'one-time-password')) }),
  };
}

function uniqueUsers(users: readonly UserSeed[]): UserSeed[] {
  return [...new Map(users.map((user) => [user.userName.toLowerCase(), user])).values()];
}

function entry<T>(map: Map<string, T>, name: string, make: () => T): T {
  const key = folded(name);
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
