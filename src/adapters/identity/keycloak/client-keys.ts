import { FlowError } from '../../../foundation/errors.ts';
import { onlyKey } from '../client-refusals.ts';
import type { ClientKeys } from '../contract.ts';
import type { KeySet, RealmClient } from './answers.ts';
import { changeClient, clientOf } from './clients.ts';
import type { Realm } from './realm.ts';

const inline = 'use.jwks.string';
const keySet = 'jwks.string';

/** The public keys of a client that authenticates by signed JWT, which stand in an attribute of it as a key set. */
export function createClientKeys(realm: Realm): ClientKeys {
  async function keysOf(client: RealmClient): Promise<KeySet['keys']> {
    const { clientId, clientAuthenticatorType: method, attributes } = client;
    if (method !== 'client-jwt' || attributes?.[inline] !== 'true') {
      throw new FlowError('refused', `client "${clientId}" has no key set of its own at "${realm.name}"`, {
        hint: 'let it authenticate by signed JWT (private_key_jwt), with a key set that stands in the client: use.jwks.string',
      });
    }
    const { parsers } = await import('./answers.ts');
    const found = parsers.keySet(attributes[keySet] ?? '{"keys":[]}');
    if (found === undefined) throw realm.malformed(`a client "${clientId}" whose key set cannot be read`);
    return found.keys;
  }

  const put = (client: RealmClient, keys: KeySet['keys']) =>
    changeClient(realm, client, { attributes: { [inline]: 'true', [keySet]: JSON.stringify({ keys }) } });

  return {
    live: 'many',

    async list(clientId) {
      const keys = await keysOf(await clientOf(realm, clientId));
      return keys.map(({ kid }) => ({ id: kid ?? '', kid }));
    },

    async add(clientId, key) {
      const { kid } = key;
      const client = await clientOf(realm, clientId);
      const keys = await keysOf(client);
      if (!keys.some((each) => each.kid === kid)) await put(client, [key, ...keys]);
      return { id: kid };
    },

    async retire(clientId, id) {
      const client = await clientOf(realm, clientId);
      const keys = await keysOf(client);
      const others = keys.filter(({ kid }) => (kid ?? '') !== id);
      if (others.length === keys.length) return;
      if (others.length === 0) throw onlyKey(clientId, id);
      await put(client, others);
    },
  };
}
