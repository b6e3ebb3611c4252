import { randomUUID } from 'node:crypto';
import { type Request, Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import type { StoredFactor, Users } from '../users.ts';
import { missing, TenantError } from './api-error.ts';
import { newMethod, read, userOf } from './representations.ts';

/** A free tenant's: so many reads, and so many writes, of one user's methods in a minute. */
const most = 2;
const minute = 60_000;

/** `/users/{id}/authentication-methods` of the Management API; a seed never comes back. */
export function methodsApi(users: Users, now: () => number): Router {
  const router = Router();
  const path = '/users/:id/authentication-methods';
  const windows = new Map<string, { readonly since: number; readonly count: number }>();

  router.use(path, (request: Request<{ id: string }>, _response, next) => {
    const key = `${request.method === 'GET' ? 'read' : 'write'} ${request.params.id}`;
    const last = windows.get(key);
    const open = last !== undefined && now() - last.since < minute ? last : { since: now(), count: 0 };
    if (open.count >= most) {
      const reset = Math.ceil((open.since + minute) / 1000);
      throw new TenantError(429, 'Global limit has been reached', { code: 'too_many_requests', reset });
    }
    windows.set(key, { ...open, count: open.count + 1 });
    next();
  });

  router.get(path, (request, response) => {
    response.json(userOf(users, request.params.id).factors.map(methodRepresentation));
  });

  router.post(path, (request, response) => {
    const { id } = userOf(users, request.params.id);
    const { name, totp_secret: secret } = read(newMethod, request.body);
    const seed = { secret: new Secret(secret), algorithm: 'SHA1', digits: 6, period: 30 } as const;
    const added: StoredFactor = { id: `totp|dev_${randomUUID().replaceAll('-', '').slice(0, 16)}`, label: name, seed };
    users.changeFactors(id, (factors) => [...factors, added]);
    response.status(201).json(methodRepresentation(added));
  });

  router.delete(`${path}/:method`, (request, response) => {
    const { id, factors } = userOf(users, request.params.id);
    const { method } = request.params;
    if (!factors.some((each) => each.id === method))
      throw missing('authentication_method_not_found', 'The authentication method does not exist');
    users.changeFactors(id, (all) => all.filter((each) => each.id !== method));
    response.status(204).end();
  });
  return router;
}

function methodRepresentation({ id, label }: StoredFactor): object {
  return { id, type: 'totp', name: label, confirmed: true };
}
