import type { LaptopStack } from '../adapters/laptop-stack.ts';
import type { KeyLabel } from '../foundation/key-derivation.ts';
import { laptopKey } from './laptop-stack-file.ts';
import { createEnvironmentKeys, type Keys } from './root-key.ts';
import type { TakenEnvironment } from '../foundation/environment-variables.ts';
import type { ConnectionKind } from '../language/forms.ts';
import { createScimProvider } from '../adapters/identity/scim/provider.ts';
import { createSignIn } from '../adapters/identity/sign-in-pages/sign-in.ts';
import type { IdentityProvider } from '../adapters/identity/contract.ts';
import type { Issuer } from '../adapters/issuers/contract.ts';
import { createIssuer } from '../adapters/issuers/openid/issuer.ts';
import { clockSkewOf } from '../adapters/issuers/openid/transport.ts';
import type { Secret } from '../foundation/secret.ts';
import { type Environment, type Plain, plainOf, type SignInSettings } from '../folder/service/settings.ts';
import { createSecretsManagerStore } from '../adapters/stores/aws-secrets-manager/store.ts';
import type { SecretStore } from '../adapters/stores/contract.ts';
import type { Vault } from '../adapters/vaults/contract.ts';
import { createReadTogether, type ReadOne } from '../adapters/vaults/read-together.ts';
import { createGovernedVaults, type GovernedVaults } from './governed-vaults.ts';
import type { EntryQuota, QuotaEvent } from '../adapters/vaults/quota.ts';

/** The adapters of one environment, each built when it is first asked for. */
export interface Connections {
  readonly vault: Vault;
  /** One reference of the vault; what is asked for side by side goes in one call. @throws FlowError, with the reference */
  readonly read: ReadOne;
  /** The same for break-glass flows: they may use what is kept of the vault's quota, and ask whatever failed before. */
  readonly urgent: { readonly vault: Vault; readonly read: ReadOne };
  get(kind: ConnectionKind, name: string): Issuer | IdentityProvider | SecretStore;
  plain(kind: ConnectionKind, name: string): Readonly<Record<string, Plain>>;
  /**
   * The next call of the vault reads the environment's `key:` too, so that it costs none of its own.
   * @param urgent that call is a break-glass flow's
   */
  expectKeys(urgent?: boolean): void;
  /** The `key:` was read already, or asked for. */
  hasKeys(): boolean;
  /** Keys derived from the environment's `key:`, new first. */
  derivedKeys(label: KeyLabel): Promise<Keys>;
  /** Seconds that the local clock is ahead of an issuer's, asked once; undefined where no issuer answers soon. */
  clockSkew(): Promise<number | undefined>;
  /** requests made so far */
  requests(): { readonly vault: number; readonly token: number; readonly store: number };
  /** what this machine has used of each vault's quota, of those that were asked already */
  quotas(): readonly EntryQuota[];
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly environment: Environment;
  /** the running development stack; given for the laptop environment */
  readonly stack: LaptopStack | undefined;
  readonly taken: TakenEnvironment;
  readonly stateFolder: string;
  readonly now: () => number;
  /** the token that an identity provider's `token-flow` gives; undefined where it has none */
  readonly providerToken: (provider: string) => ((refused?: Secret) => Promise<Secret>) | undefined;
  readonly warn: (message: string) => void;
  /** a vault is left alone, or its quota is used up, or either is over */
  readonly onQuota: (event: QuotaEvent) => void;
}

