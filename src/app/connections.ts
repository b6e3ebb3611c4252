import type { Api } from '../adapters/apis/contract.ts';
import type { Channel } from '../adapters/channels/contract.ts';
import type { BearerServices } from '../adapters/bearer.ts';
import type { Declaration, Factory, Services, Settings } from '../adapters/declaration.ts';
import type { IdentityProvider } from '../adapters/identity/contract.ts';
import type { Issuer } from '../adapters/issuers/contract.ts';
import type { LaptopStack } from '../adapters/laptop-stack.ts';
import type { SecretStore } from '../adapters/stores/contract.ts';
import type { Vault } from '../adapters/vaults/contract.ts';
import type { EntryQuota, QuotaEvent } from '../adapters/vaults/quota.ts';
import { createReadTogether, type ReadOne } from '../adapters/vaults/read-together.ts';
import { attributionOf, type Environment, type Plain, plainOf } from '../folder/service/settings.ts';
import { FlowError } from '../foundation/errors.ts';
import type { TakenEnvironment } from '../foundation/environment-variables.ts';
import type { KeyLabel } from '../foundation/key-derivation.ts';
import type { Way } from '../foundation/proxy.ts';
import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';
import { unlessAborted } from '../foundation/unless-aborted.ts';
import type { ConnectionKind, TypedSettings } from '../language/forms.ts';
import { createGovernedVaults } from './governed-vaults.ts';
import { laptopKey } from './laptop-stack-file.ts';
import { createEnvironmentKeys, type Keys } from './root-key.ts';

/** The adapters of one environment, each built when it is first asked for. */
export interface Connections {
  readonly vault: Vault;
  /** One reference of the vault; what is asked for side by side goes in one call. @throws FlowError, with the reference */
  readonly read: ReadOne;
  /** The same for break-glass flows: they may use what is kept of the vault's quota, and ask whatever failed before. */
  readonly urgent: { readonly vault: Vault; readonly read: ReadOne; channel(name: string): Channel };
  get(kind: ConnectionKind, name: string): Issuer | IdentityProvider | SecretStore | Api;
  plain(kind: ConnectionKind, name: string): Readonly<Record<string, Plain>>;
  /** A channel of `notify:`. @throws FlowError refused where there is none of this name */
  channel(name: string): Channel;
  /** by which way all of them are reached */
  readonly way: Way;
  /** where a connection is, in a few words: `AWS account 123456789012 in eu-west-1` */
  place(kind: ConnectionKind, name: string): string;
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
  readonly way: Way;
  /** the token that a connection's `token-flow` gives; undefined where it has none */
  readonly flowToken: (kind: ConnectionKind, name: string) => ((refused?: Secret) => Promise<Secret>) | undefined;
  readonly warn: (message: string) => void;
  /** a vault is left alone, or its quota is used up, or either is over */
  readonly onQuota: (event: QuotaEvent) => void;
}

/** milliseconds for an issuer that is asked for its clock alone */
const clockDeadline = 2_000;

