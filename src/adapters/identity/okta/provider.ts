import { setTimeout as timer } from 'node:timers/promises';
import { FlowError } from '../../../foundation/errors.ts';
import type { LimitedApiOptions } from '../admin-api.ts';
import type { IdentityProvider, User } from '../contract.ts';
import { createMfaGrants } from '../mfa-grants.ts';
import type { ProofClient } from '../proof-client.ts';
import { segment } from '../segment.ts';
import { userIds } from '../user-ids.ts';
import type { OrgUser } from './answers.ts';
import { createClientSecrets } from './client-secrets.ts';
import { createFactors } from './factors.ts';
import { createOrg } from './org.ts';

export interface OktaOptions extends LimitedApiOptions {
  /** the id of a group: new users are made in it */
  readonly group?: string | undefined;
  readonly proof?: ProofClient | undefined;
}

/** The attribute of the profile that has the ownership mark. */
const markAttribute = 'flowsOwner';
/** Milliseconds: a user is activated after the answer that made it. */
const activation = { look: 250, patience: 20_000 } as const;
/** What can sign in, or could but for a lock or a password that is to be changed. */
const active: readonly unknown[] = ['ACTIVE', 'PROVISIONED', 'RECOVERY', 'PASSWORD_EXPIRED', 'LOCKED_OUT'];

/**
 * Users and clients of an Okta org by its API. A user is looked up by its login, which is consistent: the search lags
 * behind.
 */
export function createOktaProvider(options: OktaOptions): IdentityProvider {
  const { name, group, proof, now, sleep = timer } = options;
  const org = createOrg(options);
  const ids = userIds(name, /^00u[A-Za-z0-9]{17}$/, '00u…');
  const answers = () => import('./answers.ts');

  /** @param idOrLogin both name a user at the same place, and so does `me` */
  async function look(idOrLogin: string): Promise<OrgUser | undefined> {
    const answer = await org.call('GET', `users/${segment(idOrLogin)}`, [200, 404]);
    return answer.status === 404 ? undefined : read(answer.body);
  }

  async function read(body: string): Promise<OrgUser> {
    const user = (await answers()).parsers.user(body);
    if (user === undefined) throw org.malformed('something that is no user');
    return user;
  }

  /** A user as it is once the org has done what it was asked for before. */
  async function settled(user: OrgUser | undefined): Promise<OrgUser | undefined> {
    const until = now() + activation.patience;
    let found = user;
    while (found?.transitioningToStatus && now() < until) {
      await sleep(activation.look);
      found = await look(found.id);
    }
    return found;
  }

  async function find(userName: string): Promise<User | undefined> {
    // no login can be any of these, and a path of them leads elsewhere
    if (/^\.{0,2}$|\//.test(userName)) return undefined;
    const found = await settled(await look(userName));
    const named = found?.profile.login.toLowerCase() === userName.toLowerCase();
    return found !== undefined && named ? userOf(found) : undefined;
  }

  async function get(id: string): Promise<OrgUser | undefined> {
    return ids.is(id) ? settled(await look(id)) : undefined;
  }

  const proofBy = (client: ProofClient) =>
    createMfaGrants({
      ...options,
      tokenEndpoint: `${org.address}/oauth2/v1/token`,
      challengeEndpoint: `${org.address}/oauth2/v1/challenge`,
      passwordGrant: { grant_type: 'password' },
      client,
      clientHas: 'the grants Resource Owner Password and MFA OTP',
      blocked: ['access_denied'],
      limits: org.limits,
      find,
    });

  return {
    address: org.address,
    traits: {
      mark: `${markAttribute} in the profile: add that attribute to the user profile of the org`,
      // a login shows at once what was made: this is for a request whose answer was lost and that is yet at work
      lookUpLag: 10,
      sessionsLag: 0,
      disabling: 'reversible',
      birth: 'password-alone',
    },
    find,
    async get(id) {
      const found = await get(id);
      return found && userOf(found);
    },

    async create({ userName, email, givenName, familyName, password, mark }) {
      if (userName.includes('/')) {
        throw new FlowError('invalid-value', `identity provider "${name}" finds no login with a slash again`, {
          hint: 'give an email address as username',
          place: { subject: 'username' },
        });
      }
      const answer = await org.call('POST', 'users?activate=true', [200], {
        password,
        json: {
          profile: {
            login: userName,
            email,
            firstName: givenName,
            lastName: familyName,
            [markAttribute]: mark,
          },
          credentials: { password: { value: password.reveal() } },
          ...(group === undefined ? {} : { groupIds: [group] }),
        },
      });
      const made = await read(answer.body);
      if (made.profile.login.toLowerCase() !== userName.toLowerCase()) {
        throw org.malformed('something that is not the user that was made');
      }
      return userOf((await settled(made)) ?? made);
    },

    async disable(id) {
      const found = await get(id);
      if (found === undefined) throw ids.missing(id);
      if (['SUSPENDED', 'DEPROVISIONED'].includes(found.status)) return;
      if (found.status !== 'ACTIVE') {
        throw new FlowError('refused', `identity provider "${name}" suspends active users alone: "${id}" is not`, {
          hint: `it is ${found.status}: unlock or activate it in the console and run again, or deactivate it there, which is final`,
        });
      }
      await org.call('POST', `${ids.path(id)}/lifecycle/suspend`, [200], { repeatable: true });
    },

    async setPassword(id, password) {
      const json = { credentials: { password: { value: password.reveal() } } };
      const answer = await org.call('POST', ids.path(id), [200, 404], { password, json });
      if (answer.status === 404) throw ids.missing(id);
    },

    async endSessions(id) {
      const answer = await org.call('DELETE', `${ids.path(id)}/sessions?oauthTokens=true`, [204, 404]);
      if (answer.status === 404) throw ids.missing(id);
    },

    factors: createFactors(org, ids),
    clientSecrets: createClientSecrets(org),
    proof: proof && proofBy(proof),
  };
}

function userOf({ id, status, transitioningToStatus: next, profile }: OrgUser): User {
  const mark = profile[markAttribute];
  return {
    id,
    userName: profile.login,
    active: active.includes(status) || next === 'ACTIVE',
    mark: typeof mark === 'string' ? mark : undefined,
    locked: status === 'LOCKED_OUT',
  };
}
