import type { IdentityProvider, SignIn, User } from '../contract.ts';
import { segment } from '../segment.ts';
import type { RealmUser } from './answers.ts';
import { createClientKeys } from './client-keys.ts';
import { createClientSecrets } from './client-secrets.ts';
import { createFactors, oneTimePasswordCredential, withoutEnrolment } from './factors.ts';
import { missingUser } from '../missing-user.ts';
import type { ProofClient } from '../proof-client.ts';
import { createProof } from './proof.ts';
import { createRealm, type RealmOptions } from './realm.ts';

export interface KeycloakOptions extends RealmOptions {
  /** `/break-glass`: new users are made in it */
  readonly group?: string | undefined;
  readonly proof?: ProofClient | undefined;
  /** a client policy of the realm lets the former secret of a client live on */
  readonly twoSecrets?: boolean | undefined;
  readonly signIn?: SignIn | undefined;
}

/** The attribute that has the ownership mark. */
const markAttribute = 'flows-owner';

/**
 * Users and clients of a realm by Keycloak's Admin REST API. A user is born in one request, with password and one-time
 * password; look-ups are consistent.
 */
export function createKeycloakProvider(options: KeycloakOptions): IdentityProvider {
  const { name, group, proof, twoSecrets = false, signIn, now } = options;
  const realm = createRealm(options);
  const answers = () => import('./answers.ts');
  const factors = createFactors(realm, getWhole);

  async function getWhole(id: string): Promise<RealmUser | undefined> {
    const answer = await realm.call('GET', `users/${segment(id)}`, [200, 404]);
    if (answer.status === 404) return undefined;
    const user = (await answers()).parsers.user(answer.body);
    if (user?.id !== id) throw realm.malformed('something that is not the user asked for');
    return user;
  }

  async function find(userName: string): Promise<User | undefined> {
    const query = new URLSearchParams({ username: userName, exact: 'true', briefRepresentation: 'false' });
    const answer = await realm.call('GET', `users?${query.toString()}`, [200]);
    const users = (await answers()).parsers.users(answer.body);
    if (users === undefined) throw realm.malformed('something that is no list of users');
    // an empty name finds everybody, and a realm may match by other things than the name
    const user = users.find(({ username }) => username.toLowerCase() === userName.toLowerCase());
    return user && userOf(user);
  }

  return {
    address: realm.address,
    traits: {
      mark: `the attribute ${markAttribute}: let the realm's user profile keep unmanaged attributes (ADMIN_EDIT)`,
      lookUpLag: 0,
      sessionsLag: 0,
      disabling: 'reversible',
      birth: 'with-seed',
    },
    find,
    async get(id) {
      const user = await getWhole(id);
      return user && userOf(user);
    },

    async create({ userName, email, givenName, familyName, password, mark, oneTimePassword }) {
      const answer = await realm.call('POST', 'users', [201], {
        password,
        json: {
          username: userName,
          email,
          emailVerified: true,
          firstName: givenName,
          lastName: familyName,
          enabled: true,
          attributes: { [markAttribute]: [mark] },
          ...(group === undefined ? {} : { groups: [group] }),
          credentials: [
            { type: 'password', value: password.reveal(), temporary: false },
            ...(oneTimePassword === undefined ? [] : [oneTimePasswordCredential(oneTimePassword)]),
          ],
        },
      });
      const id = decodeURIComponent(answer.headers.get('location')?.split('/').at(-1) ?? '');
      const user = id === '' ? undefined : await getWhole(id);
      if (user?.username.toLowerCase() !== userName.toLowerCase()) {
        throw realm.malformed('something that is not the user that was made');
      }
      // a realm that asks everybody to enrol asks also who has enrolled
      if (oneTimePassword !== undefined) await withoutEnrolment(realm, user);
      return userOf(user);
    },

    async disable(id) {
      const user = await getWhole(id);
      if (user === undefined) throw missingUser(name, id);
      if (user.enabled) await realm.call('PUT', `users/${segment(id)}`, [204], { json: { enabled: false } });
    },

    async setPassword(id, password) {
      const answer = await realm.call('PUT', `users/${segment(id)}/reset-password`, [204, 404], {
        password,
        json: { type: 'password', value: password.reveal(), temporary: false },
        // where a history is kept, the second would be refused
        repeatable: false,
      });
      if (answer.status === 404) throw missingUser(name, id);
    },

    async endSessions(id) {
      const path = `users/${segment(id)}`;
      const ended = await realm.call('POST', `${path}/logout`, [204, 404], { repeatable: true });
      if (ended.status === 404) throw missingUser(name, id);
      // offline tokens outlive a logout
      const answer = await realm.call('GET', `${path}/consents`, [200]);
      const consents = (await answers()).parsers.consents(answer.body);
      if (consents === undefined) throw realm.malformed('something that is no list of consents');
      for (const { clientId, additionalGrants } of consents) {
        if (additionalGrants?.some(({ key }) => key === 'Offline Token') !== true) continue;
        await realm.call('DELETE', `${path}/consents/${segment(clientId)}`, [204, 404]);
      }
    },

    factors,
    clientSecrets: createClientSecrets(realm, { twoSecrets, now }),
    clientKeys: createClientKeys(realm),
    signIn,
    proof: proof && createProof({ ...options, realm, client: proof, factors, find }),
  };
}

function userOf({ id, username, enabled, attributes }: RealmUser): User {
  return { id, userName: username, active: enabled, mark: attributes?.[markAttribute]?.[0] };
}
