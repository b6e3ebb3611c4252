import { folded } from '../../foundation/names.ts';
import { join } from 'node:path';
import type { BrokerFiles } from '../policy-and-registry.ts';
import type { Attribution } from '../../adapters/issuers/contract.ts';
import { attributionOf } from '../service/settings.ts';
import { developmentKeys } from './development-keys.ts';
import { compileObject } from '../../language/compile.ts';
import { evaluateKeys } from '../../language/evaluate.ts';
import type { InputOf } from '../../language/forms.ts';
import { mismatch } from '../../language/compile-reference.ts';
import type { Folder } from '../load-folder.ts';
import { nearest, suggest } from '../../language/nearest-name.ts';
import { openYaml } from '../../language/yaml-file.ts';
import { createSource, type Problem, type Source } from '../../language/problems.ts';
import { type Entry, type Node, readYaml } from '../../language/yaml.ts';
import { Reference } from '../../foundation/reference.ts';
import { chosenTypes, playedTypes } from './played-types.ts';
import { usesIn } from '../folder-uses.ts';

type Written = InputOf<typeof developmentKeys>;
type Found = Omit<DevelopmentFile, 'problems' | 'warnings'>;

/** development.yaml: what the laptop stack cannot derive from the flows. */
export interface DevelopmentFile {
  /** by {@link fieldKey} */
  readonly values: ReadonlyMap<string, string>;
  /** fields that are text files, by {@link fieldKey} */
  readonly files: ReadonlySet<string>;
  /** by client id; what is given replaces what the flows tell of it */
  readonly clients: ReadonlyMap<string, DevelopmentClient>;
  readonly users: readonly {
    readonly username: string;
    readonly password: Reference;
    readonly oneTimePassword: Reference | undefined;
  }[];
  readonly ordersApi: { readonly audience: string; readonly scope: string };
  /** of the laptop's issuer: as it stands here, else as another environment's issuer has it */
  readonly attribution: Attribution | undefined;
  /** where there are any, the rest must not be used */
  readonly problems: readonly Problem[];
  /** lines that do nothing */
  readonly warnings: readonly Problem[];
}

interface DevelopmentClient {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly audiences?: readonly string[];
  readonly scopes?: readonly string[];
  /** seconds */
  readonly tokenTtl?: number;
}

/** One field however a reference to it is written: names mean the same whatever their case, as in 1Password. */
export function fieldKey({ vault, item, section, field }: Reference): string {
  return folded(Reference.of({ vault, item, section, field }).toString());
}

/** development.yaml of a folder, or its defaults, checked against what the files beside it name. */
export function loadDevelopmentFile(folder: Folder, broker: BrokerFiles): DevelopmentFile {
  const file = openYaml(join(folder.dir, 'development.yaml'));
  const { source } = file;
  const written = read(file.exists ? file.root : readYaml(createSource('', '{}')), source);
  const values = new Map<string, string>();
  for (const { key, keyRange, value } of entriesOf(file.root, 'values')) {
    // what is no secret there is no part of any problem
    source.hidden.push(value.range);
    const reference = Reference.parse(key);
    const trouble = reference instanceof Reference ? mismatch(reference, 'field') : reference;
    if (trouble !== undefined) source.report(keyRange, `"${key}" ${trouble.problem}`, trouble.hint);
    if (trouble !== undefined || !(reference instanceof Reference)) continue;
    const field = fieldKey(reference);
    if (values.has(field)) source.report(keyRange, `the field of "${key}" stands here twice`, 'keep one of them');
    values.set(field, written.values[key] ?? '');
  }
  const found = fileOf(written, values, folder);
  for (const { kind, name, node } of chosenTypes(file.root)) {
    const types = playedTypes(environmentOf(folder)?.adapters, kind);
    const { type } = (kind === 'vaults' ? written.vault : written['identity-providers'][name]) ?? {};
    if (node === undefined || type === undefined || types.includes(type)) continue;
    source.report(
      node.range,
      `the laptop does not play "${type}"`,
      suggest(type, types) ?? `it plays ${types.join(', ')}`,
    );
  }
  // of what is broken nobody knows what it names
  if (folder.broken.size === 0 && [...source.problems, ...broker.problems].length === 0)
    checkNames(file.root, found, source, folder, broker);
  return { ...found, problems: file.problems(), warnings: file.warnings() };
}

