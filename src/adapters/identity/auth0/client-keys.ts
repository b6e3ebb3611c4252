import { FlowError } from '../../../foundation/errors.ts';
import { onlyKey, twoAlready } from '../client-refusals.ts';
import type { ClientKeys, PublicJwk } from '../contract.ts';
import { segment } from '../segment.ts';
import type { ClientCredential } from './answers.ts';
import { clientOf, clientPath } from './clients.ts';
import type { Tenant } from './tenant.ts';

/** What Auth0 verifies assertions of clients by. */
const algorithms: readonly string[] = ['RS256', 'RS384', 'PS256'];

/**
 * The public keys of a client that authenticates by private_key_jwt: credentials of its own, two at most, of which those
 * are in force that the client names.
 */
export function createClientKeys(tenant: Tenant): ClientKeys {
  const answers = () => import('./answers.ts');
  const pathOf = (clientId: string) => `${clientPath(clientId)}/credentials`;

  async function linkedIn(clientId: string): Promise<readonly string[]> {
    const { client_authentication_methods: methods } = await clientOf(tenant, clientId);
    if (methods?.private_key_jwt) return methods.private_key_jwt.credentials.map(({ id }) => id);
    throw new FlowError('refused', `client "${clientId}" does not authenticate by keys at "${tenant.name}"`, {
      hint: 'let the application authenticate by private_key_jwt, with a first key',
    });
  }

  async function storedOf(clientId: string): Promise<readonly ClientCredential[]> {
    const answer = await tenant.call('GET', pathOf(clientId), [200]);
    const found = (await answers()).parsers.credentials(answer.body);
    if (found === undefined) throw tenant.malformed('something that is no list of credentials');
    return found.toSorted((one, other) => (other.created_at ?? '').localeCompare(one.created_at ?? ''));
  }

  async function link(clientId: string, ids: readonly string[]): Promise<void> {
    const json = { client_authentication_methods: { private_key_jwt: { credentials: ids.map((id) => ({ id })) } } };
    await tenant.call('PATCH', clientPath(clientId), [200], { json, repeatable: true });
  }

  async function store(clientId: string, key: PublicJwk): Promise<string> {
    const { kid, alg } = key;
    if (!algorithms.includes(alg)) {
      throw new FlowError('invalid-value', `identity provider "${tenant.name}" takes no key for ${alg}`, {
        hint: 'make an RSA key: algorithm: RS256',
        place: { subject: 'algorithm' },
      });
    }
    const pem = process.getBuiltinModule('node:crypto').createPublicKey({ key, format: 'jwk' });
    const json = {
      credential_type: 'public_key',
      name: kid,
      pem: pem.export({ type: 'spki', format: 'pem' }),
      alg,
      kid,
    };
    const answer = await tenant.call('POST', pathOf(clientId), [201], { json });
    const made = (await answers()).parsers.credential(answer.body);
    if (made === undefined) throw tenant.malformed('something that is no credential');
    return made.id;
  }

  return {
    live: 2,

    async list(clientId) {
      const linked = await linkedIn(clientId);
      const stored = await storedOf(clientId);
      return stored.filter(({ id }) => linked.includes(id)).map(({ id, kid }) => ({ id, kid: kid ?? undefined }));
    },

    async add(clientId, key) {
      const { kid } = key;
      const linked = await linkedIn(clientId);
      const stored = await storedOf(clientId);
      // one that was stored by a run that ended there is put in force
      const there = stored.find((each) => each.kid === kid)?.id;
      if (there === undefined && stored.length >= 2) throw twoAlready(clientId, 'keys');
      const id = there ?? (await store(clientId, key));
      if (!linked.includes(id)) await link(clientId, [id, ...linked]);
      return { id };
    },

    async retire(clientId, id) {
      const linked = await linkedIn(clientId);
      const others = linked.filter((each) => each !== id);
      if (others.length === 0) throw onlyKey(clientId, id);
      if (others.length < linked.length) await link(clientId, others);
      await tenant.call('DELETE', `${pathOf(clientId)}/${segment(id)}`, [204, 404]);
    },
  };
}
