import { FlowError, oneLine } from '../../../foundation/errors.ts';
import { createHttp, type HttpOptions } from '../../../foundation/http.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { IdentityProvider, NewUser, SignIn, User } from '../contract.ts';
import { scimFailure, type Told } from './failures.ts';

export interface ScimOptions extends Pick<HttpOptions, 'development' | 'fetch' | 'deadline'> {
  /** its name in service.yaml, for messages */
  readonly name: string;
  /** the base of the API: `https://example.com/scim/v2/` */
  readonly url: string;
  /** Gives the bearer token. Where one was refused it is told which, so that a cache can let go of it. */
  readonly token: (refused?: Secret) => Promise<Secret>;
  readonly signIn?: SignIn | undefined;
  /** epoch milliseconds, for Retry-After dates; default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * Users by SCIM 2.0 (RFC 7643, RFC 7644). A server that takes a password and ignores it, as Keycloak's does, cannot be
 * told from here: idp/sign-in is the proof that the password is in force.
 */
export function createScimProvider(options: ScimOptions): IdentityProvider {
  const { name, token, signIn, now = Date.now } = options;
  const base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`);
  const send = createHttp({ ...options, peer: 'the identity provider' });
  const resources = () => import('./resources.ts');

  async function call(method: string, path: string, body?: string): Promise<Told> {
    const url = new URL(path, base).href;
    const once = async (bearer: Secret): Promise<Told> => {
      const response = await send(url, {
        method,
        headers: {
          accept: 'application/scim+json, application/json',
          authorization: `Bearer ${bearer.reveal()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        },
        ...(body === undefined ? {} : { body }),
        // a PATCH of ours sets what it is to be; a user must not be made twice
        ...(method === 'PATCH' ? { repeatable: true } : {}),
      });
      return { status: response.status, headers: response.headers, body: await response.text(), bearer };
    };
    const bearer = await token();
    const answer = await once(bearer);
    if (answer.status !== 401) return answer;
    const fresh = await token(bearer);
    return fresh.equals(bearer) ? answer : once(fresh);
  }

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
    get,
    ...(signIn === undefined ? {} : { signIn }),

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
      const answer = await call('POST', 'Users', newUserBody(given));
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
      if (before === undefined) throw missing(name, id);
      if (!before.active) return;
      const answer = await call('PATCH', `Users/${segment(id)}`, disableBody);
      if (answer.status === 404) throw missing(name, id);
      if (answer.status !== 200 && answer.status !== 204) throw await failed(answer);
      // some servers answer 200 to what they did not understand
      if ((await get(id))?.active === true) throw malformed('a user that is still active after it was disabled');
    },
  };
}

/** An id as one segment of a path; `..` would lead out of it. */
function segment(id: string): string {
  const encoded = encodeURIComponent(id);
  if (/^\.{0,2}$/.test(encoded)) throw new FlowError('not-found', `"${id}" is no user id`, { hint: 'give the id' });
  return encoded;
}

/** RFC 7643, section 4.1.1: userName is compared without case. */
function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function missing(name: string, id: string): FlowError {
  return new FlowError('not-found', `identity provider "${name}" has no user with the id "${id}"`, {
    hint: 'give the id that idp/create-user put out, not the user name',
  });
}
