import { FlowError } from '../../foundation/errors.ts';
import type { Detail, Replica, SecretStore, StoredSecret, StoreRules } from '../../adapters/stores/contract.ts';
import type { DeclaredSecret } from './declared-secrets.ts';

/**
 * What is stored, with what is declared about it and no list tells: a secret that declares nothing of that costs
 * nothing. @throws FlowError refused where the store knows no such thing
 */
export async function withDetails(
  store: SecretStore,
  { metadata }: DeclaredSecret,
  stored: StoredSecret | undefined,
  signal: AbortSignal,
): Promise<StoredSecret | undefined> {
  const wanted = new Set<Detail>();
  if (metadata.replicas !== undefined) wanted.add('replicas');
  if (metadata.resourcePolicy !== undefined) wanted.add('resource-policy');
  if (stored === undefined || wanted.size === 0 || stored.scheduledForDeletion || stored.owner !== undefined)
    return stored;
  if (store.details !== undefined) return store.details.look(stored, wanted, signal);
  throw new FlowError('refused', 'the store has no replicas and no resource policies', {
    hint: 'leave replicas: and resource-policy: out',
    place: { subject: store.address },
  });
}

/** Which declared replicas are to be begun: those that are not there, and those that failed. */
export function missingReplicas(declared: readonly Replica[], { replicas = [] }: StoredSecret): readonly Replica[] {
  return declared.filter(({ region }) => {
    const there = replicas.find((each) => each.region === region);
    return there === undefined || there.failure !== undefined;
  });
}

/** What a person is to know of declared replicas, to stand in the plan: those that failed, and other keys than declared. */
export function replicaNotes(
  declared: readonly Replica[],
  { replicas = [] }: StoredSecret,
  rules: StoreRules,
): readonly string[] {
  return declared.flatMap(({ region, kmsKey }) => {
    const there = replicas.find((each) => each.region === region);
    if (there === undefined) return [];
    if (there.failure !== undefined) return [`the replica in ${region} ${there.failure}`];
    if (kmsKey === undefined || rules.isSameKey(kmsKey, there.kmsKey)) return [];
    return [`the replica in ${region} has another key, and only who removes it can change that`];
  });
}