function read(root: Node | undefined, source: Source): Written {
  const form = { kind: 'object', keys: developmentKeys } as const;
  const object =
    root === undefined ? undefined : compileObject(root, form, { source, what: 'development.yaml', key: '' });
  const nothing = { problem: 'expressions are not taken in development.yaml', hint: 'write the value' };
  const { known } =
    object === undefined ? { known: {} } : evaluateKeys(object, { resolve: () => nothing, report: source.report });
  const defaults = Object.entries(developmentKeys).map(([key, { default: value }]) => [key, value]);
  return { ...Object.fromEntries(defaults), ...known } as Written;
}

function fileOf(
  { files, clients, users, 'orders-api': ordersApi, attribution }: Written,
  values: DevelopmentFile['values'],
  { settings }: Folder,
): Found {
  const declared = [...settings.environments.values()].flatMap((environment) =>
    [...environment.connections.issuers.keys()].flatMap((name) => attributionOf(environment, name) ?? []),
  );
  return {
    values,
    attribution: attribution ?? declared[0],
    files: new Set(files.map(fieldKey)),
    clients: new Map(
      Object.entries(clients).map(([clientId, { 'token-ttl': tokenTtl, ...client }]) => {
        const given = Object.entries({ ...client, tokenTtl }).filter(([, value]) => value !== undefined);
        return [clientId, Object.fromEntries(given)];
      }),
    ),
    users: users.map(({ username, password, 'one-time-password': oneTimePassword }) => ({
      username,
      password,
      oneTimePassword,
    })),
    ordersApi,
  };
}

/** A line about what nothing in the folder names would do nothing, and nobody would notice. */
function checkNames(
  root: Node | undefined,
  { values, users }: Found,
  source: Source,
  folder: Folder,
  { registry }: BrokerFiles,
): void {
  const environment = environmentOf(folder);
  // without a variable of this environment nobody knows what is read
  if (root === undefined || environment === undefined || environment.unset.length > 0) return;
  const uses = usesIn(folder, registry, environment);
  const references = [
    ...uses.flatMap((use) => use.references).flatMap(({ reference, target }) => (target === 'item' ? [] : [reference])),
    ...users.flatMap(({ password, oneTimePassword }) => [password, oneTimePassword ?? password]),
    ...environment.references,
  ];
  const fields = new Map(references.map((reference) => [fieldKey(reference), reference.toString()]));
  const named = [
    ...entriesOf(root, 'values').map(({ key, keyRange }) => ({ written: key, range: keyRange })),
    ...itemsOf(root, 'files').flatMap((item) =>
      item.kind === 'scalar' ? { written: item.written, range: item.range } : [],
    ),
  ];
  for (const { written, range } of named) {
    const reference = Reference.parse(written);
    if (reference instanceof Reference && fields.has(fieldKey(reference))) continue;
    const near = nearest(written, fields.values());
    const hint =
      near === undefined ? 'leave it out, or name it in a flow or in registry.yaml' : `did you mean "${near}"?`;
    source.warn(range, `nothing in environment "development" reads "${written}"`, hint);
  }
  const clients = uses
    .flatMap((use) => use.steps)
    .flatMap(({ kind, input }) => kind.clients?.(input) ?? [])
    .map(({ id }) => (id instanceof Reference ? values.get(fieldKey(id)) : id))
    .filter((id) => typeof id === 'string');
  for (const { key, keyRange } of entriesOf(root, 'clients')) {
    if (clients.includes(key)) continue;
    const near = nearest(key, clients);
    const hint =
      near === undefined
        ? 'where client-id is a reference, give it this value under values:'
        : `did you mean "${near}"?`;
    source.warn(keyRange, `no flow in environment "development" has the client id "${key}"`, hint);
  }
}

function environmentOf({ settings }: Folder) {
  return settings.environments.get('development');
}

function entriesOf(root: Node | undefined, key: string): readonly Entry[] {
  const value = under(root, key);
  return value?.kind === 'mapping' ? value.entries : [];
}

function itemsOf(root: Node | undefined, key: string): readonly Node[] {
  const value = under(root, key);
  return value?.kind === 'list' ? value.items : [];
}

function under(root: Node | undefined, key: string): Node | undefined {
  return root?.kind === 'mapping' ? root.entries.find((entry) => entry.key === key)?.value : undefined;
}
