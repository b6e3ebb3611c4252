import { FlowError } from '../../foundation/errors.ts';
import { createHttp, type HttpOptions } from '../../foundation/http.ts';
import { Secret } from '../../foundation/secret.ts';
import type { SignIn, SignInPage, User } from './contract.ts';
import { asProofClient, type ProofClient } from './proof-client.ts';
import { type RequestLimits, secondsToReset } from './request-limits.ts';

export interface MfaGrantsOptions extends Pick<HttpOptions, 'development' | 'fetch' | 'deadline'> {
  /** the provider's name in service.yaml, for messages */
  readonly name: string;
  readonly tokenEndpoint: string;
  /** asked for a challenge between the two grants, where the provider wants that */
  readonly challengeEndpoint?: string;
  /** the grant that takes a password, and what goes with it */
  readonly passwordGrant: Readonly<Record<string, string>>;
  readonly client: ProofClient;
  /** what the client must have, for messages: `the grants Password and MFA` */
  readonly clientHas: string;
  /** errors that refuse the account itself: its own protection, or whoever disabled the user */
  readonly blocked: readonly string[];
  readonly limits: RequestLimits;
  readonly find: (userName: string) => Promise<User | undefined>;
}

type Answer =
  | { readonly is: 'token' | 'challenge' }
  | { readonly is: 'mfa-required'; readonly token: Secret }
  | { readonly is: 'refused' | 'blocked' };

/** Auth0's name, which others have taken over. */
const otpGrant = 'http://auth0.com/oauth/grant-type/mfa-otp';

/**
 * Signs in by a password grant, then by the grant for one-time codes. Whether a code is asked for is the provider's policy:
 * where it asks for none, everybody is in who has the password, and `begin` says so.
 */
export function createMfaGrants(options: MfaGrantsOptions): SignIn {
  const { name, tokenEndpoint, challengeEndpoint, passwordGrant, client, blocked, limits, find } = options;
  const send = createHttp({ ...options, peer: 'the identity provider' });

  async function ask(endpoint: string, fields: Readonly<Record<string, string>>): Promise<Answer> {
    const body = await asProofClient(client, fields);
    const response = await send(endpoint, { method: 'POST', body });
    const text = await response.text();
    const { readGrant } = await import('./grant-answers.ts');
    const { access_token: token = '', error = '', mfa_token: mfaToken } = readGrant(text) ?? {};
    if (response.status === 200 && endpoint === challengeEndpoint) return { is: 'challenge' };
    if (response.status === 200 && token !== '') return { is: 'token' };
    if (error === 'mfa_required' && mfaToken !== undefined) return { is: 'mfa-required', token: new Secret(mfaToken) };
    if (error === 'invalid_grant') return { is: 'refused' };
    if (blocked.includes(error)) return { is: 'blocked' };
    if (response.status === 429) {
      throw new FlowError('rate-limited', `identity provider "${name}" asks for fewer sign-ins`, {
        hint: 'try again later',
        retryAfter: secondsToReset(response.headers, limits),
      });
    }
    if (response.status >= 500) {
      throw new FlowError('unavailable', `identity provider "${name}" answers ${response.status} to a sign-in`, {
        hint: 'try again later',
      });
    }
    throw new FlowError('denied', `identity provider "${name}" refuses the client "${client.clientId}" of its proof`, {
      hint: `has the application ${options.clientHas}, and is its secret the one that proof: names?`,
    });
  }

  // no refresh token was asked for, and these grants make no session
  const signedIn = ({ id }: User): SignInPage => ({ at: 'signed-in', subject: id, end: async () => undefined });

  async function submit(user: User, token: Secret, code: Secret): Promise<SignInPage> {
    const answer = await ask(tokenEndpoint, { grant_type: otpGrant, mfa_token: token.reveal(), otp: code.reveal() });
    if (answer.is === 'token') return signedIn(user);
    if (answer.is === 'blocked') return { at: 'rejected', what: 'account' };
    // the same token takes another code, for some minutes
    return { at: 'rejected', what: 'one-time-code', again: (next) => submit(user, token, next) };
  }

  async function codePage(user: User, token: Secret): Promise<SignInPage> {
    if (challengeEndpoint !== undefined) {
      const answer = await ask(challengeEndpoint, { mfa_token: token.reveal(), challenge_types_supported: otpGrant });
      if (answer.is !== 'challenge') return { at: 'rejected', what: 'account' };
    }
    return { at: 'one-time-code', submit: (code) => submit(user, token, code) };
  }

  return {
    async begin({ username, password }) {
      const user = await find(username);
      if (user?.active !== true || user.locked === true) return { at: 'rejected', what: 'account' };
      const answer = await ask(tokenEndpoint, {
        ...passwordGrant,
        username: user.userName,
        password: password.reveal(),
        scope: 'openid',
      });
      if (answer.is === 'mfa-required') return codePage(user, answer.token);
      if (answer.is === 'token') return signedIn(user);
      return { at: 'rejected', what: answer.is === 'blocked' ? 'account' : 'password' };
    },
  };
}
