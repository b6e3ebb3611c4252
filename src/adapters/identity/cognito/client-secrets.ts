import { FlowError } from '../../../foundation/errors.ts';
import { noClient, onlySecret, twoAlready } from '../client-refusals.ts';
import type { ClientSecrets, ListedSecret } from '../contract.ts';
import { requireOwnSecret } from '../own-client-secret.ts';
import type { PoolSecret } from './answers.ts';
import { type Pool, sayingOf } from './pool.ts';

const most = 2;

/** The secrets of an app client: two at most, ours, and what they are is shown to nobody any more. */
export function createClientSecrets(pool: Pool): ClientSecrets {
  async function list(clientId: string): Promise<readonly ListedSecret[]> {
    const all = await pool
      .ask(
        (client, call) => client.listUserPoolClientSecrets({ UserPoolId: pool.id, ClientId: clientId }, call),
        ({ secrets }) => secrets,
      )
      .catch((error: unknown) => {
        if (sayingOf(error)?.name !== 'ResourceNotFoundException') throw error;
        throw noClient(pool.name, clientId, 'is it the id of an app client of this pool, one with a secret?');
      });
    const newestFirst = (one: ListedSecret, other: ListedSecret) => (other.createdAt ?? 0) - (one.createdAt ?? 0);
    return all.ClientSecrets.map(listed).toSorted(newestFirst);
  }

  return {
    origin: 'ours',
    live: most,
    list,

    async add(clientId, given) {
      const secret = requireOwnSecret(given);
      const before = await list(clientId);
      if (before.length >= most) throw twoAlready(clientId, 'secrets');
      const json = { UserPoolId: pool.id, ClientId: clientId, ClientSecret: secret.reveal() };
      try {
        const made = await pool.ask(
          (client, call) => client.addUserPoolClientSecret(json, call),
          (forms) => forms.secret,
        );
        return listed(made.ClientSecretDescriptor);
      } catch (error) {
        // the answer to a first attempt may have been lost, and the second one found no place
        const added = (await list(clientId).catch(() => [])).find(({ id }) => !before.some((each) => each.id === id));
        if (added !== undefined) return added;
        if (!(error instanceof FlowError) || error.code !== 'invalid-value') throw error;
        throw error.with({ hint: 'Cognito takes letters, digits, _ and + as a client secret, 24 to 64 of them' });
      }
    },

    async retire(clientId, id) {
      const there = await list(clientId);
      if (!there.some((each) => each.id === id)) return;
      if (there.length === 1) throw onlySecret(clientId);
      const which = { UserPoolId: pool.id, ClientId: clientId, ClientSecretId: id };
      await pool.tell((client, call) => client.deleteUserPoolClientSecret(which, call));
    },
  };
}

function listed({ ClientSecretId: id, ClientSecretCreateDate: created }: PoolSecret): ListedSecret {
  return { id, createdAt: created?.getTime() };
}
