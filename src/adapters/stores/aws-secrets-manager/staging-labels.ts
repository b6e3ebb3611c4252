import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { FlowError } from '../../../foundation/errors.ts';
import type { createConnection } from '../../aws/connection.ts';
import type { SecretName, StoredSecret } from '../contract.ts';
import type { Answers } from './answers.ts';

type Sdk = typeof import('@aws-sdk/client-secrets-manager');

interface Parts {
  readonly connection: Pick<ReturnType<typeof createConnection<Sdk, SecretsManagerClient>>, 'call'>;
  readonly answers: Answers;
  readonly describe: (name: SecretName, signal?: AbortSignal) => Promise<StoredSecret | undefined>;
}

/** Moves AWSCURRENT and takes off AWSPENDING; each may be repeated. */
export function createStagingLabels({ connection, answers, describe }: Parts) {
  /** Moves AWSCURRENT to a version that exists; AWS wants to be told who holds it. */
  async function promote(stored: StoredSecret, version: string, signal?: AbortSignal): Promise<void> {
    let holder = stored.current;
    for (let attempt = 1; ; attempt += 1) {
      if (holder === undefined || holder === version || attempt > 1) {
        holder = (await describe({ name: stored.name, id: stored.id }, signal))?.current;
        if (holder === version) return;
      }
      try {
        const from = holder;
        await connection.call(
          async (client, sdk, call) => {
            const move = new sdk.UpdateSecretVersionStageCommand({
              SecretId: stored.id,
              VersionStage: 'AWSCURRENT',
              MoveToVersionId: version,
              RemoveFromVersionId: from,
            });
            return answers.written(await client.send(move, call), stored);
          },
          stored.name,
          signal,
        );
        return;
      } catch (error) {
        // another holder than the one we knew, or an answer that was lost: look, and try again
        if (attempt >= 3 || !(error instanceof FlowError) || error.code !== 'invalid-value') throw error;
      }
    }
  }

  /** Takes AWSPENDING off a version, where it has it. */
  async function withdraw(stored: StoredSecret, version: string, signal?: AbortSignal): Promise<void> {
    try {
      await connection.call(
        async (client, sdk, call) => {
          const input = { SecretId: stored.id, VersionStage: 'AWSPENDING', RemoveFromVersionId: version };
          return answers.written(await client.send(new sdk.UpdateSecretVersionStageCommand(input), call), stored);
        },
        stored.name,
        signal,
      );
    } catch (error) {
      if (!(error instanceof FlowError) || error.code !== 'invalid-value') throw error;
      const found = await describe({ name: stored.name, id: stored.id }, signal);
      if (found?.pending === version) throw error;
    }
  }

  return { promote, withdraw };
}
