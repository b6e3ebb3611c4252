import { randomBytes } from 'node:crypto';
import { type Response, Router, urlencoded } from 'express';
import { Secret } from '../../foundation/secret.ts';
import type { DoubleOptions } from './double.ts';
import { type Fields, text } from './form-fields.ts';
import { passwordFits } from './passwords.ts';
import type { Sessions } from './refresh-sessions.ts';
import type { UserRecord } from './users.ts';

/** `proof` is the application that has the grants for passwords and for one-time codes. */
export interface MfaTokenApiOptions extends Pick<DoubleOptions, 'users' | 'proof' | 'asksCode' | 'now'> {
  readonly sessions: Sessions;
  /** the grant that takes a password, and what must go with it */
  readonly passwordGrant: Readonly<Record<string, string>>;
  readonly byName: (userName: string) => UserRecord | undefined;
  /** what it says of a disabled user: error and description */
  readonly disabled: readonly [error: string, description: string];
  /** how a code is taken: by a grant, once its challenge was asked for at `/challenge`, or not at all */
  readonly codes: 'by-grant' | 'once-challenged' | 'never';
}

const otpGrant = 'http://auth0.com/oauth/grant-type/mfa-otp';
const tokenLife = 600_000;

interface Begun {
  readonly user: string;
  readonly scope: string;
  readonly until: number;
  readonly challenged: boolean;
}

/** A token endpoint below `/token`: a password grant, the one for one-time codes, and refresh. */
export function mfaTokenApi(options: MfaTokenApiOptions): Router {
  const { users, sessions, proof, asksCode, now, passwordGrant, byName, codes } = options;
  const router = Router();
  const begun = new Map<string, Begun>();
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
    if (text(fields, 'client_id') === proof.clientId && secret.equals(proof.clientSecret)) return next();
    response.status(401).json({ error: 'access_denied', error_description: 'Unauthorized' });
  });

  async function password(fields: Fields, response: Response) {
    if (!Object.entries(passwordGrant).every(([name, value]) => text(fields, name) === value))
      return deny(response, 'invalid_request', 'the specified strategy does not exist');
    const user = byName(text(fields, 'username'));
    const fits = await passwordFits(new Secret(text(fields, 'password')), user?.password);
    if (user === undefined || !fits) return deny(response, 'invalid_grant', 'Wrong email or password.');
    if (!user.active) return deny(response, ...options.disabled);
    const scope = text(fields, 'scope');
    if (user.factors.length === 0 || !asksCode()) return signIn(response, user, scope);
    if (codes === 'never') return deny(response, 'interaction_required', 'AADSTS50076: multi-factor authentication');
    const token = randomBytes(32).toString('base64url');
    begun.set(token, { user: user.id, scope, until: now() + tokenLife, challenged: codes === 'by-grant' });
    return deny(response, 'mfa_required', 'Multifactor authentication required', { mfa_token: token });
  }

  function oneTimeCode(fields: Fields, response: Response) {
    const token = text(fields, 'mfa_token');
    const { user: id = '', scope = '', until = 0, challenged = false } = begun.get(token) ?? {};
    const user = until > now() ? users.get(id) : undefined;
    if (user === undefined) return deny(response, 'expired_token', 'mfa_token is expired');
    if (!challenged) return deny(response, 'invalid_request', 'no challenge was asked for');
    // whichever of the user's factors it is of
    const right = user.factors.some((factor) => users.useCode(id, text(fields, 'otp'), factor.id));
    if (!right) return deny(response, 'invalid_grant', 'Invalid otp_code.');
    begun.delete(token);
    return signIn(response, user, scope);
  }

  if (codes === 'once-challenged') {
    router.post('/challenge', (request, response) => {
      const fields: Fields = request.body;
      const [token, asked] = [text(fields, 'mfa_token'), text(fields, 'challenge_types_supported')];
      const found = begun.get(token);
      if (found === undefined || asked !== otpGrant) return void deny(response, 'invalid_request', 'no such challenge');
      begun.set(token, { ...found, challenged: true });
      response.json({ challenge_type: otpGrant });
    });
  }

  router.post('/token', async (request, response) => {
    const fields: Fields = request.body;
    switch (text(fields, 'grant_type')) {
      case passwordGrant['grant_type']:
        return void (await password(fields, response));
      case otpGrant:
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
