import { FlowError } from '../../../foundation/errors.ts';
import { Secret } from '../../../foundation/secret.ts';
import { normaliseSeed } from '../../../foundation/totp.ts';
import type { BegunEnrolment, Rejected } from '../contract.ts';
import type { ProofClient } from '../proof-client.ts';
import type { Tokens } from './answers.ts';
import { type Operation, type Pool, sayingOf } from './pool.ts';
import { softwareToken } from './names.ts';

/** Where a sign-in stands. */
export type Stage =
  | { readonly is: 'complete'; readonly tokens: Tokens }
  /** a one-time code is asked for */
  | { readonly is: 'code'; readonly session: string }
  /** the pool wants everybody to have a second factor, and the user has none */
  | { readonly is: 'setup'; readonly session: string }
  /** `final`: the session is of no use any more */
  | { readonly is: 'rejected'; readonly what: Rejected; readonly final: boolean };

/** By what the pool says, which is matched and never shown. The first that fits counts. */
const rejections: readonly (readonly [name: string, saying: RegExp, what: Rejected, final?: boolean])[] = [
  ['CodeMismatchException', /./, 'one-time-code', false],
  // a code that was used already
  ['ExpiredCodeException', /./, 'one-time-code', false],
  ['PasswordResetRequiredException', /./, 'password-expired'],
  ['UserNotConfirmedException', /./, 'account'],
  ['UserNotFoundException', /./, 'account'],
  ['NotAuthorizedException', /temporary password has expired/i, 'password-expired'],
  ['NotAuthorizedException', /incorrect username or password/i, 'password'],
  ['NotAuthorizedException', /disabled|attempts exceeded|session/i, 'account'],
];

/** Sign-ins without pages, by an app client that may take passwords on the server's side. */
export function createSignIn(pool: Pool, client: ProofClient) {
  /** What names the client beside its id: it is made of the user's name and the client's secret. */
  async function secretHash(user: string): Promise<Readonly<Record<string, string>>> {
    const secret = await client.clientSecret?.();
    if (secret === undefined) return {};
    const { createHmac } = process.getBuiltinModule('node:crypto');
    const hash = createHmac('sha256', secret.reveal()).update(`${user}${client.clientId}`).digest('base64');
    return { SECRET_HASH: hash };
  }

  async function judged(answer: ReturnType<typeof ask>): Promise<Stage> {
    try {
      const found = await answer;
      if ('AuthenticationResult' in found) return { is: 'complete', tokens: found.AuthenticationResult };
      const { ChallengeName: asked, Session: session } = found;
      if (asked === 'NEW_PASSWORD_REQUIRED') return { is: 'rejected', what: 'password-expired', final: true };
      if (asked === softwareToken) return { is: 'code', session: session ?? '' };
      if (asked === 'MFA_SETUP') return { is: 'setup', session: session ?? '' };
      throw new FlowError('protocol', `identity provider "${pool.name}" asks for something that is no one-time code`, {
        hint: 'let authenticator apps be the second factor that the user prefers, and the app client ask for no other challenge',
      });
    } catch (error) {
      const said = sayingOf(error);
      const row = rejections.find(([name, saying]) => said?.name === name && saying.test(said.words));
      if (row === undefined) throw error;
      const [, , what, final = true] = row;
      return { is: 'rejected', what, final };
    }
  }

  const ask = (operation: Operation) => pool.ask(operation, ({ stage }) => stage);
  const who = { UserPoolId: pool.id, ClientId: client.clientId };

  async function answer(user: string, session: string, name: 'SOFTWARE_TOKEN_MFA' | 'MFA_SETUP', further: object) {
    const responses = { USERNAME: user, ...further, ...(await secretHash(user)) };
    const challenge = { ChallengeName: name, Session: session, ChallengeResponses: responses };
    return judged(ask((client, call) => client.adminRespondToAuthChallenge({ ...who, ...challenge }, call)));
  }

  /** Ends the sign-in, as far as its tokens can be revoked. */
  async function end({ RefreshToken: token }: Tokens): Promise<void> {
    if (!token) return;
    const secret = await client.clientSecret?.();
    const given = { Token: token, ClientId: client.clientId, ClientSecret: secret?.reveal() };
    await pool.tell((client, call) => client.revokeToken(given, call));
  }

  return {
    /** @param user the pool's own name for it */
    async begin(user: string, password: Secret): Promise<Stage> {
      const parameters = { USERNAME: user, PASSWORD: password.reveal(), ...(await secretHash(user)) };
      const flow = { AuthFlow: 'ADMIN_USER_PASSWORD_AUTH', AuthParameters: parameters } as const;
      return judged(ask((client, call) => client.adminInitiateAuth({ ...who, ...flow }, call)));
    },

    submit: (user: string, session: string, code: Secret) =>
      answer(user, session, softwareToken, { SOFTWARE_TOKEN_MFA_CODE: code.reveal() }),

    /**
     * A seed of the pool's for whoever has signed in so far. Once it is in force the user is asked for its code from then on,
     * and the sign-in is over.
     */
    async enrolment(user: string, stage: Extract<Stage, { is: 'complete' | 'setup' }>): Promise<BegunEnrolment> {
      const own = stage.is === 'complete' ? { AccessToken: stage.tokens.AccessToken } : { Session: stage.session };
      const begun = await pool.ask(
        (client, call) => client.associateSoftwareToken(own, call),
        (forms) => forms.begun,
      );
      const secret = normaliseSeed(begun.SecretCode);
      if (secret === undefined) {
        throw new FlowError('protocol', `identity provider "${pool.name}" answers with a seed that is none`);
      }
      // a session goes on as another one
      const by = stage.is === 'complete' ? own : { Session: begun.Session ?? stage.session };
      return {
        seed: { secret: new Secret(secret), algorithm: 'SHA1', digits: 6, period: 30 },
        async confirm(code) {
          const session = await verify(by, code);
          if (session === undefined) return false;
          const done = stage.is === 'complete' ? stage : await answer(user, session, 'MFA_SETUP', {});
          await prefer(user);
          if (done.is === 'complete') await end(done.tokens).catch(() => undefined);
          return true;
        },
      };
    },
    end,
  };

  /** @returns the session that goes on, empty where there is none; undefined for a wrong code */
  async function verify(by: object, code: Secret): Promise<string | undefined> {
    try {
      const verified = await pool.ask(
        (client, call) => client.verifySoftwareToken({ ...by, UserCode: code.reveal() }, call),
        (forms) => forms.verified,
      );
      return verified.Status === 'SUCCESS' ? (verified.Session ?? '') : undefined;
    } catch (error) {
      if (/^(?:EnableSoftwareTokenMFA|CodeMismatch)Exception$/.test(sayingOf(error)?.name ?? '')) return undefined;
      throw error;
    }
  }

  /** Where a second factor is a matter of choice, one that is verified is asked for once it is chosen. */
  async function prefer(user: string): Promise<void> {
    const settings = { SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } };
    await pool.tell((client, call) =>
      client.adminSetUserMFAPreference({ UserPoolId: pool.id, Username: user, ...settings }, call),
    );
  }
}

export type PoolSignIn = ReturnType<typeof createSignIn>;
