import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { FlowError } from '../../../foundation/errors.ts';
import type { createConnection } from '../../aws/connection.ts';
import type { Answers } from './answers.ts';
import type { Lister } from './list-secrets.ts';
import type { createRecent } from './recent-writes.ts';
import type { Deletion, StoredSecret } from '../contract.ts';

type Sdk = typeof import('@aws-sdk/client-secrets-manager');

interface Parts {
  readonly connection: Pick<ReturnType<typeof createConnection<Sdk, SecretsManagerClient>>, 'call'>;
  readonly answers: Answers;
  readonly lister: (signal: AbortSignal | undefined) => Lister;
  readonly recent: Pick<ReturnType<typeof createRecent>, 'record'>;
  /** AWS allows as many a second for these two as for creating, together */
  readonly paced: <T>(work: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T>;
}

/** More pages than this are no list that ends. */
const mostPages = 1_000;

/** Deletion by AWS's recovery window; nothing is ever deleted at once. */
export function createDeletion({ connection, answers, lister, recent, paced }: Parts): Deletion {
  /** Carries out what may have been carried out already, by an attempt whose answer was lost. */
  async function unlessDone(
    stored: StoredSecret,
    scheduled: boolean,
    work: () => Promise<unknown>,
    signal?: AbortSignal,
  ) {
    try {
      await paced(async () => {
        // for some minutes the list may tell the contrary: then it is looked at by itself
        await recent.record(stored.name, scheduled ? 'scheduled for deletion' : 'restored');
        await work();
      }, signal);
    } catch (error) {
      if (!(error instanceof FlowError) || (error.code !== 'conflict' && error.code !== 'invalid-value')) throw error;
      const found = await lister(signal).describe({ name: stored.name, id: stored.id });
      if (found?.scheduledForDeletion !== scheduled) throw error;
    }
  }

  return {
    async tagged(key, values, signal) {
      const found = new Map<string, StoredSecret>();
      const reader = lister(signal);
      const filters = [
        { Key: 'tag-key' as const, Values: [key] },
        { Key: 'tag-value' as const, Values: [...values] },
      ];
      const seen = new Set<string>();
      let token: string | undefined;
      do {
        const { entries, next } = await reader.list({ filters, token });
        for (const stored of entries) {
          // what AWS filters by are prefixes, and of any tag
          if (!values.includes(stored.tags[key] ?? '')) continue;
          reader.require(stored, { name: stored.name });
          found.set(stored.id, stored);
        }
        if (next !== undefined && (seen.has(next) || seen.size >= mostPages))
          throw new FlowError('protocol', 'the list of secrets does not end', {
            hint: 'check the region and endpoint:',
          });
        if (next !== undefined) seen.add(next);
        token = next;
      } while (token !== undefined);
      return [...found.values()];
    },

    schedule: async (stored, days, signal) =>
      unlessDone(
        stored,
        true,
        () =>
          connection.call(
            async (client, sdk, call) => {
              const input = { SecretId: stored.id, RecoveryWindowInDays: days };
              return answers.written(await client.send(new sdk.DeleteSecretCommand(input), call), stored);
            },
            stored.name,
            signal,
          ),
        signal,
      ),

    restore: async (stored, signal) =>
      unlessDone(
        stored,
        false,
        () =>
          connection.call(
            async (client, sdk, call) =>
              answers.written(await client.send(new sdk.RestoreSecretCommand({ SecretId: stored.id }), call), stored),
            stored.name,
            signal,
          ),
        signal,
      ),
  };
}
