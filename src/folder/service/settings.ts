import { sameName } from '../../foundation/names.ts';
import type { Adapters } from '../../adapters/adapters.ts';
import type { ApiRules } from '../../adapters/apis/contract.ts';
import type { ClientCredentials } from '../../adapters/issuers/client.ts';
import type { Attribution } from '../../adapters/issuers/contract.ts';
import type { Declaration, Settings as OwnSettings } from '../../adapters/declaration.ts';
import {
  connectionKinds,
  type ConnectionKind,
  type Keys,
  type Named,
  type TokenSource,
  type TypedSettings,
} from '../../language/forms.ts';
import type { Range, Source } from '../../language/problems.ts';
import type { Rate } from '../../language/rate.ts';
import { Reference } from '../../foundation/reference.ts';

/** service.yaml, parsed once. */
export interface Settings {
  /** undefined where the folder has no service.yaml */
  readonly file: string | undefined;
  /** its text, for what is found out later; undefined too where it is no YAML */
  readonly source?: Pick<Source, 'file' | 'text' | 'hidden'> | undefined;
  readonly defaultEnvironment: string | undefined;
  /** with the built-in `development` where the file names none */
  readonly environments: ReadonlyMap<string, Environment>;
}

export type Plain = string | number | boolean;

/** What development.yaml chooses. */
export interface Played {
  readonly vault: string | undefined;
  readonly 'identity-providers': ReadonlyMap<string, string>;
}

export interface Environment {
  readonly name: string;
  /** the built-in one: its connections and key come from `flows dev`, any name of a connection or variable is taken */
  readonly laptop: boolean;
  /** plain http and a vault outside 1Password's domains are allowed, on this machine only */
  readonly development: boolean;
  readonly vars: ReadonlyMap<string, Plain>;
  /** a forward proxy for everything but loopback; undefined: the process's own, as HTTPS_PROXY says */
  readonly proxy: string | undefined;
  /** root of our own keys: none, one, or two (new, old) */
  readonly key: readonly Reference[];
  readonly vaults: readonly VaultEntry[];
  /** by kind and name */
  readonly connections: Readonly<Record<ConnectionKind, ReadonlyMap<string, TypedSettings>>>;
  /** on the laptop: types that it plays instead of the usual ones; identity providers by their name */
  readonly played: Played;
  /** channels by which people are told, by name */
  readonly notify: ReadonlyMap<string, TypedSettings>;
  /** clients of the page that are not public */
  readonly pageClients: readonly PageClient[];
  /** what its connections, channels and clients, and `key:`, are read by */
  readonly references: readonly Reference[];
  /** what its connections name */
  readonly named: readonly NamedThing[];
  /** those there are, whether it has them or not */
  readonly adapters: Adapters;
  readonly cache: CacheSettings;
  readonly audit: AuditSettings;
  readonly runs: RunSettings;
  readonly server: ServerSettings;
  readonly mcp: McpSettings;
  /** variables of the process's environment that service.yaml names here and that are not set; it cannot be used */
  readonly unset: readonly string[];
}

/** A client of the page, at an issuer where people sign in. */
export interface PageClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly credentials: ClientCredentials;
  /** where they stand in service.yaml */
  readonly ranges: { readonly issuer: Range; readonly clientId: Range };
}

/** Where the broker keeps its audit trail. */
export interface AuditSettings {
  /** undefined: a file in the user's state folder */
  readonly file: string | undefined;
  /** undefined: checkpoints go to stderr */
  readonly anchor: string | undefined;
  /** `every`: the repeat of a grant waits for the disk too */
  readonly flush: 'first' | 'every';
}

/** Where the broker keeps runs. */
export interface RunSettings {
  /** where the address of a PostgreSQL is; undefined: a database in the broker's process */
  readonly database: TokenSource | undefined;
}

/** Where `flows serve` listens. */
export interface ServerSettings {
  /** undefined: 127.0.0.1, unless there is a socket */
  readonly host: string | undefined;
  /** undefined: 7700; 0: any free one */
  readonly port: number | undefined;
  /** path of a Unix socket */
  readonly socket: string | undefined;
  /** names by which clients call it, besides those of its certificate */
  readonly names: readonly string[];
  /** the page for people: at localhost, or at an https origin; undefined: on the laptop alone */
  readonly page: boolean | string | undefined;
  /** MCP clients are answered */
  readonly mcp: boolean;
  /** Vault's clients are answered; undefined: they are not */
  readonly vaultApi: { readonly rate: Rate | undefined } | undefined;
  /** PEM files */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
}

/** What MCP clients are shown. */
export interface McpSettings {
  /** flows that are tools of their own */
  readonly tools: readonly string[];
}

/** How long the broker keeps values, in memory. */
export interface CacheSettings {
  /** seconds, where registry.yaml has none for a name */
  readonly defaultTtl: number;
  /** seconds, whatever registry.yaml says */
  readonly maxTtl: number;
  readonly maxEntries: number;
}

