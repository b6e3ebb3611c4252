import { Router } from 'express';
import { type Double, doubleApi, type DoubleOptions, knowsBearer } from '../double.ts';
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
    const { users, clientSecrets, now } = options;
    const sessions = createSessions(now, revocationLag);
    const replicas = createReplicas(users, now);
    const api = doubleApi({
      knows: (request) => knowsBearer(options, request, [options.url]),
      unknown: () =>
        new GraphError(401, 'InvalidAuthenticationToken', 'Access token validation failure. Invalid audience.'),
      routes: [
        Router().use('/v1.0', usersApi(users, sessions, replicas), applicationsApi(clientSecrets, now)),
        Router().use('/beta', oathApi(users, replicas, now)),
      ],
      missing,
      errors: apiErrors,
    });
    const router = Router();
    router.use(
      '/entra/oauth2/v2.0',
      mfaTokenApi({
        ...options,
        sessions,
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
