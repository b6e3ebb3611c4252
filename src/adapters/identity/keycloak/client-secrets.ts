import { FlowError } from '../../../foundation/errors.ts';
import { Secret } from '../../../foundation/secret.ts';
import { twoAlready } from '../client-refusals.ts';
import type { ClientSecrets, ListedSecret } from '../contract.ts';
import { requireOwnSecret } from '../own-client-secret.ts';
import { segment } from '../segment.ts';
import type { RealmClient } from './answers.ts';
import { changeClient, clientOf } from './clients.ts';
import type { Realm } from './realm.ts';

export interface ClientSecretOptions {
  /** a client policy with the executor `secret-rotation` lets the former one live on */
  readonly twoSecrets: boolean;
  /** epoch milliseconds */
  readonly now: () => number;
}

/** How Keycloak keeps a secret and the former one: attributes, in epoch seconds. */
const attribute = {
  created: 'client.secret.creation.time',
  former: 'client.secret.rotated',
  formerCreated: 'client.secret.rotated.creation.time',
  formerEnds: 'client.secret.rotated.expiration.time',
} as const;
/** Seconds that a former secret lives on where nobody retires it. */
const overlap = 30 * 24 * 3600;

type Kept = ListedSecret & { readonly slot: 'current' | 'former' };

/**
 * The secrets of a client, ours by a change of the client. A secret is named by when it was made, in epoch seconds, so
 * that the name stays when it becomes the former one.
 */
export function createClientSecrets(realm: Realm, { twoSecrets, now }: ClientSecretOptions): ClientSecrets {
  const keptBy = (client: RealmClient) => secretsOf(client, now());

  return {
    origin: 'ours',
    live: twoSecrets ? 2 : 1,
    list: async (clientId) => keptBy(await clientOf(realm, clientId)).map(listed),

    async add(clientId, given) {
      const secret = requireOwnSecret(given);
      const client = await clientOf(realm, clientId);
      const kept = keptBy(client);
      const [current, former] = kept;
      const there = kept.find(({ is }) => is?.(secret) === true);
      if (there?.slot === 'current') return listed(there);
      if (twoSecrets && former !== undefined) throw twoAlready(clientId, 'secrets', 'retire the former one first');
      const before = Number(current?.id ?? 0);
      const at = Math.max(Math.floor(now() / 1000), before + 1);
      await changeClient(realm, client, {
        secret: secret.reveal(),
        attributes: {
          [attribute.created]: String(at),
          ...(twoSecrets && client.secret
            ? {
                [attribute.former]: client.secret,
                [attribute.formerCreated]: String(before),
                [attribute.formerEnds]: String(at + overlap),
              }
            : {}),
        },
      });
      return { id: String(at), createdAt: at * 1000, is: (other) => other.equals(secret) };
    },

    async retire(clientId, id) {
      const client = await clientOf(realm, clientId);
      const kept = keptBy(client);
      const found = kept.find((each) => each.id === id);
      if (found === undefined) return;
      if (found.slot === 'current') {
        throw new FlowError('refused', `secret ${id} of client "${clientId}" is its newest one`, {
          hint: 'add another first: the former one is what can be retired',
        });
      }
      await realm.call('DELETE', `clients/${segment(client.id)}/client-secret/rotated`, [204]);
    },
  };
}

function secretsOf({ secret, attributes }: RealmClient, now: number): readonly Kept[] {
  const at = (name: string) => Number(attributes?.[name] ?? 0);
  const one = (slot: Kept['slot'], value: string, created: number): Kept => {
    const own = new Secret(value);
    const createdAt = created === 0 ? undefined : created * 1000;
    return { slot, id: String(created), createdAt, is: (other) => own.equals(other) };
  };
  const former = attributes?.[attribute.former] ?? '';
  const lives = former !== '' && at(attribute.formerEnds) * 1000 > now;
  return [
    ...(secret ? [one('current', secret, at(attribute.created))] : []),
    ...(lives ? [one('former', former, at(attribute.formerCreated))] : []),
  ];
}

function listed({ slot: _slot, ...secret }: Kept): ListedSecret {
  return secret;
}
