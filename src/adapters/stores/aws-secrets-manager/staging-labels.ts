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

/** Moves AWSCURRENT, puts AWSPENDING on and takes it off; each may be repeated. */
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
        await move('AWSCURRENT', stored, { from: holder, to: version }, signal);
        return;
      } catch (error) {
        // another holder than the one we knew, or an answer that was lost: look, and try again
        if (attempt >= 3 || !isInvalid(error)) throw error;
      }
    }
  }

  /** Puts AWSPENDING on a version that exists; AWS leaves it on what was promoted, so the one in force may have it. */
  async function hold(stored: StoredSecret, version: string, signal?: AbortSignal): Promise<void> {
    let refused: unknown;
    for (const from of new Set([stored.pending, stored.current])) {
      try {
        await move('AWSPENDING', stored, { from, to: version }, signal);
        return;
      } catch (error) {
        if (!isInvalid(error)) throw error;
        refused = error;
      }
    }
    // an answer that was lost
    const found = await describe({ name: stored.name, id: stored.id }, signal);
    if (found?.pending !== version) throw refused;
  }

  /** Takes AWSPENDING off a version, where it has it. */
  async function withdraw(stored: StoredSecret, version: string, signal?: AbortSignal): Promise<void> {
    try {
      await move('AWSPENDING', stored, { from: version }, signal);
    } catch (error) {
      if (!isInvalid(error)) throw error;
      const found = await describe({ name: stored.name, id: stored.id }, signal);
      if (found?.pending === version) throw error;
    }
  }

  async function move(
    label: 'AWSCURRENT' | 'AWSPENDING',
    stored: StoredSecret,
    { from, to }: { readonly from: string | undefined; readonly to?: string },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await connection.call(
      async (client, sdk, call) => {
        const input = { SecretId: stored.id, VersionStage: label, RemoveFromVersionId: from, MoveToVersionId: to };
        return answers.written(await client.send(new sdk.UpdateSecretVersionStageCommand(input), call), stored);
      },
      stored.name,
      signal,
    );
  }

  return { promote, hold, withdraw };
}

function isInvalid(error: unknown): boolean {
  return error instanceof FlowError && error.code === 'invalid-value';
}
