import { Router } from 'express';
import { type Double, doubleApi, type DoubleOptions, knowsBearer } from '../double.ts';
import { mfaTokenApi } from '../mfa-token-api.ts';
import { createSessions } from '../refresh-sessions.ts';
import { apiErrors, missing, TenantError } from './api-error.ts';
import { clientsApi } from './clients-api.ts';
import { methodsApi } from './methods-api.ts';
import { byEmail, connection } from './representations.ts';
import { usersApi } from './users-api.ts';

/** Milliseconds after which a revocation that was accepted is carried out. */
const revocationLag = 5_000;

/**
 * An Auth0 tenant over the laptop's own users and clients: what of its Management API and token endpoint an adapter
 * uses, as its documents and the recordings of its SDKs have it, with what lags and what is limited there. No real one
 * was at hand.
 */
export const auth0Tenant: Double = {
  type: 'auth0',
  path: '/auth0',
  mount(options: DoubleOptions): Router {
    const { users, clientSecrets, clients, now } = options;
    const sessions = createSessions(now, revocationLag);
    // the second is the real one's; the first is what a flow can name as `${{ identity-providers.NAME.url }}`
    const audiences = [options.url, `${options.url}/api/v2/`];
    const api = doubleApi({
      knows: (request) => knowsBearer(options, request, audiences),
      unknown: () => new TenantError(401, 'Invalid token'),
      routes: [
        usersApi(users, sessions),
        methodsApi(users, now),
        clientsApi({ seeds: clients, live: clientSecrets, now }),
      ],
      missing: () => missing('not_found', 'Not Found'),
      errors: apiErrors,
    });
    const router = Router();
    router.use('/auth0/api/v2', api);
    router.use(
      '/auth0/oauth',
      mfaTokenApi({
        ...options,
        sessions,
        passwordGrant: { grant_type: 'http://auth0.com/oauth/grant-type/password-realm', realm: connection },
        byName: (userName) => byEmail(users, userName),
        disabled: ['unauthorized', 'user is blocked'],
        codes: 'by-grant',
      }),
    );
    return router;
  },
};
