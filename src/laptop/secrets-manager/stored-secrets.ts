import { randomInt } from 'node:crypto';
import { refuse } from './refusal.ts';
import type { SecretValue } from './request-input.ts';

export interface Version {
  readonly id: string;
  readonly value: SecretValue;
  readonly stages: Set<string>;
  /** epoch milliseconds */
  readonly createdAt: number;
}

export interface StoredSecret {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  description: string | undefined;
  kmsKeyId: string | undefined;
  readonly tags: Map<string, string>;
  /** the keys of its replicas by their regions */
  readonly replicas: Map<string, string | undefined>;
  policy: string | undefined;
  readonly versions: Map<string, Version>;
  changedAt: number;
  deletedAt: number | undefined;
  /** a service that manages it, or the region that it is copied from: who alone writes it */
  owner?: { readonly service?: string; readonly primaryRegion?: string };
  /** epoch milliseconds at which a scheduled deletion is carried out */
  deletionDue: number | undefined;
}

/** One account in one region. */
export interface State {
  /** as ARNs name it */
  readonly partition: string;
  readonly account: string;
  readonly region: string;
  readonly now: () => number;
  /** by name */
  readonly secrets: Map<string, StoredSecret>;
  /** names deleted by force, until when AWS refuses to make them again */
  readonly vanishing: Map<string, number>;
  /** why replication to a region fails, in AWS's words */
  readonly replicationFailure: (region: string) => string | undefined;
  /** told after each change, for the lagging list */
  changed(secret: StoredSecret): void;
}

export function newArn(state: State, name: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const suffix = Array.from({ length: 6 }, () => letters[randomInt(letters.length)]).join('');
  return `arn:${state.partition}:secretsmanager:${state.region}:${state.account}:secret:${name}-${suffix}`;
}

/** By name, full ARN, or ARN without its suffix (which finds nothing where the name itself ends like a suffix). */
export function find(state: State, id: string): StoredSecret {
  settle(state);
  const named = state.secrets.get(id);
  if (named !== undefined) return named;
  if (id.startsWith('arn:')) {
    const looksComplete = /-[A-Za-z0-9]{6}$/.test(id);
    for (const secret of state.secrets.values()) {
      if (secret.arn === id || (!looksComplete && secret.arn.slice(0, -7) === id)) return secret;
    }
  }
  throw refuse.notFound();
}

/** As {@link find}, and not scheduled for deletion. */
export function findLive(state: State, id: string): StoredSecret {
  const secret = find(state, id);
  if (secret.deletedAt !== undefined) throw refuse.markedForDeletion();
  return secret;
}

/** As {@link findLive}, and written by nobody but its owner. */
export function findOwn(state: State, id: string): StoredSecret {
  const secret = findLive(state, id);
  if (secret.owner?.service !== undefined) throw refuse.managed();
  if ((secret.owner?.primaryRegion ?? state.region) !== state.region) throw refuse.replica();
  return secret;
}

/** Carries out what is due: scheduled deletions, and names that are free again. */
export function settle(state: State): void {
  const now = state.now();
  for (const [name, secret] of state.secrets) {
    if (secret.deletionDue !== undefined && secret.deletionDue <= now) state.secrets.delete(name);
  }
  for (const [name, until] of state.vanishing) if (until <= now) state.vanishing.delete(name);
}

export function holder(secret: StoredSecret, stage: string): Version | undefined {
  for (const version of secret.versions.values()) if (version.stages.has(stage)) return version;
  return undefined;
}

/** A version with this name, once: the same value again does nothing, another one is refused. */
export function putVersion(
  state: State,
  secret: StoredSecret,
  token: string,
  value: SecretValue,
  stages: readonly string[],
): Version {
  const existing = secret.versions.get(token);
  if (existing !== undefined) {
    if (existing.value.kind === value.kind && existing.value.value === value.value) return existing;
    throw refuse.tokenInUse(token, secret.arn);
  }
  prune(state, secret);
  const version: Version = { id: token, value, stages: new Set(), createdAt: state.now() };
  const first = holder(secret, 'AWSCURRENT') === undefined;
  secret.versions.set(token, version);
  for (const stage of first ? new Set([...stages, 'AWSCURRENT']) : stages) attach(secret, version, stage);
  secret.changedAt = state.now();
  state.changed(secret);
  return version;
}

/** Moves a label; AWSCURRENT leaves AWSPREVIOUS behind it. */
export function attach(secret: StoredSecret, version: Version, stage: string): void {
  const from = holder(secret, stage);
  if (from === version) return;
  if (version.stages.size >= 20) throw refuse.limit('You can attach at most 20 staging labels to a version.');
  from?.stages.delete(stage);
  version.stages.add(stage);
  if (stage !== 'AWSCURRENT' || from === undefined) return;
  holder(secret, 'AWSPREVIOUS')?.stages.delete('AWSPREVIOUS');
  from.stages.add('AWSPREVIOUS');
}

/** AWS removes versions without labels where there are more than 100, but none younger than a day. */
function prune(state: State, secret: StoredSecret): void {
  const yesterday = state.now() - 86_400_000;
  for (const version of secret.versions.values()) {
    if (secret.versions.size < 100) return;
    if (version.stages.size === 0 && version.createdAt < yesterday) secret.versions.delete(version.id);
  }
  if (secret.versions.size >= 100) throw refuse.limit('A secret can hold at most 100 versions.');
}
