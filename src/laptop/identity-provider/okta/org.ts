import { json, type RequestHandler, Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import { credentialOf, type Double, type DoubleOptions, knowsBearer } from '../double.ts';
import { mfaTokenApi } from '../mfa-token-api.ts';
import { createSessions } from '../refresh-sessions.ts';
import { apiErrors, OrgError } from './api-error.ts';
import { factorsApi } from './factors-api.ts';
import { secretsApi } from './secrets-api.ts';
import { usersApi } from './users-api.ts';

/**
 * An Okta org over the laptop's own users and clients: what of its API and token endpoint an adapter uses, as its
 * OpenAPI documents have it, with what happens later there and what is limited. No real one was at hand.
 */
export const oktaOrg: Double = {
  type: 'okta',
  path: '/okta',
  mount(options: DoubleOptions): Router {
    const { users, clientSecrets, now, proof, asksCode } = options;
    const sessions = createSessions(now, 0);
    const api = Router();
    api.use(authenticated(options), json({ limit: '100kb' }));
    api.use(usersApi(users, sessions, now), factorsApi(users, now), secretsApi(clientSecrets));
    api.use(() => {
      throw new OrgError(404, 'E0000022', 'The endpoint does not support the provided HTTP method');
    });
    api.use(apiErrors);
    const router = Router();
    router.use('/okta/api/v1', api);
    router.use(
      '/okta/oauth2/v1',
      mfaTokenApi({
        users,
        sessions,
        client: proof,
        asksCode,
        now,
        passwordGrant: { grant_type: 'password' },
        byName: (login) => users.byUserName(login),
        // it tells nobody that a user is there
        disabled: ['invalid_grant', 'The credentials provided were invalid.'],
        codes: 'once-challenged',
      }),
    );
    return router;
  },
};

/** An API token of the org, or an access token for it. */
function authenticated(options: DoubleOptions): RequestHandler {
  return async (request, _response, next) => {
    const ofOrg = options.token.equals(new Secret(credentialOf(request, 'SSWS')));
    if (!ofOrg && !(await knowsBearer(options, request, [options.url])))
      throw new OrgError(401, 'E0000011', 'Invalid token provided');
    next();
  };
}
