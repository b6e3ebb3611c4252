import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Secret } from '../../../foundation/secret.ts';
import type { OneTimePassword } from '../../../foundation/totp.ts';
import { Refusal } from '../../aws/refusal.ts';
import type { DoubleOptions } from '../double.ts';
import { newSeed, stepOfCode } from '../one-time-codes.ts';
import { passwordFits } from '../passwords.ts';
import type { Sessions } from '../refresh-sessions.ts';
import type { UserRecord } from '../users.ts';
import { clientForm, invalid, notAuthorized, type Operations, read, userForm, userOf } from './requests.ts';

const text = z.string().min(1);
const parameters = z.record(z.string(), z.string());
const beginForm = clientForm.extend({ AuthFlow: text, AuthParameters: parameters });
const answerForm = clientForm.extend({ ChallengeName: text, Session: text, ChallengeResponses: parameters });
const associateForm = z.strictObject({ AccessToken: text });
const verifyForm = associateForm.extend({ UserCode: z.string().regex(/^[0-9]{6}$/) });
const preferenceForm = userForm.extend({
  SoftwareTokenMfaSettings: z.strictObject({ Enabled: z.literal(true), PreferredMfa: z.literal(true) }),
});
const revokeForm = z.strictObject({ Token: text, ClientId: text, ClientSecret: text });

/** milliseconds that a sign-in may take */
const patience = 180_000;
const token = () => randomBytes(32).toString('base64url');

/**
 * Sign-ins of a pool where a second factor is a matter of choice, by one app client. A seed is in force once its code was
 * right and it was chosen, each by an operation of its own.
 */
export function signInApi(options: DoubleOptions, sessions: Sessions): Operations {
  const { users, proof, asksCode, now } = options;
  const begun = new Map<string, { readonly user: string; readonly until: number }>();
  const accessTokens = new Map<string, string>();
  const pending = new Map<string, OneTimePassword>();
  const verified = new Map<string, { readonly seed: OneTimePassword; readonly code: string }>();

  function requireClient(clientId: string, given: Readonly<Record<string, string>>): void {
    if (clientId !== proof.clientId)
      throw new Refusal('ResourceNotFoundException', `User pool client ${clientId} does not exist.`);
    const hash = createHmac('sha256', proof.clientSecret.reveal()).update(`${given['USERNAME']}${clientId}`);
    const right = new Secret(hash.digest('base64')).equals(new Secret(given['SECRET_HASH'] ?? ''));
    if (!right) throw notAuthorized(`Unable to verify secret hash for client ${clientId}`);
  }

  function signedIn({ id }: UserRecord): object {
    users.signedIn(id);
    const access = token();
    accessTokens.set(access, id);
    const tokens = { AccessToken: access, RefreshToken: sessions.begin(id), ExpiresIn: 3600, TokenType: 'Bearer' };
    return { AuthenticationResult: tokens };
  }

  function holder(access: string): string {
    const user = accessTokens.get(access);
    if (user === undefined) throw notAuthorized('Invalid Access Token');
    return user;
  }

  return {
    async AdminInitiateAuth(body) {
      const { ClientId, AuthFlow, AuthParameters: given } = read(beginForm, body);
      if (AuthFlow === 'REFRESH_TOKEN_AUTH') {
        if (!sessions.lives(given['REFRESH_TOKEN'] ?? '')) throw notAuthorized('Refresh Token has been revoked');
        return { AuthenticationResult: { AccessToken: token(), ExpiresIn: 3600, TokenType: 'Bearer' } };
      }
      if (AuthFlow !== 'ADMIN_USER_PASSWORD_AUTH') throw invalid('Auth flow not enabled for this client');
      requireClient(ClientId, given);
      const user = users.byUserName(given['USERNAME'] ?? '');
      const fits = await passwordFits(new Secret(given['PASSWORD'] ?? ''), user?.password);
      if (user?.active === false) throw notAuthorized('User is disabled.');
      if (user === undefined || !fits) throw notAuthorized('Incorrect username or password.');
      const session = token();
      const challenge = (ChallengeName: string) => {
        begun.set(session, { user: user.id, until: now() + patience });
        return { ChallengeName, Session: session, ChallengeParameters: { USER_ID_FOR_SRP: user.userName } };
      };
      if (user.passwordExpired) return challenge('NEW_PASSWORD_REQUIRED');
      return user.factors.length > 0 && asksCode() ? challenge('SOFTWARE_TOKEN_MFA') : signedIn(user);
    },

    AdminRespondToAuthChallenge(body) {
      const { ClientId, ChallengeName, Session: session, ChallengeResponses: given } = read(answerForm, body);
      requireClient(ClientId, given);
      if (ChallengeName !== 'SOFTWARE_TOKEN_MFA') throw invalid('Missing required parameter');
      const { user: id = '', until = 0 } = begun.get(session) ?? {};
      const user = until > now() ? users.get(id) : undefined;
      if (user === undefined || user.userName !== given['USERNAME'])
        throw notAuthorized('Invalid session for the user.');
      if (!users.useCode(id, given['SOFTWARE_TOKEN_MFA_CODE'] ?? ''))
        throw new Refusal('CodeMismatchException', 'Invalid code received for user');
      begun.delete(session);
      return signedIn(user);
    },

    AssociateSoftwareToken(body) {
      const seed = newSeed();
      pending.set(holder(read(associateForm, body).AccessToken), seed);
      return { SecretCode: seed.secret.reveal() };
    },

    VerifySoftwareToken(body) {
      const { AccessToken, UserCode: code } = read(verifyForm, body);
      const user = holder(AccessToken);
      const seed = pending.get(user);
      if (seed === undefined || stepOfCode(seed, code, now(), undefined) === undefined)
        throw new Refusal('EnableSoftwareTokenMFAException', 'Code mismatch');
      verified.set(user, { seed, code });
      return { Status: 'SUCCESS' };
    },

    AdminSetUserMFAPreference(body) {
      const { id } = userOf(users, read(preferenceForm, body).Username);
      const chosen = verified.get(id);
      if (chosen === undefined) throw invalid('User has not verified software token mfa');
      const factor = { id: randomUUID(), label: undefined, seed: chosen.seed };
      users.changeFactors(id, () => [factor]);
      // a code counts once
      users.useCode(id, chosen.code, factor.id);
      for (const each of [verified, pending]) each.delete(id);
      return {};
    },

    RevokeToken(body) {
      const { Token, ClientId, ClientSecret } = read(revokeForm, body);
      if (ClientId !== proof.clientId || !proof.clientSecret.equals(new Secret(ClientSecret)))
        throw new Refusal('UnauthorizedException', 'Invalid client.');
      sessions.end(Token);
      return {};
    },
  };
}
