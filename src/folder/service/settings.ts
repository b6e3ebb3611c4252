import type { ConnectionKind } from '../../language/forms.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { QuotaSettings } from '../../adapters/vaults/quota.ts';
import type { TokenSource } from '../../adapters/vaults/token-source.ts';

/** service.yaml, parsed once. */
export interface Settings {
  /** undefined where the folder has no service.yaml */
  readonly file: string | undefined;
  readonly defaultEnvironment: string | undefined;
  /** with the built-in `development` where the file names none */
  readonly environments: ReadonlyMap<string, Environment>;
}

export type Plain = string | number | boolean;

export interface Environment {
  readonly name: string;
  /** the built-in one: its connections and key come from `flows dev`, any name of a connection or variable is taken */
  readonly laptop: boolean;
  /** plain http and a vault outside 1Password's domains are allowed, on this machine only */
  readonly development: boolean;
  readonly vars: ReadonlyMap<string, Plain>;
  /** root of our own keys: none, one, or two (new, old) */
  readonly key: readonly Reference[];
  readonly vaults: readonly VaultSettings[];
  readonly issuers: ReadonlyMap<string, IssuerSettings>;
  readonly identityProviders: ReadonlyMap<string, IdentityProviderSettings>;
  readonly stores: ReadonlyMap<string, StoreSettings>;
  readonly cache: CacheSettings;
  readonly audit: AuditSettings;
  readonly server: ServerSettings;
  /** variables of the process's environment that service.yaml names here and that are not set; it cannot be used */
  readonly unset: readonly string[];
}

/** Where the broker keeps its audit trail. */
export interface AuditSettings {
  /** undefined: a file in the user's state folder */
  readonly file: string | undefined;
  /** undefined: checkpoints go to stderr */
  readonly anchor: string | undefined;
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
  /** PEM files */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
}

/** How long the broker keeps values, in memory. */
export interface CacheSettings {
  /** seconds, where registry.yaml has none for a name */
  readonly defaultTtl: number;
  /** seconds, whatever registry.yaml says */
  readonly maxTtl: number;
  readonly maxEntries: number;
}

export interface VaultSettings {
  readonly type: 'onepassword';
  /** names or ids that this entry serves; undefined: all that no other entry names */
  readonly vaults: readonly string[] | undefined;
  readonly token: TokenSource | undefined;
  /** account name of the desktop app, instead of a token */
  readonly account: string | undefined;
  /** undefined: the service tells none, as for the desktop app */
  readonly quota: QuotaSettings | undefined;
}

export interface IssuerSettings {
  readonly url: string;
  readonly discovery: 'oidc' | 'oauth2';
  /** expected `typ` header of its JWTs */
  readonly typ: string | undefined;
  readonly algorithms: readonly string[] | undefined;
}

export interface IdentityProviderSettings {
  readonly type: 'scim';
  readonly url: string;
  /** name of the flow that gives the bearer token */
  readonly tokenFlow: string;
  readonly signIn: SignInSettings | undefined;
}

export interface SignInSettings {
  /** name of an issuer of the same environment */
  readonly issuer: string;
  readonly clientId: string;
  readonly redirectUri: string;
  /** which forms its pages have; undefined: they cannot be driven */
  readonly pages: 'keycloak' | undefined;
}

export interface StoreSettings {
  readonly type: 'aws-secrets-manager';
  readonly region: string;
  readonly account: string | undefined;
  readonly endpoint: string | undefined;
  readonly profile: string | undefined;
  /** instead of the one derived from `key:`: none, one, or two (new, old) */
  readonly fingerprintKey: readonly Reference[];
}

/** A variable of an environment. On the laptop a variable that no environment declares has its own name as value. */
export function variable(environment: Environment, name: string): Plain | undefined {
  return environment.vars.get(name) ?? (environment.laptop ? name : undefined);
}

/** Whether an entry of the environment's `vault:` serves a vault, by name or id, whatever its case. */
export function servesVault(environment: Environment, vault: string): boolean {
  if (environment.laptop) return true;
  const wanted = vault.toLowerCase();
  return environment.vaults.some(({ vaults }) => vaults?.some((each) => each.toLowerCase() === wanted) ?? true);
}

/** The names of an environment's connections of a kind. */
export function connectionNames(environment: Environment, kind: ConnectionKind): readonly string[] {
  return [...connectionsOf(environment, kind).keys()];
}

/** The plain fields that `${{ issuers.main.url }}` may name, by kind. */
export const plainFields: Readonly<Record<ConnectionKind, readonly string[]>> = {
  issuers: ['url'],
  'identity-providers': ['type', 'url'],
  stores: ['type', 'region', 'account'],
};

/** The plain fields of a connection as service.yaml has them; undefined where there is no such connection. */
export function plainOf(
  environment: Environment,
  kind: ConnectionKind,
  name: string,
): Readonly<Record<string, Plain>> | undefined {
  const connection = connectionsOf(environment, kind).get(name);
  if (connection === undefined) return undefined;
  const fields = Object.entries(connection).filter(([field]) => plainFields[kind].includes(field));
  return Object.fromEntries(fields.flatMap(([field, value]) => (typeof value === 'string' ? [[field, value]] : [])));
}

function connectionsOf(environment: Environment, kind: ConnectionKind): ReadonlyMap<string, object> {
  const all: Readonly<Record<ConnectionKind, ReadonlyMap<string, object>>> = {
    issuers: environment.issuers,
    'identity-providers': environment.identityProviders,
    stores: environment.stores,
  };
  return all[kind];
}
