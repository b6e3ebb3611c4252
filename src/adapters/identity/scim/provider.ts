import { FlowError, oneLine } from '../../../foundation/errors.ts';
import type { IdentityProvider, NewUser, SignIn, User } from '../contract.ts';
import { baseOf, createManagementApi, type ManagementApiOptions, type Told } from '../management-api.ts';
import { scimClientSecrets } from './client-secrets.ts';
import { missingUser } from '../missing-user.ts';
import { scimFailure } from './failures.ts';
import { segment } from '../segment.ts';

/** `url` is the base of the API: `https://example.com/scim/v2/` */
export interface ScimOptions extends Omit<ManagementApiOptions, 'mediaType'> {
  /** its name in service.yaml, for messages */
  readonly name: string;
  readonly signIn?: SignIn | undefined;
  /** path of its resource type for client secrets, where it has one */
  readonly clientSecrets?: string | undefined;
  /** epoch milliseconds, for Retry-After dates; default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * Users by SCIM 2.0 (RFC 7643, RFC 7644). A server that takes a password and ignores it, as Keycloak's does, cannot be
 * told from here: idp/sign-in is the proof that the password is in force.
 */
export function createScimProvider(options: ScimOptions): IdentityProvider {
  const { name, signIn, clientSecrets: secretsPath, now = Date.now } = options;
  const base = baseOf(options.url);
  const call = createManagementApi({ ...options, mediaType: 'application/scim+json' });
  const resources = () => import('./resources.ts');

  async function failed(answer: Told, given?: NewUser): Promise<FlowError> {
    const { scimType, detail } = (await resources()).parseFailure(answer.body);
    return scimFailure(name, answer, { scimType, detail, given, now: now() });
  }

  const malformed = (what: string) =>
    new FlowError('protocol', `identity provider "${name}" answers with ${what}`, {
      hint: 'is the address the base of a SCIM 2.0 API?',
    });

  async function get(id: string): Promise<User | undefined> {
    const answer = await call('GET', `Users/${segment(id)}`);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw await failed(answer);
    const user = (await resources()).parseUser(answer.body);
    if (user?.id !== id) throw malformed('something that is not the user asked for');
    return user;
  }

  return {
    address: base.href,
    traits: { mark: 'externalId', lookUpLag: 0, sessionsLag: 0, disabling: 'reversible', birth: 'password-alone' },
    get,
    signIn,
    clientSecrets: secretsPath === undefined ? undefined : scimClientSecrets({ call, path: secretsPath, failed }),

    async find(userName) {
      // the value is a JSON string (RFC 7644, section 3.4.2.2)
      const filter = `userName eq ${JSON.stringify(userName)}`;
      const answer = await call('GET', `Users?${new URLSearchParams({ filter }).toString()}`);
      const { isScimError, parseUsers } = await resources();
      // some say so of a list in which nobody is
      if (answer.status === 404 && isScimError(answer.body)) return undefined;
      if (answer.status !== 200) throw await failed(answer);
      const found = parseUsers(answer.body);
      if (found === undefined) throw malformed('something that is no list of users');
      // the filter is not trusted: a server that ignores it would lend us somebody else's user
      const matching = found.users.filter((user) => sameName(user.userName, userName));
      if (matching.length > 1) {
        throw new FlowError('ambiguous', `identity provider "${name}" has ${matching.length} users "${userName}"`, {
          hint: `their ids: ${oneLine(matching.map(({ id }) => id).join(', '))}`,
        });
      }
      const [user] = matching;
      // an odd neighbour is nobody's trouble, unless it may be the very user
      const odd = found.unreadable.some((each) => each === undefined || sameName(each, userName));
      if (odd && user === undefined) throw malformed('a user that cannot be read');
      // no user among some of those that were not asked for is no proof that there is none
      if (user === undefined && found.total > found.users.length + found.unreadable.length) {
        throw malformed('a part of its users');
      }
      return user;
    },

    async create(given) {
      const { newUserBody, parseUser } = await resources();
      const answer = await call('POST', 'Users', { body: newUserBody(given) });
      if (answer.status !== 201 && answer.status !== 200) throw await failed(answer, given);
      const user = parseUser(answer.body);
      if (user === undefined || !sameName(user.userName, given.userName)) {
        throw malformed('something that is not the user that was made');
      }
      return user;
    },

    async disable(id) {
      const { disableBody } = await resources();
      const before = await get(id);
      if (before === undefined) throw missingUser(name, id);
      if (!before.active) return;
      const answer = await call('PATCH', `Users/${segment(id)}`, {
        body: disableBody,
        // it sets what the user is to be
        repeatable: true,
      });
      if (answer.status === 404) throw missingUser(name, id);
      if (answer.status !== 200 && answer.status !== 204) throw await failed(answer);
      // some servers answer 200 to what they did not understand
      if ((await get(id))?.active === true) throw malformed('a user that is still active after it was disabled');
    },
  };
}

/** RFC 7643, section 4.1.1: userName is compared without case. */
function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