/** One entry of `vault:`. */
export interface VaultEntry {
  readonly type: string;
  /** names or ids that this entry serves; undefined: all that no other entry names */
  readonly vaults: readonly string[] | undefined;
  readonly settings: TypedSettings;
}

/** Something that a connection names and that must exist: a flow, an issuer. */
export interface NamedThing {
  readonly of: Named;
  readonly name: string;
  /** the connection that names it; undefined: it is named as an MCP tool */
  readonly by: { readonly kind: ConnectionKind; readonly name: string } | undefined;
  readonly range: Range;
}

/** A variable of an environment. On the laptop a variable that no environment declares has its own name as value. */
export function variable(environment: Environment, name: string): Plain | undefined {
  return environment.vars.get(name) ?? (environment.laptop ? name : undefined);
}

/** Whether an entry of the environment's `vault:` serves a vault, by name or id, whatever its case. */
export function servesVault(environment: Environment, vault: string): boolean {
  if (environment.laptop) return true;
  return environment.vaults.some(({ vaults }) => vaults?.some((each) => sameName(each, vault)) ?? true);
}

/** An adapter of a kind of connection. */
type AdapterOf<K extends ConnectionKind> = Adapters[K] extends ReadonlyMap<string, infer A> ? A : never;

/** Who serves a connection. On the laptop, where any name is taken, it is the adapter that the laptop plays. */
export function adapterOf<K extends ConnectionKind>(
  { adapters, connections, laptop, played: chosen }: Environment,
  kind: K,
  name: string,
): AdapterOf<K> | undefined {
  const all: ReadonlyMap<string, { readonly laptop?: unknown }> = adapters[kind];
  const type =
    connections[kind].get(name)?.type ??
    (kind === 'identity-providers' ? chosen['identity-providers'].get(name) : undefined);
  const played = laptop ? [...all.values()].find((each) => each.laptop !== undefined) : undefined;
  return (type === undefined ? played : all.get(type)) as AdapterOf<K> | undefined;
}

/** What the tokens of an issuer say of the agent; undefined where service.yaml says nothing of it. */
export function attributionOf({ connections }: Environment, issuer: string | undefined): Attribution | undefined {
  return connections.issuers.get(issuer ?? '')?.['attribution'] as Attribution | undefined;
}

/** What may be asked of an API; undefined where service.yaml says nothing of it, or too little. */
export function apiRulesOf({ adapters, connections }: Environment, api: string): ApiRules | undefined {
  const settings = connections.apis.get(api);
  const adapter = adapters.apis.get(settings?.type ?? '');
  return settings !== undefined && adapter !== undefined && isWhole(adapter, settings)
    ? adapter.rules(settings)
    : undefined;
}

/** Whether settings have everything that their adapter demands. */
export function isWhole({ keys }: { readonly keys: Keys }, settings: TypedSettings): boolean {
  return Object.entries(keys).every(([key, { required }]) => !required || settings[key] !== undefined);
}

/** The plain fields that `${{ issuers.main.url }}` may name. */
export function plainFields(environment: Environment, kind: ConnectionKind, name: string): readonly string[] {
  return adapterOf(environment, kind, name)?.plain ?? [];
}

/** The plain fields of a connection as these settings have them. */
export function plainOf(
  { type, plain }: Pick<Declaration<never, never, unknown>, 'type' | 'plain'>,
  settings: OwnSettings,
) {
  const fields = plain.map((field): readonly [string, unknown] => [field, field === 'type' ? type : settings[field]]);
  return Object.fromEntries(
    fields.filter((each): each is readonly [string, Plain] => ['string', 'number', 'boolean'].includes(typeof each[1])),
  );
}

/** Where the tokens of its connections, and the address of its database, are: whatever is secret and not in the vault. */
export function tokenSources({ adapters, connections, vaults, runs }: Environment): readonly TokenSource[] {
  const settings: (readonly [Keys, TypedSettings])[] = vaults.map((entry) => [
    adapters.vaults.get(entry.type)?.keys ?? {},
    entry.settings,
  ]);
  for (const kind of connectionKinds) {
    for (const each of connections[kind].values()) settings.push([adapters[kind].get(each.type)?.keys ?? {}, each]);
  }
  const ofConnections = settings.flatMap(([keys, each]) =>
    Object.entries(keys).flatMap(([name, { form }]) => {
      const taken = form.kind === 'union' ? form.of : [form];
      if (!taken.some((one) => one.kind === 'object' && one.source === 'token')) return [];
      const token = each[name] as TokenSource | Reference | undefined;
      return token === undefined || token instanceof Reference ? [] : [token];
    }),
  );
  return [...(runs.database === undefined ? [] : [runs.database]), ...ofConnections];
}

/** The variables of the process's environment that hold a token of any of its connections. */
export function tokenVariables(environment: Environment): readonly string[] {
  return tokenSources(environment).flatMap((token) => ('env' in token ? [token.env] : []));
}