export function createConnections(options: ConnectionOptions): Connections {
  const { environment, stack, now } = options;
  const { development } = environment;
  const { vault, urgent, quotas } = createVault(options);
  const together = createReadTogether(vault);
  const urgentTogether = createReadTogether(urgent);
  const issuers = new Map<string, Issuer>();
  const providers = new Map<string, IdentityProvider>();
  const stores = new Map<string, SecretStore>();
  const keyReferences = environment.key.length === 0 && stack !== undefined ? [laptopKey] : environment.key;
  let keyReader = together;
  const keys = createEnvironmentKeys(keyReferences, () => keyReader);

  const issuer = (name: string): Issuer =>
    once(issuers, name, () => {
      if (stack !== undefined) return createIssuer({ name, url: stack.issuer, development, now });
      const { url, discovery, typ, algorithms } = known(environment.issuers.get(name), 'issuers', name);
      return createIssuer({ name, url, development, discovery, typ, algorithms, now });
    });

  const signIn = (settings: SignInSettings | undefined) => {
    if (stack !== undefined) {
      return createSignIn({ issuerUrl: stack.issuer, ...stack.signIn, pages: 'keycloak', development });
    }
    if (settings?.pages === undefined) return undefined;
    const { clientId, redirectUri, pages } = settings;
    return createSignIn({ issuerUrl: issuer(settings.issuer).url, clientId, redirectUri, pages, development });
  };

  const provider = (name: string): IdentityProvider =>
    once(providers, name, () => {
      const settings = environment.identityProviders.get(name);
      const url = stack?.scim.url ?? known(settings, 'identity-providers', name).url;
      const token =
        options.providerToken(name) ?? (() => Promise.resolve(known(stack, 'identity-providers', name).scim.token));
      return createScimProvider({ name, url, development, token, signIn: signIn(settings?.signIn), now });
    });

  const store = (name: string): SecretStore =>
    once(stores, name, () => {
      const common = { name, development, now, stateDir: options.stateFolder, warn: options.warn };
      if (stack !== undefined) {
        const { endpoint, region, account, accessKeyId, secretAccessKey } = stack.secretsManager;
        return createSecretsManagerStore({
          ...common,
          endpoint,
          region,
          account,
          credentials: { accessKeyId, secretAccessKey },
        });
      }
      const { region, account, endpoint, profile, fingerprintKey } = known(
        environment.stores.get(name),
        'stores',
        name,
      );
      const own = () => createEnvironmentKeys(fingerprintKey, () => keyReader).derived('fingerprint');
      const fingerprintKeys = fingerprintKey.length === 0 ? undefined : own;
      return createSecretsManagerStore({ ...common, region, account, endpoint, profile, fingerprintKeys });
    });

  return {
    vault,
    read: together,
    urgent: { vault: urgent, read: urgentTogether },
    get: (kind, name) => ({ issuers: issuer, 'identity-providers': provider, stores: store })[kind](name),
    plain(kind, name) {
      if (stack === undefined) return plainOf(environment, kind, name) ?? {};
      const { region, account } = stack.secretsManager;
      const plain = {
        issuers: { url: stack.issuer },
        'identity-providers': { type: 'scim', url: stack.scim.url },
        stores: { type: 'aws-secrets-manager', region, account },
      };
      return plain[kind];
    },
    expectKeys(urgently = false) {
      if (urgently) keyReader = urgentTogether;
      keys.expect();
    },
    hasKeys: keys.known,
    derivedKeys: keys.derived,
    async clockSkew() {
      const seen = [...issuers.values()].map((each) => each.clockSkew()).find((skew) => skew !== undefined);
      const url = stack?.issuer ?? [...environment.issuers.values()][0]?.url;
      return seen ?? (url === undefined ? undefined : await clockSkewOf(url, { now, development }));
    },
    requests: () => ({
      vault: vault.requests(),
      token: sum([...issuers.values()].map((each) => each.requests())),
      store: sum([...stores.values()].map((each) => each.requests())),
    }),
    quotas,
    async close() {
      await Promise.all([vault.close(), ...[...stores.values()].map((each) => each.close())]);
    },
  };
}

function createVault({ environment, stack, ...options }: ConnectionOptions): GovernedVaults {
  const { development, vaults } = environment;
  const entries = stack === undefined ? vaults : { token: stack.vault.token };
  const { taken, stateFolder, now, warn, onQuota } = options;
  return createGovernedVaults({ entries, development, taken, stateFolder, now, warn, onQuota });
}

function once<T>(made: Map<string, T>, name: string, make: () => T): T {
  const value = made.get(name) ?? make();
  made.set(name, value);
  return value;
}

function known<T>(value: T | undefined, kind: ConnectionKind, name: string): T {
  if (value === undefined) throw new TypeError(`no ${kind} "${name}": the check at load lets none through`);
  return value;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
