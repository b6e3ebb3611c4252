import { randomBytes } from 'node:crypto';
import { type Response, Router, urlencoded } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import { type Fields, text } from '../form-fields.ts';
import { passwordFits } from '../passwords.ts';
import type { UserRecord, Users } from '../users.ts';
import type { BruteForce } from './brute-force.ts';
import type { Sessions } from './sessions.ts';

export interface TokenApiOptions {
  readonly users: Users;
  readonly bruteForce: BruteForce;
  readonly sessions: Sessions;
  readonly asked: ReadonlySet<string>;
  /** the client that has direct access grants */
  readonly client: { readonly clientId: string; readonly clientSecret: Secret };
}

/** Password and refresh grant of a realm, and its logout. Every refusal of a user has the same words, as Keycloak's have. */
export function tokenApi({ users, bruteForce, sessions, asked, client }: TokenApiOptions): Router {
  const router = Router();
  const deny = (response: Response, description: string) =>
    response.status(400).json({ error: 'invalid_grant', error_description: description });

  router.use(urlencoded({ extended: false }), (request, response, next) => {
    const fields: Fields = request.body ?? {};
    const secret = new Secret(text(fields, 'client_secret'));
    if (text(fields, 'client_id') === client.clientId && secret.equals(client.clientSecret)) return next();
    response.status(401).json({ error: 'unauthorized_client', error_description: 'Invalid client credentials' });
  });

  router.post('/logout', (request, response) => {
    sessions.end(text(request.body, 'refresh_token'));
    response.status(204).end();
  });

  router.post('/token', async (request, response) => {
    const fields: Fields = request.body;
    const answer = (refresh: string) =>
      response.json({
        access_token: randomBytes(32).toString('base64url'),
        token_type: 'Bearer',
        refresh_token: refresh,
      });
    if (text(fields, 'grant_type') === 'refresh_token') {
      const refresh = text(fields, 'refresh_token');
      return sessions.of(refresh) === undefined ? deny(response, 'Session not active') : answer(refresh);
    }
    const user = users.byUserName(text(fields, 'username'));
    const refusal = await refusalOf(user, fields);
    if (user === undefined || refusal !== undefined) return deny(response, refusal ?? 'Invalid user credentials');
    bruteForce.forget(user.id);
    const offline = text(fields, 'scope').split(' ').includes('offline_access');
    return answer(sessions.begin({ user: user.id, client: client.clientId, offline }));
  });

  async function refusalOf(user: UserRecord | undefined, fields: Fields): Promise<string | undefined> {
    const invalid = 'Invalid user credentials';
    const fits = await passwordFits(new Secret(text(fields, 'password')), user?.password);
    if (user === undefined) return invalid;
    if (!user.active) return 'Account disabled';
    if (bruteForce.locked(user.id)) return invalid;
    const code = text(fields, 'totp');
    const wrong = !fits ? 'password' : user.factors.length > 0 && !users.useCode(user.id, code) ? 'code' : undefined;
    if (wrong === undefined)
      return asked.has(user.id) || user.passwordExpired ? 'Account is not fully set up' : undefined;
    bruteForce.failed(user.id, wrong);
    return invalid;
  }
  return router;
}
