import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import { credentialOf, type Double, doubleApi, type DoubleOptions, knowsBearer } from '../double.ts';
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
    const { users, clientSecrets, now } = options;
    const sessions = createSessions(now, 0);
    const api = doubleApi({
      // an API token of the org, or an access token for it
      knows: async (request) =>
        options.token.equals(new Secret(credentialOf(request, 'SSWS'))) ||
        (await knowsBearer(options, request, [options.url])),
      unknown: () => new OrgError(401, 'E0000011', 'Invalid token provided'),
      routes: [usersApi(users, sessions, now), factorsApi(users, now), secretsApi(clientSecrets)],
      missing: () => new OrgError(404, 'E0000022', 'The endpoint does not support the provided HTTP method'),
      errors: apiErrors,
    });
    const router = Router();
    router.use('/okta/api/v1', api);
    router.use(
      '/okta/oauth2/v1',
      mfaTokenApi({
        ...options,
        sessions,
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
