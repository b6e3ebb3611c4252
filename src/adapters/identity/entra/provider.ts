import { setTimeout as timer } from 'node:timers/promises';
import { FlowError } from '../../../foundation/errors.ts';
import type { LimitedApiOptions } from '../admin-api.ts';
import type { IdentityProvider, User } from '../contract.ts';
import { segment } from '../segment.ts';
import { userIds } from '../user-ids.ts';
import type { DirectoryUser } from './answers.ts';
import { createClientSecrets } from './client-secrets.ts';
import { createDirectory } from './directory.ts';
import { createFactors, type UserCall } from './factors.ts';

export interface EntraOptions extends LimitedApiOptions {
  /** `extensionAttribute15`: which of the extension attributes has the ownership mark */
  readonly mark: string;
  /** what Graph has in its beta alone may be used */
  readonly preview?: boolean | undefined;
}

/** Milliseconds for which replicas may not know what was made, and between two looks. */
const replicas = { lag: 60_000, look: 500 } as const;
const fields = '$select=id,userPrincipalName,accountEnabled,onPremisesExtensionAttributes';

/**
 * Users and app registrations of a Microsoft Entra tenant by Graph. A user is known by the user principal name. What was
 * made a moment ago is not known to every replica: whoever made it asks again.
 */
export function createEntraProvider(options: EntraOptions): IdentityProvider {
  const { name, now, sleep = timer, mark: markAttribute, preview = false } = options;
  const directory = createDirectory(options);
  const ids = userIds(name, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a GUID');
  const answers = () => import('./answers.ts');
  /** what this process has made, by id and by name in lower case: when */
  const made = new Map<string, number>();

  /** @param key by which the user is asked for. @returns 404 where no replica knows of one */
  async function patiently(key: string, send: () => ReturnType<UserCall>): ReturnType<UserCall> {
    const known = (made.get(key.toLowerCase()) ?? -Infinity) + replicas.lag;
    for (;;) {
      const answer = await send();
      if (answer.status !== 404 || now() >= known) return answer;
      await sleep(replicas.look);
    }
  }

  const call: UserCall = async (method, version, user, below, accepted, asked) => {
    const path = `${version}/${ids.path(user)}${below}`;
    const answer = await patiently(user, () => directory.call(method, path, [...accepted, 404], asked));
    if (answer.status === 404 && !accepted.includes(404)) throw ids.missing(user);
    return answer;
  };

  async function look(idOrName: string): Promise<DirectoryUser | undefined> {
    const path = `v1.0/users/${segment(idOrName)}?${fields}`;
    const answer = await patiently(idOrName, () => directory.call('GET', path, [200, 404]));
    return answer.status === 404 ? undefined : read(answer.body);
  }

  async function read(body: string): Promise<DirectoryUser> {
    const user = (await answers()).parsers.user(body);
    if (user === undefined) throw directory.malformed('something that is no user');
    return user;
  }

  function userOf({ id, userPrincipalName, accountEnabled, onPremisesExtensionAttributes: extension }: DirectoryUser) {
    const mark = extension?.[markAttribute];
    const user: User = {
      id,
      userName: userPrincipalName,
      active: accountEnabled !== false,
      mark: typeof mark === 'string' ? mark : undefined,
    };
    return user;
  }

  async function get(id: string): Promise<User | undefined> {
    const found = ids.is(id) ? await look(id) : undefined;
    return found && userOf(found);
  }

  return {
    address: directory.address,
    traits: {
      mark: `${markAttribute} of onPremisesExtensionAttributes`,
      lookUpLag: 60,
      // access tokens live on for their time, and what ends takes minutes
      sessionsLag: 300,
      disabling: 'reversible',
      birth: 'password-alone',
    },
    get,

    async find(userName) {
      if (!isName(userName)) return undefined;
      const found = await look(userName);
      const named = found?.userPrincipalName.toLowerCase() === userName.toLowerCase();
      return found !== undefined && named ? userOf(found) : undefined;
    },

    async create({ userName, givenName, familyName, password, mark }) {
      if (!isName(userName)) {
        throw new FlowError('invalid-value', `identity provider "${name}" knows users by their user principal name`, {
          hint: 'give username as name@domain, with a verified domain of the tenant',
          place: { subject: 'username' },
        });
      }
      const answer = await directory.call('POST', 'v1.0/users', [201], {
        password,
        json: {
          accountEnabled: true,
          displayName: `${givenName} ${familyName}`,
          givenName,
          surname: familyName,
          mailNickname: userName.slice(0, userName.indexOf('@')).slice(0, 64),
          userPrincipalName: userName,
          passwordProfile: passwordProfile(password.reveal()),
          onPremisesExtensionAttributes: { [markAttribute]: mark },
        },
      });
      const user = await read(answer.body);
      if (user.userPrincipalName.toLowerCase() !== userName.toLowerCase()) {
        throw directory.malformed('something that is not the user that was made');
      }
      for (const key of [user.id, userName]) made.set(key.toLowerCase(), now());
      // the answer has a selection of its own
      return { ...userOf(user), mark };
    },

    async disable(id) {
      const user = await get(id);
      if (user === undefined) throw ids.missing(id);
      if (user.active) await call('PATCH', 'v1.0', id, '', [204], { json: { accountEnabled: false } });
    },

    async setPassword(id, password) {
      const json = { passwordProfile: passwordProfile(password.reveal()) };
      await call('PATCH', 'v1.0', id, '', [204], { password, json });
    },

    async endSessions(id) {
      await call('POST', 'v1.0', id, '/revokeSignInSessions', [200, 204], { repeatable: true });
    },

    clientSecrets: createClientSecrets(directory, now),
    factors: preview ? createFactors(directory, call, now) : undefined,
  };
}

const passwordProfile = (password: string) => ({ password, forceChangePasswordNextSignIn: false });

/** A user principal name, of the characters that Entra allows in one. */
function isName(text: string): boolean {
  return /^[A-Za-z0-9'._!#^~-]+@[A-Za-z0-9.-]+$/.test(text);
}
