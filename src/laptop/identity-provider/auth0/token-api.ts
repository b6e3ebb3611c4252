import { randomBytes } from 'node:crypto';
import { type Response, Router, urlencoded } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import { passwordFits } from '../passwords.ts';
import type { UserRecord, Users } from '../users.ts';
import { byEmail, connection } from './representations.ts';
import type { Sessions } from './sessions.ts';

export interface TokenApiOptions {
  readonly users: Users;
  readonly sessions: Sessions;
  /** the application that has the grants Password and MFA */
  readonly client: { readonly clientId: string; readonly clientSecret: Secret };
  /** whether the tenant asks for a code, of whoever has a factor */
  readonly asksCode: () => boolean;
  /** epoch milliseconds */
  readonly now: () => number;
}

type Fields = Readonly<Record<string, unknown>>;
const text = (fields: Fields, name: string): string => {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
};

const tokenLife = 600_000;

/** `/oauth/token`: the password grant for a connection, the one for one-time codes, and refresh. */
export function tokenApi({ users, sessions, client, asksCode, now }: TokenApiOptions): Router {
  const router = Router();
  const begun = new Map<string, { readonly user: string; readonly scope: string; readonly until: number }>();
  const deny = (response: Response, error: string, description: string, further: object = {}) =>
    response.status(403).json({ error, error_description: description, ...further });
  const answer = (response: Response, refresh: string | undefined) =>
    response.json({
      access_token: randomBytes(32).toString('base64url'),
      token_type: 'Bearer',
      expires_in: 86_400,
      ...(refresh === undefined ? {} : { refresh_token: refresh }),
    });
  const signIn = (response: Response, { id }: UserRecord, scope: string) => {
    users.signedIn(id);
    return answer(response, scope.split(' ').includes('offline_access') ? sessions.begin(id) : undefined);
  };

  router.use(urlencoded({ extended: false }), (request, response, next) => {
    const fields: Fields = request.body ?? {};
    const secret = new Secret(text(fields, 'client_secret'));
    if (text(fields, 'client_id') === client.clientId && secret.equals(client.clientSecret)) return next();
    response.status(401).json({ error: 'access_denied', error_description: 'Unauthorized' });
  });

  async function password(fields: Fields, response: Response) {
    if (text(fields, 'realm') !== connection)
      return deny(response, 'invalid_request', 'the specified strategy does not exist');
    const user = byEmail(users, text(fields, 'username'));
    const fits = await passwordFits(new Secret(text(fields, 'password')), user?.password);
    if (user === undefined || !fits) return deny(response, 'invalid_grant', 'Wrong email or password.');
    if (!user.active) return deny(response, 'unauthorized', 'user is blocked');
    const scope = text(fields, 'scope');
    if (user.factors.length === 0 || !asksCode()) return signIn(response, user, scope);
    const token = randomBytes(32).toString('base64url');
    begun.set(token, { user: user.id, scope, until: now() + tokenLife });
    return deny(response, 'mfa_required', 'Multifactor authentication required', { mfa_token: token });
  }

  function oneTimeCode(fields: Fields, response: Response) {
    const token = text(fields, 'mfa_token');
    const { user: id = '', scope = '', until = 0 } = begun.get(token) ?? {};
    const user = until > now() ? users.get(id) : undefined;
    if (user === undefined) return deny(response, 'expired_token', 'mfa_token is expired');
    // whichever of the user's factors it is of
    const right = user.factors.some((factor) => users.useCode(id, text(fields, 'otp'), factor.id));
    if (!right) return deny(response, 'invalid_grant', 'Invalid otp_code.');
    begun.delete(token);
    return signIn(response, user, scope);
  }

  router.post('/token', async (request, response) => {
    const fields: Fields = request.body;
    switch (text(fields, 'grant_type')) {
      case 'http://auth0.com/oauth/grant-type/password-realm':
        return void (await password(fields, response));
      case 'http://auth0.com/oauth/grant-type/mfa-otp':
        return void oneTimeCode(fields, response);
      case 'refresh_token': {
        const refresh = text(fields, 'refresh_token');
        if (sessions.lives(refresh)) return void answer(response, refresh);
        return void deny(response, 'invalid_grant', 'Unknown or invalid refresh token.');
      }
      default:
        return void deny(response, 'unsupported_grant_type', 'Unsupported grant type');
    }
  });
  return router;
}
