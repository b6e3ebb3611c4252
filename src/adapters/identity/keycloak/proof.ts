import { FlowError } from '../../../foundation/errors.ts';
import { createHttp, type HttpOptions } from '../../../foundation/http.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { Rejected, SignIn, SignInPage, User } from '../contract.ts';
import { asProofClient, type ProofClient } from '../proof-client.ts';
import type { BruteForce, TokenAnswer } from './answers.ts';
import type { KeycloakFactors } from './factors.ts';
import type { Realm } from './realm.ts';

interface ProofOptions extends Pick<HttpOptions, 'development' | 'fetch' | 'deadline'> {
  readonly realm: Realm;
  /** a client with direct access grants. */
  readonly client: ProofClient;
  readonly factors: KeycloakFactors;
  readonly find: (userName: string) => Promise<User | undefined>;
}

interface Credentials {
  readonly username: string;
  readonly password: Secret;
}

/**
 * Signs in by the password grant, with a one-time code where the user has one. Keycloak says the same of a wrong
 * password, a wrong code and a locked user, so the failures that it counts are compared; where it counts none, it stays
 * unknown which of the two was wrong. After a success the same is tried without a code: a realm whose flow does not ask
 * for one would let everybody in who has the password.
 */
export function createProof({ realm, client, factors, find, ...http }: ProofOptions): SignIn {
  const send = createHttp({ ...http, peer: 'the identity provider' });
  const answers = () => import('./answers.ts');

  async function ask(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
    const body = await asProofClient(client, fields);
    return send(`${realm.address}/protocol/openid-connect/${path}`, { method: 'POST', body });
  }

  /** @returns the error's words where it is refused */
  async function grant({ username, password }: Credentials, code?: Secret): Promise<TokenAnswer | string> {
    const fields = { grant_type: 'password', scope: 'openid', username, password: password.reveal() };
    const response = await ask('token', code === undefined ? fields : { ...fields, totp: code.reveal() });
    const body = await response.text();
    const { parsers, parseFailure } = await answers();
    const token = response.status === 200 ? parsers.token(body) : undefined;
    if (token !== undefined) return token;
    const { error, detail } = parseFailure(body);
    if (response.status === 400 && error === 'invalid_grant') return detail;
    if ([400, 401].includes(response.status)) {
      const refused = `refuses the client "${client.clientId}" of its proof`;
      throw new FlowError('denied', `identity provider "${realm.name}" ${refused}`, {
        hint: 'has the client direct access grants, and is its secret the one that proof: names?',
      });
    }
    const trouble = response.status >= 500 ? 'unavailable' : 'protocol';
    throw new FlowError(trouble, `identity provider "${realm.name}" answers ${response.status} to a sign-in`, {
      hint: 'try again later',
    });
  }

  async function end({ refresh_token: refresh }: TokenAnswer): Promise<void> {
    if (refresh === undefined) return;
    const { status } = await ask('logout', { refresh_token: refresh });
    if (status === 204 || status === 200) return;
    throw new FlowError('protocol', `identity provider "${realm.name}" answers ${status} to a sign-out`);
  }

  const signedIn = (user: User, token: TokenAnswer): SignInPage => ({
    at: 'signed-in',
    subject: user.id,
    end: () => end(token),
  });

  async function rejected(user: User, words: string, before: BruteForce): Promise<SignInPage> {
    // a disabled account, or one that is asked for something else first
    if (/^Account /.test(words)) return { at: 'rejected', what: 'account' };
    return { at: 'rejected', what: refusedOf(before, await factors.failuresOf(user.id)) };
  }

  async function submit(user: User, credentials: Credentials, code: Secret): Promise<SignInPage> {
    const before = await factors.failuresOf(user.id);
    // a locked user is refused whatever the code, and stays locked for longer
    if (before.disabled) return { at: 'rejected', what: 'account' };
    const token = await grant(credentials, code);
    if (typeof token === 'string') return rejected(user, token, before);
    const without = await grant(credentials).catch(async (error: unknown) => {
      await end(token).catch(() => undefined);
      throw error;
    });
    if (typeof without === 'string') {
      // that failure was ours: the next one within a second would lock the user
      await factors.forgetFailures(user.id);
      return signedIn(user, token);
    }
    await Promise.allSettled([end(token), end(without)]);
    throw new FlowError(
      'protocol',
      `identity provider "${realm.name}" lets user "${credentials.username}" in without the one-time code`,
      { hint: 'let the direct grant flow of the realm ask for it, of whoever has one' },
    );
  }

  return {
    async begin(credentials) {
      const user = await find(credentials.username);
      if (user?.active !== true) return { at: 'rejected', what: 'account' };
      const [factor] = await factors.list(user.id);
      // nothing is sent yet: a password without a code would count as a failure
      if (factor !== undefined) return { at: 'one-time-code', submit: (code) => submit(user, credentials, code) };
      const before = await factors.failuresOf(user.id);
      if (before.disabled) return { at: 'rejected', what: 'account' };
      const token = await grant(credentials);
      if (typeof token !== 'string') return signedIn(user, token);
      const page = await rejected(user, token, before);
      return page.at === 'rejected' && page.what === 'password-or-code' ? { at: 'rejected', what: 'password' } : page;
    },
  };
}

function refusedOf(before: BruteForce, after: BruteForce): Rejected {
  if (after.numSecondaryAuthFailures > before.numSecondaryAuthFailures) return 'one-time-code';
  if (after.numFailures > before.numFailures) return 'password';
  return after.disabled ? 'account' : 'password-or-code';
}
