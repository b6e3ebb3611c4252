import { FlowError } from '../../../foundation/errors.ts';
import { createHttp, type HttpOptions } from '../../../foundation/http.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { SignIn, SignInPage, User } from '../contract.ts';
import type { ProofClient } from '../proof-client.ts';
import { resetOf, type Tenant } from './tenant.ts';

interface ProofOptions extends Pick<HttpOptions, 'development' | 'fetch' | 'deadline'> {
  readonly tenant: Tenant;
  /** an application with the grants Password and MFA. */
  readonly client: ProofClient;
  readonly connection: string;
  /** epoch milliseconds */
  readonly now: () => number;
  readonly find: (userName: string) => Promise<User | undefined>;
}

type Answer =
  | { readonly is: 'token' }
  | { readonly is: 'mfa-required'; readonly token: Secret }
  | { readonly is: 'refused' | 'blocked' };

const grants = 'http://auth0.com/oauth/grant-type';

/**
 * Signs in by the password grant for the connection, then by the grant for one-time codes. Whether a code is asked for is
 * the tenant's policy: where it asks for none, everybody is in who has the password, and `begin` says so.
 */
export function createProof({ tenant, client, connection, now, find, ...http }: ProofOptions): SignIn {
  const send = createHttp({ ...http, peer: 'the identity provider' });
  const { name, address } = tenant;

  async function grant(type: string, fields: Readonly<Record<string, string>>): Promise<Answer> {
    const secret = await client.clientSecret?.();
    const body = new URLSearchParams({
      grant_type: `${grants}/${type}`,
      client_id: client.clientId,
      ...(secret === undefined ? {} : { client_secret: secret.reveal() }),
      ...fields,
    });
    const response = await send(`${address}/oauth/token`, { method: 'POST', body });
    const text = await response.text();
    const { parsers, parseFailure } = await import('./answers.ts');
    if (response.status === 200 && parsers.token(text) !== undefined) return { is: 'token' };
    const { error, mfaToken } = parseFailure(text);
    if (error === 'mfa_required' && mfaToken !== undefined) return { is: 'mfa-required', token: new Secret(mfaToken) };
    if (error === 'invalid_grant') return { is: 'refused' };
    // by its own protection, or by whoever disabled the user
    if (error === 'too_many_attempts' || error === 'unauthorized') return { is: 'blocked' };
    if (response.status === 429) {
      throw new FlowError('rate-limited', `identity provider "${name}" asks for fewer sign-ins`, {
        hint: 'try again later',
        retryAfter: resetOf(response.headers, now()),
      });
    }
    if (response.status >= 500) {
      throw new FlowError('unavailable', `identity provider "${name}" answers ${response.status} to a sign-in`, {
        hint: 'try again later',
      });
    }
    throw new FlowError('denied', `identity provider "${name}" refuses the client "${client.clientId}" of its proof`, {
      hint: 'has the application the grants Password and MFA, and is its secret the one that proof: names?',
    });
  }

  // no refresh token was asked for, and these grants make no session
  const signedIn = ({ id }: User): SignInPage => ({ at: 'signed-in', subject: id, end: async () => undefined });

  async function submit(user: User, token: Secret, code: Secret): Promise<SignInPage> {
    const answer = await grant('mfa-otp', { mfa_token: token.reveal(), otp: code.reveal() });
    if (answer.is === 'token') return signedIn(user);
    if (answer.is === 'blocked') return { at: 'rejected', what: 'account' };
    // the same token takes another code, for ten minutes
    return { at: 'rejected', what: 'one-time-code', again: (next) => submit(user, token, next) };
  }

  return {
    async begin({ username, password }) {
      const user = await find(username);
      if (user?.active !== true) return { at: 'rejected', what: 'account' };
      const answer = await grant('password-realm', {
        realm: connection,
        username: user.userName,
        password: password.reveal(),
        scope: 'openid',
      });
      if (answer.is === 'mfa-required') {
        return { at: 'one-time-code', submit: (code) => submit(user, answer.token, code) };
      }
      if (answer.is === 'token') return signedIn(user);
      return { at: 'rejected', what: answer.is === 'blocked' ? 'account' : 'password' };
    },
  };
}
