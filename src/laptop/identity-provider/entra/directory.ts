import { json, type RequestHandler, Router } from 'express';
import { type Double, type DoubleOptions, knowsBearer } from '../double.ts';
import { mfaTokenApi } from '../mfa-token-api.ts';
import { createSessions } from '../refresh-sessions.ts';
import { apiErrors, GraphError, missing } from './api-error.ts';
import { applicationsApi } from './applications-api.ts';
import { oathApi } from './oath-api.ts';
import { createReplicas } from './replicas.ts';
import { usersApi } from './users-api.ts';

/** Milliseconds after which a revocation that was accepted is carried out. */
const revocationLag = 60_000;

/**
 * A Microsoft Entra tenant over the laptop's own users and clients: what of Graph an adapter uses, as its documents have
 * it, with replicas that lag behind. No real one was at hand.
 */
export const entraDirectory: Double = {
  type: 'entra',
  path: '/entra',
  mount(options: DoubleOptions): Router {
    const { users, clientSecrets, now, proof, asksCode } = options;
    const sessions = createSessions(now, revocationLag);
    const replicas = createReplicas(users, now);
    const api = Router();
    api.use(authenticated(options), json({ limit: '100kb' }));
    api.use('/v1.0', usersApi(users, sessions, replicas), applicationsApi(clientSecrets, now));
    api.use('/beta', oathApi(users, replicas, now));
    api.use((request) => {
      throw missing(request.path);
    });
    api.use(apiErrors);
    const router = Router();
    router.use(
      '/entra/oauth2/v2.0',
      mfaTokenApi({
        users,
        sessions,
        client: proof,
        asksCode,
        now,
        passwordGrant: { grant_type: 'password' },
        byName: (name) => users.byUserName(name),
        disabled: ['invalid_grant', 'AADSTS50057: The user account is disabled.'],
        codes: 'never',
      }),
    );
    router.use('/entra', api);
    return router;
  },
};

function authenticated(options: DoubleOptions): RequestHandler {
  return async (request, _response, next) => {
    if (!(await knowsBearer(options, request, [options.url])))
      throw new GraphError(401, 'InvalidAuthenticationToken', 'Access token validation failure. Invalid audience.');
    next();
  };
}
