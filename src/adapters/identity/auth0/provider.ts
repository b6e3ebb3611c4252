import { FlowError } from '../../../foundation/errors.ts';
import type { LimitedApiOptions } from '../admin-api.ts';
import type { IdentityProvider, User } from '../contract.ts';
import type { TenantUser } from './answers.ts';
import { createClientKeys } from './client-keys.ts';
import { createClientSecrets } from './client-secrets.ts';
import { createFactors } from './factors.ts';
import { createMfaGrants } from '../mfa-grants.ts';
import type { ProofClient } from '../proof-client.ts';
import { createTenant } from './tenant.ts';
import { userIds } from '../user-ids.ts';

export interface Auth0Options extends LimitedApiOptions {
  /** the database connection that its users are in */
  readonly connection: string;
  readonly proof?: ProofClient | undefined;
}

/** The key in `app_metadata` that has the ownership mark. */
const markKey = 'flows_owner';

/**
 * Users and clients of an Auth0 tenant by its Management API. A user is known by the email address, and looked up by
 * `users-by-email`: the search lags behind, so that what was made would be made again.
 */
export function createAuth0Provider(options: Auth0Options): IdentityProvider {
  const { name, connection, proof, now } = options;
  const tenant = createTenant(options);
  const ids = userIds(name, /^[^|]+\|./, 'auth0|…');
  const answers = () => import('./answers.ts');

  async function find(userName: string): Promise<User | undefined> {
    // anything else would be refused as no email address
    if (!isEmail(userName)) return undefined;
    const email = userName.toLowerCase();
    const answer = await tenant.call('GET', `users-by-email?${new URLSearchParams({ email }).toString()}`, [200]);
    const users = (await answers()).parsers.users(answer.body);
    if (users === undefined) throw tenant.malformed('something that is no list of users');
    // the same address may be that of a user of another connection, whom nobody here made
    const user = users.find((each) => each.email.toLowerCase() === email && isOf(connection, each));
    return user && userOf(user);
  }

  async function get(id: string): Promise<User | undefined> {
    if (!ids.is(id)) return undefined;
    const answer = await tenant.call('GET', ids.path(id), [200, 404]);
    if (answer.status === 404) return undefined;
    const user = (await answers()).parsers.user(answer.body);
    if (user?.user_id !== id) throw tenant.malformed('something that is not the user asked for');
    return userOf(user);
  }

  const proofBy = (client: ProofClient) =>
    createMfaGrants({
      ...options,
      tokenEndpoint: `${tenant.address}/oauth/token`,
      passwordGrant: { grant_type: 'http://auth0.com/oauth/grant-type/password-realm', realm: connection },
      client,
      clientHas: 'the grants Password and MFA',
      blocked: ['too_many_attempts', 'unauthorized'],
      limits: tenant.limits,
      find,
    });

  return {
    address: tenant.address,
    traits: {
      mark: `${markKey} in app_metadata`,
      // users-by-email shows at once what was made: this is for a request whose answer was lost and that is yet at work
      lookUpLag: 10,
      // a revocation is only accepted, and carried out later
      sessionsLag: 60,
      disabling: 'reversible',
      birth: 'password-alone',
    },
    find,
    get,

    async create({ userName, email, givenName, familyName, password, mark }) {
      if (!isEmail(userName) || userName.toLowerCase() !== email.toLowerCase()) {
        throw new FlowError('invalid-value', `identity provider "${name}" knows users by their email address`, {
          hint: 'give the same address as username and as email',
          place: { subject: 'username' },
        });
      }
      const answer = await tenant.call('POST', 'users', [201], {
        password,
        json: {
          connection,
          email: email.toLowerCase(),
          email_verified: true,
          // nobody reads the mail of such an account
          verify_email: false,
          given_name: givenName,
          family_name: familyName,
          password: password.reveal(),
          app_metadata: { [markKey]: mark },
        },
      });
      const user = (await answers()).parsers.user(answer.body);
      if (user?.email.toLowerCase() !== email.toLowerCase()) {
        throw tenant.malformed('something that is not the user that was made');
      }
      return userOf(user);
    },

    async disable(id) {
      const user = await get(id);
      if (user === undefined) throw ids.missing(id);
      if (user.active) await tenant.call('PATCH', ids.path(id), [200], { json: { blocked: true } });
    },

    async setPassword(id, password) {
      const json = { password: password.reveal(), connection };
      const answer = await tenant.call('PATCH', ids.path(id), [200, 404], { password, json });
      if (answer.status === 404) throw ids.missing(id);
    },

    async endSessions(id) {
      const path = `${ids.path(id)}/revoke-access`;
      // without more it ends refresh tokens too, which outlive sessions
      const answer = await tenant.call('POST', path, [202, 204, 404], { json: {}, repeatable: true });
      if (answer.status === 404) throw ids.missing(id);
    },

    factors: createFactors(tenant, ids, now),
    clientSecrets: createClientSecrets(tenant),
    clientKeys: createClientKeys(tenant),
    proof: proof && proofBy(proof),
  };
}

function isEmail(text: string): boolean {
  return /^[^\s@"\\]+@[^\s@"\\]+$/.test(text);
}

function isOf(connection: string, { identities }: TenantUser): boolean {
  return identities?.some((each) => each.connection === connection) ?? false;
}

function userOf({ user_id: id, email, blocked, app_metadata: metadata }: TenantUser): User {
  const mark = metadata?.[markKey];
  return { id, userName: email, active: blocked !== true, mark: typeof mark === 'string' ? mark : undefined };
}
