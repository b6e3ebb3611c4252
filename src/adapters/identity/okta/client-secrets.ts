import { Secret } from '../../../foundation/secret.ts';
import type { ClientSecrets, ListedSecret } from '../contract.ts';
import { requireOwnSecret } from '../own-client-secret.ts';
import { segment } from '../segment.ts';
import type { OrgSecret } from './answers.ts';
import type { Org } from './org.ts';
import { noClient, onlySecret, twoAlready } from '../client-refusals.ts';

const isActive = ({ status }: OrgSecret) => status === 'ACTIVE';

/** The secrets of an app, whose id is its `client_id`: two at most, ours, and one is deactivated before it is deleted. */
export function createClientSecrets(org: Org): ClientSecrets {
  const answers = () => import('./answers.ts');
  const pathOf = (clientId: string, ...rest: readonly string[]) =>
    ['apps', segment(clientId), 'credentials/secrets', ...rest].join('/');

  /** Inactive ones too, newest first. */
  async function every(clientId: string): Promise<readonly OrgSecret[]> {
    const answer = await org.call('GET', pathOf(clientId), [200, 404]);
    if (answer.status === 404) {
      throw noClient(org.name, clientId, 'is it the client id of an app of this org, and may the token see it?');
    }
    const secrets = (await answers()).parsers.secrets(answer.body);
    if (secrets === undefined) throw org.malformed('something that is no list of client secrets');
    return secrets.toSorted((one, other) => (other.created ?? '').localeCompare(one.created ?? ''));
  }

  const remove = (clientId: string, id: string) => org.call('DELETE', pathOf(clientId, segment(id)), [204, 404]);

  return {
    origin: 'ours',
    live: 2,
    list: async (clientId) => (await every(clientId)).filter(isActive).map(listed),

    async add(clientId, given) {
      const secret = requireOwnSecret(given);
      const kept = await every(clientId);
      const active = kept.filter(isActive);
      const there = active.map(listed).find(({ is }) => is?.(secret) === true);
      if (there !== undefined) return there;
      if (active.length >= 2) throw twoAlready(clientId, 'secrets');
      // what was deactivated to be deleted takes a place yet: a run ended between the two
      for (const { id } of kept.filter((each) => !isActive(each))) await remove(clientId, id);
      const json = { client_secret: secret.reveal(), status: 'ACTIVE' };
      const answer = await org.call('POST', pathOf(clientId), [201], { json, password: secret });
      const made = (await answers()).parsers.secret(answer.body);
      if (made === undefined) throw org.malformed('something that is no client secret');
      return { ...listed(made), is: (other) => other.equals(secret) };
    },

    async retire(clientId, id) {
      const kept = await every(clientId);
      const found = kept.find((each) => each.id === id);
      if (found === undefined) return;
      if (isActive(found)) {
        if (kept.filter(isActive).length === 1) throw onlySecret(clientId);
        const path = pathOf(clientId, segment(id), 'lifecycle/deactivate');
        await org.call('POST', path, [200], { repeatable: true });
      }
      await remove(clientId, id);
    },
  };
}

function listed({ id, created, client_secret: value }: OrgSecret): ListedSecret {
  const createdAt = created ? Date.parse(created) : undefined;
  if (!value) return { id, createdAt };
  const own = new Secret(value);
  return { id, createdAt, is: (other) => own.equals(other) };
}