/** Brings the code of the environment's adapters; contacts nothing. */
export async function createConnections(options: ConnectionOptions): Promise<Connections> {
  const { environment, stack, now, stateFolder, warn, taken, way } = options;
  const { adapters, connections, development, played } = environment;
  const common = (name: string): Services => ({ name, development, now, way });
  const bearer = (kind: ConnectionKind, name: string): BearerServices => ({
    token: options.flowToken(kind, name),
    read: (reference) => together(reference),
    taken,
  });
  const ownKeys = (reference: readonly Reference[]) => createEnvironmentKeys(reference, () => keyReader);

  const [issuers, vaults] = await Promise.all([
    openKind(adapters.issuers, connections.issuers, stack, (name) => ({
      ...common(name),
      attribution: stack === undefined ? attributionOf(environment, name) : stack.attribution,
    })),
    openKind(
      adapters.vaults,
      new Map(environment.vaults.map(({ settings }, index) => [String(index), settings])),
      stack,
      (name) => ({ ...common(name), taken }),
      new Map(played.vault === undefined ? [] : [['laptop', played.vault]]),
    ),
  ]);
  const [providers, apis, stores] = await Promise.all([
    openKind(
      adapters['identity-providers'],
      connections['identity-providers'],
      stack,
      (name) => ({
        ...common(name),
        ...bearer('identity-providers', name),
        issuer: issuers.get,
      }),
      played['identity-providers'],
    ),
    openKind(adapters.apis, connections.apis, stack, common),
    openKind(adapters.stores, connections.stores, stack, (name, settings) => {
      const references = settings['fingerprint-key'] as readonly Reference[] | undefined;
      const fingerprintKeys = references && (() => ownKeys(references).derived('fingerprint'));
      return { ...common(name), ...bearer('stores', name), stateFolder, warn, fingerprintKeys };
    }),
  ]);
  const channelsBy = (read: ReadOne) =>
    // no channel is played by the laptop: those that it declares are used as they are
    openKind(adapters.channels, environment.notify, undefined, (name) => ({ ...common(name), read }));
  const kinds = { issuers, 'identity-providers': providers, stores, apis };
  const { vault, urgent, quotas } = createGovernedVaults({
    entries:
      stack === undefined
        ? environment.vaults.map((entry, index) => ({ vaults: entry.vaults, vault: vaults.get(String(index)) }))
        : [{ vaults: undefined, vault: vaults.get('laptop') }],
    // the laptop's vault ends with its stack: what one command met is nothing to the next
    stateFolder: stack === undefined ? stateFolder : undefined,
    now,
    warn,
    onQuota: options.onQuota,
  });
  const together = createReadTogether(vault);
  const urgentTogether = createReadTogether(urgent);
  let keyReader = together;
  const [channels, urgentChannels] = await Promise.all([channelsBy(together), channelsBy(urgentTogether)]);
  const channelOf = (opened: typeof channels) => (name: string) => {
    if (environment.notify.has(name)) return opened.get(name);
    throw new FlowError('refused', `environment "${environment.name}" has no channel "${name}"`, {
      hint: 'write it under notify: in service.yaml',
    });
  };
  const keys = ownKeys(environment.key.length === 0 && stack !== undefined ? [laptopKey] : environment.key);

  return {
    vault,
    way,
    read: together,
    urgent: { vault: urgent, read: urgentTogether, channel: channelOf(urgentChannels) },
    channel: channelOf(channels),
    get: (kind, name) => kinds[kind].get(name),
    plain: (kind, name) => kinds[kind].plain(name),
    place: (kind, name) => kinds[kind].place(name),
    expectKeys(urgently = false) {
      if (urgently) keyReader = urgentTogether;
      keys.expect();
    },
    hasKeys: keys.known,
    derivedKeys: keys.derived,
    async clockSkew() {
      const seen = issuers.made().find((each) => each.clockSkew() !== undefined);
      if (seen !== undefined) return seen.clockSkew();
      const [name] = stack === undefined ? connections.issuers.keys() : ['laptop'];
      if (name === undefined) return undefined;
      const issuer = issuers.get(name);
      // whatever it answers: its clock is noted on the way
      const late = AbortSignal.timeout(clockDeadline);
      await unlessAborted(issuer.discover(true), late, () => new Error('too late')).catch(() => undefined);
      return issuer.clockSkew();
    },
    requests: () => ({
      vault: vault.requests(),
      token: sum(issuers.made().map((each) => each.requests())),
      store: sum(stores.made().map((each) => each.requests())),
    }),
    quotas,
    async close() {
      await Promise.all([vault.close(), ...[...stores.made(), ...apis.made()].map((each) => each.close())]);
    },
  };
}

interface OpenedKind<Made> {
  /** made when it is first asked for */
  get(name: string): Made;
  plain(name: string): Readonly<Record<string, Plain>>;
  place(name: string): string;
  /** those that were asked for */
  made(): readonly Made[];
}

/** The connections of one kind: on the laptop any name is the adapter that it plays, elsewhere what service.yaml says. */
async function openKind<S, Made>(
  adapters: ReadonlyMap<string, Declaration<Settings, S, Made>>,
  given: ReadonlyMap<string, TypedSettings>,
  stack: LaptopStack | undefined,
  services: (name: string, settings: Settings) => S,
  chosen: ReadonlyMap<string, string> = new Map(),
): Promise<OpenedKind<Made>> {
  const usual = stack === undefined ? undefined : [...adapters.values()].find((each) => each.laptop !== undefined);
  const types = usual === undefined ? [...given.values()].map(({ type }) => type) : [usual.type, ...chosen.values()];
  const factories = new Map<string, Factory<Settings, S, Made>>();
  for (const type of new Set(types)) {
    const factory = await adapters.get(type)?.load();
    if (factory !== undefined) factories.set(type, factory);
  }
  const made = new Map<string, Made>();

  const known = (name: string) => {
    const adapter = adapters.get(
      usual === undefined ? (given.get(name)?.type ?? '') : (chosen.get(name) ?? usual.type),
    );
    const settings = stack === undefined ? given.get(name) : adapter?.laptop?.(stack, given.get(name));
    const factory = adapter === undefined ? undefined : factories.get(adapter.type);
    if (settings !== undefined && adapter !== undefined && factory !== undefined) return { settings, adapter, factory };
    throw new TypeError(`no connection "${name}": the check at load lets none through`);
  };
  return {
    get(name) {
      const before = made.get(name);
      if (before !== undefined) return before;
      const { settings, factory } = known(name);
      const now = factory.create(settings, services(name, settings));
      made.set(name, now);
      return now;
    },
    plain(name) {
      const { settings, adapter } = known(name);
      return plainOf(adapter, settings);
    },
    place(name) {
      const { settings, adapter } = known(name);
      return adapter.place?.(settings) ?? adapter.addresses(settings)[0]?.url ?? '';
    },
    made: () => [...made.values()],
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
