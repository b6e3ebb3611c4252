import { type Request, Router } from 'express';
import type { Secret } from '../../../foundation/secret.ts';
import { acceptablePassword, shortestPassword } from '../passwords.ts';
import type { StoredFactor, UserRecord, Users } from '../users.ts';
import { AdminError, missing } from './admin-error.ts';
import type { BruteForce } from './brute-force.ts';
import { factorsIn, fieldsIn, passwordIn, readUser, userRepresentation } from './representations.ts';
import type { Sessions } from './sessions.ts';

export interface UsersApiOptions {
  readonly users: Users;
  readonly bruteForce: BruteForce;
  readonly sessions: Sessions;
  /** ids of users that are asked to enrol: everybody who is made here, until somebody takes it back */
  readonly asked: Set<string>;
}

const enrolment = 'CONFIGURE_TOTP';

/** `/users` of the Admin REST API. */
export function usersApi({ users, bruteForce, sessions, asked }: UsersApiOptions): Router {
  const router = Router();
  const found = (request: Request): UserRecord => {
    const id = request.params['id'];
    const user = typeof id === 'string' ? users.get(id) : undefined;
    if (user === undefined) throw missing('User');
    return user;
  };
  const shown = (user: UserRecord) => userRepresentation(user, asked.has(user.id) ? [enrolment] : []);
  const taken = new AdminError(409, { errorMessage: 'User exists with same username or email' });

  router.get('/users', (request, response) => {
    const { username = '' } = request.query;
    const user = typeof username === 'string' && username !== '' ? users.byUserName(username) : undefined;
    response.json(username === '' ? users.all().map(shown) : user === undefined ? [] : [shown(user)]);
  });

  router.post('/users', async (request, response) => {
    const given = readUser(request.body);
    const { username = '', email } = given;
    const password = passwordIn(given);
    requirePassword(password);
    const factors = factorsIn(given);
    if (username === '') throw new AdminError(400, { errorMessage: 'User name is missing' });
    if (/["\\<>|^$%&#?]/.test(username))
      throw new AdminError(400, { errors: [{ field: 'username', errorMessage: 'error-username-invalid-character' }] });
    if (email !== undefined && users.all().some((each) => each.email?.toLowerCase() === email.toLowerCase()))
      throw taken;
    const fields = { active: true, ...fieldsIn(given), userName: username.toLowerCase() };
    const user = await users.create(fields, password, factors);
    if (user === undefined) throw taken;
    asked.add(user.id);
    const { host } = request.headers;
    response
      .status(201)
      .location(`http://${host ?? ''}${request.baseUrl}/users/${user.id}`)
      .end();
  });

  router.get('/users/:id', (request, response) => void response.json(shown(found(request))));

  router.put('/users/:id', async (request, response) => {
    const user = found(request);
    const given = readUser(request.body);
    const { requiredActions } = given;
    const added = factorsIn(given);
    if (added.some(({ label }) => label !== undefined && user.factors.some((each) => each.label === label)))
      throw taken;
    await users.change(user.id, fieldsIn(given));
    users.changeFactors(user.id, (factors) => [...factors, ...added]);
    if (requiredActions?.includes(enrolment) === false) asked.delete(user.id);
    response.status(204).end();
  });

  router.put('/users/:id/reset-password', async (request, response) => {
    const password = passwordIn({ credentials: [request.body] });
    requirePassword(password);
    await users.change(found(request).id, password === undefined ? {} : { password });
    response.status(204).end();
  });

  router.get('/users/:id/credentials', (request, response) => {
    const { id, password, factors } = found(request);
    const own = factors.map((each) => ({ id: each.id, type: 'otp', userLabel: each.label, credentialData: '{}' }));
    response.json([...(password === undefined ? [] : [{ id: `password-${id}`, type: 'password' }]), ...own]);
  });

  const factorOf = (request: Request): { readonly user: UserRecord; readonly factor: StoredFactor } => {
    const user = found(request);
    const factor = user.factors.find(({ id }) => id === request.params['credential']);
    if (factor === undefined) throw missing('Credential');
    return { user, factor };
  };

  router.delete('/users/:id/credentials/:credential', (request, response) => {
    const { user, factor } = factorOf(request);
    users.changeFactors(user.id, (factors) => factors.filter((each) => each !== factor));
    response.status(204).end();
  });

  router.post('/users/:id/credentials/:credential/moveToFirst', (request, response) => {
    const { user, factor } = factorOf(request);
    users.changeFactors(user.id, (factors) => [factor, ...factors.filter((each) => each !== factor)]);
    response.status(204).end();
  });

  router.post('/users/:id/logout', (request, response) => {
    sessions.logout(found(request).id);
    response.status(204).end();
  });

  router.get('/users/:id/consents', (request, response) => {
    const clients = sessions.offlineClients(found(request).id);
    response.json(clients.map((clientId) => ({ clientId, additionalGrants: [{ key: 'Offline Token' }] })));
  });

  router.delete('/users/:id/consents/:client', (request, response) => {
    sessions.withdraw(found(request).id, request.params.client);
    response.status(204).end();
  });

  router.delete('/attack-detection/brute-force/users/:id', (request, response) => {
    bruteForce.forget(found(request).id);
    response.status(204).end();
  });

  router.get('/attack-detection/brute-force/users/:id', (request, response) => {
    response.json(bruteForce.status(found(request).id));
  });
  return router;
}

function requirePassword(password: Secret | undefined): void {
  if (password === undefined || acceptablePassword(password)) return;
  throw new AdminError(400, {
    error: 'invalidPasswordMinLengthMessage',
    error_description: `Invalid password: minimum length ${shortestPassword}.`,
  });
}
