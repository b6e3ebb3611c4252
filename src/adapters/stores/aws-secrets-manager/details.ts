import type { ReplicaRegionType, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { createConnection } from '../../aws/connection.ts';
import type { Answers } from './answers.ts';
import type { Detail, Replica, SecretName, StoredReplica, StoredSecret } from '../contract.ts';

type Sdk = typeof import('@aws-sdk/client-secrets-manager');

interface Parts {
  readonly connection: Pick<ReturnType<typeof createConnection<Sdk, SecretsManagerClient>>, 'call'>;
  readonly answers: Answers;
  readonly describe: (name: SecretName, signal?: AbortSignal) => Promise<StoredSecret | undefined>;
  readonly reading: <T>(work: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T>;
  /** AWS allows as many a second for these as for putting values, together */
  readonly writing: <T>(work: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T>;
  readonly warn: (message: string) => void;
}

/** Replicas and resource policies: a call each for a secret that declares them, and none for any other. */
export function createDetails({ connection, answers, describe, reading, writing, warn }: Parts) {
  async function policyOf(stored: StoredSecret, signal?: AbortSignal): Promise<string | undefined> {
    return connection.call(
      async (client, sdk, call) =>
        answers.policy(await client.send(new sdk.GetResourcePolicyCommand({ SecretId: stored.id }), call), stored),
      stored.name,
      signal,
    );
  }

  return {
    async look(stored: StoredSecret, wanted: ReadonlySet<Detail>, signal?: AbortSignal): Promise<StoredSecret> {
      const [described, resourcePolicy] = await Promise.all([
        wanted.has('replicas') && stored.replicas === undefined
          ? reading(() => describe({ name: stored.name, id: stored.id }, signal), signal)
          : stored,
        wanted.has('resource-policy') ? reading(() => policyOf(stored, signal), signal) : undefined,
      ]);
      return { ...stored, replicas: described?.replicas ?? [], resourcePolicy };
    },

    async replicate(of: SecretName, id: string, replicas: readonly Replica[], signal?: AbortSignal): Promise<void> {
      const input = { SecretId: id, AddReplicaRegions: regionsOf(replicas) };
      const now = await writing(
        () =>
          connection.call(
            async (client, sdk, call) =>
              answers.replicas(await client.send(new sdk.ReplicateSecretToRegionsCommand(input), call), id),
            of.name,
            signal,
          ),
        signal,
      );
      tellFailures(of.name, now);
    },

    async putPolicy(of: SecretName, id: string, policy: string, signal?: AbortSignal): Promise<void> {
      // one that lets everybody in is refused by AWS
      const input = { SecretId: id, ResourcePolicy: policy, BlockPublicPolicy: true };
      await writing(
        () =>
          connection.call(
            async (client, sdk, call) =>
              answers.written(await client.send(new sdk.PutResourcePolicyCommand(input), call), { ...of, id }),
            of.name,
            signal,
          ),
        signal,
      );
    },
  };

  function tellFailures(name: string, replicas: readonly StoredReplica[]): void {
    for (const { region, failure } of replicas)
      if (failure !== undefined) warn(`secret "${name}": its replica in ${region} ${failure}`);
  }
}

/** As AWS takes them, with a secret that is created too. */
export function regionsOf(replicas: readonly Replica[]): ReplicaRegionType[] {
  return replicas.map(({ region, kmsKey }) => ({ Region: region, KmsKeyId: kmsKey }));
}
