import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import { acceptablePassword } from '../passwords.ts';
import type { Users } from '../users.ts';
import { TenantError } from './api-error.ts';
import { byEmail, markIn, newUser, read, userChange, userOf, userRepresentation } from './representations.ts';
import type { Sessions } from '../refresh-sessions.ts';

/** `/users-by-email` and `/users` of the Management API, without the search, which lags behind. */
export function usersApi(users: Users, sessions: Sessions): Router {
  const router = Router();

  router.get('/users-by-email', (request, response) => {
    const { email } = request.query;
    // it compares with case, and addresses are kept in lower case
    const wellFormed = typeof email === 'string' && email === email.toLowerCase();
    const user = wellFormed ? byEmail(users, email) : undefined;
    response.json(user === undefined ? [] : [userRepresentation(user)]);
  });

  router.post('/users', async (request, response) => {
    const given = read(newUser, request.body);
    const password = new Secret(given.password);
    requirePassword(password);
    const taken = new TenantError(409, 'The user already exists.', { code: 'auth0_idp_error' });
    if (byEmail(users, given.email) !== undefined) throw taken;
    const fields = {
      userName: given.email.toLowerCase(),
      email: given.email.toLowerCase(),
      givenName: given.given_name,
      familyName: given.family_name,
      externalId: markIn(given),
      active: true,
    };
    const user = await users.create(fields, password);
    if (user === undefined) throw taken;
    response.status(201).json(userRepresentation(user));
  });

  router.get('/users/:id', (request, response) => {
    response.json(userRepresentation(userOf(users, request.params.id)));
  });

  router.patch('/users/:id', async (request, response) => {
    const { id } = userOf(users, request.params.id);
    const { password: text, blocked } = read(userChange, request.body);
    const password = text === undefined ? undefined : new Secret(text);
    if (password !== undefined) requirePassword(password);
    await users.change(id, {
      ...(password === undefined ? {} : { password }),
      ...(blocked === undefined ? {} : { active: !blocked }),
    });
    response.json(userRepresentation(userOf(users, request.params.id)));
  });

  router.post('/users/:id/revoke-access', (request, response) => {
    sessions.revoke(userOf(users, request.params.id).id);
    response.status(202).end();
  });
  return router;
}

function requirePassword(password: Secret): void {
  if (!acceptablePassword(password)) throw new TenantError(400, 'PasswordStrengthError: Password is too weak');
}
