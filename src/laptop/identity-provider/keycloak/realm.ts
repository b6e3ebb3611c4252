import { Router } from 'express';
import { type Double, doubleApi, type DoubleOptions, knowsBearer } from '../double.ts';
import { AdminError, adminErrors, missing } from './admin-error.ts';
import { createBruteForce } from './brute-force.ts';
import { clientsApi } from './clients-api.ts';
import { createSessions } from './sessions.ts';
import { tokenApi } from './token-api.ts';
import { usersApi } from './users-api.ts';

/**
 * A Keycloak realm over the laptop's own users and clients: what of its Admin REST API and token endpoint an adapter
 * uses, with the answers that a real one gave. The contract suite runs over both.
 */
export const keycloakRealm: Double = {
  type: 'keycloak',
  path: '/keycloak/realms/main',
  mount(options: DoubleOptions): Router {
    const { users, clientSecrets, clients, now, proof } = options;
    const sessions = createSessions();
    const bruteForce = createBruteForce(now);
    const asked = new Set<string>();
    const router = Router();
    const admin = doubleApi({
      knows: (request) => knowsBearer(options, request, [options.url]),
      unknown: () => new AdminError(401, { error: 'HTTP 401 Unauthorized' }),
      routes: [usersApi({ users, bruteForce, sessions, asked }), clientsApi(clients, clientSecrets)],
      missing: () => missing('Resource'),
      errors: adminErrors,
    });
    const base = '/keycloak';
    router.use(`${base}/admin/realms/main`, admin);
    router.use(
      `${base}/realms/main/protocol/openid-connect`,
      tokenApi({ users, bruteForce, sessions, asked, client: proof }),
    );
    return router;
  },
};
