import type { Secret } from '../../../foundation/secret.ts';
import type { IdentityProvider, User } from '../contract.ts';
import { missingUser } from '../missing-user.ts';
import type { ProofClient } from '../proof-client.ts';
import type { PoolUser } from './answers.ts';
import { createClientSecrets } from './client-secrets.ts';
import { createFactors } from './factors.ts';
import { markAttribute } from './names.ts';
import { createPool, type Operation, type PoolOptions, sayingOf } from './pool.ts';
import { createProof } from './proof.ts';
import { createSignIn } from './sign-in.ts';

export interface CognitoOptions extends PoolOptions {
  /** an app client with `ALLOW_ADMIN_USER_PASSWORD_AUTH` */
  readonly proof?: ProofClient | undefined;
}

/** What a pool takes as a user name. Source: the service model of Cognito, `UsernameType` */
const namePattern = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u;
/** Made by an administrator, and its password is a temporary one. */
const temporary = 'FORCE_CHANGE_PASSWORD';

/** Users and app clients of a Cognito user pool, by the AWS SDK. */
export function createCognitoProvider(options: CognitoOptions): IdentityProvider {
  const { name, proof } = options;
  const pool = createPool(options);
  const of = (user: string) => ({ UserPoolId: pool.id, Username: user });
  const signIn = proof && createSignIn(pool, proof);

  /** @param user its name, its id, or an address that signs it in */
  async function look(user: string): Promise<PoolUser | undefined> {
    if (!namePattern.test(user)) return undefined;
    return pool
      .ask(
        (client, call) => client.adminGetUser(of(user), call),
        (forms) => forms.user,
      )
      .catch((error: unknown) => {
        if (sayingOf(error)?.name === 'UserNotFoundException') return undefined;
        throw error;
      });
  }

  async function get(id: string): Promise<PoolUser | undefined> {
    const found = await look(id);
    return found?.id === id ? found : undefined;
  }

  async function existing(id: string): Promise<PoolUser> {
    const found = await get(id);
    if (found === undefined) throw missingUser(name, id);
    return found;
  }

  async function find(userName: string): Promise<User | undefined> {
    const found = await look(userName);
    const user = found && userOf(found);
    return user?.userName.toLowerCase() === userName.toLowerCase() ? user : undefined;
  }

  /** What changes a user that is there. @throws FlowError not-found */
  async function change(id: string, operation: Operation, password?: Secret): Promise<void> {
    if (!namePattern.test(id)) throw missingUser(name, id);
    await pool.tell(operation, password).catch((error: unknown) => {
      throw sayingOf(error)?.name === 'UserNotFoundException' ? missingUser(name, id) : error;
    });
  }

  const setPassword: IdentityProvider['setPassword'] = (id, password) =>
    change(
      id,
      (client, call) => client.adminSetUserPassword({ ...of(id), Password: password.reveal(), Permanent: true }, call),
      password,
    );

  return {
    get address() {
      return `${pool.address()}/${pool.id}`;
    },
    traits: {
      mark: `${markAttribute}: add that attribute to the pool`,
      // a user shows at once: this is for a request whose answer was lost and that is yet at work
      lookUpLag: 10,
      // access tokens are accepted until they end by whoever verifies them by himself
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
      const attributes = { email, email_verified: 'true', given_name: givenName, family_name: familyName };
      const made = await pool.ask(
        (client, call) =>
          client.adminCreateUser(
            {
              ...of(userName),
              MessageAction: 'SUPPRESS',
              // nobody is made whose password the policy refuses; it is in force with the next request
              TemporaryPassword: password.reveal(),
              UserAttributes: Object.entries({ ...attributes, [markAttribute]: mark }).map(([Name, Value]) => ({
                Name,
                Value,
              })),
            },
            call,
          ),
        (forms) => forms.made,
        password,
      );
      await setPassword(made.id, password);
      return { ...userOf(made), unfinished: false };
    },

    disable: (id) => change(id, (client, call) => client.adminDisableUser(of(id), call)),
    setPassword,
    endSessions: (id) => change(id, (client, call) => client.adminUserGlobalSignOut(of(id), call)),
    factors: createFactors(pool, signIn, existing),
    clientSecrets: createClientSecrets(pool),
    proof: signIn && createProof(signIn, find),
  };
}

/** In a pool whose users sign in by address, the pool names them itself. */
function userOf({ id, enabled, status, attributes }: PoolUser): User {
  const named = attributes.get('sub') !== id;
  return {
    id,
    userName: named ? id : (attributes.get('email') ?? id),
    mark: attributes.get(markAttribute),
    active: enabled,
    unfinished: status === temporary,
  };
}
