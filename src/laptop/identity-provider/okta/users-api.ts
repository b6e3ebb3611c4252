import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import { acceptablePassword } from '../passwords.ts';
import type { Sessions } from '../refresh-sessions.ts';
import type { Users } from '../users.ts';
import { invalid, OrgError } from './api-error.ts';
import { isActive, markIn, newUser, read, userChange, userOf, userRepresentation } from './representations.ts';

/** `/users` of the API, without the search, which lags behind. A user is active a while after it was made. */
export function usersApi(users: Users, sessions: Sessions, now: () => number): Router {
  const router = Router();
  const path = '/users/:user';
  const shown = (idOrLogin: string) => userRepresentation(userOf(users, idOrLogin), now());

  router.post('/users', async (request, response) => {
    const given = read(newUser, request.body);
    const { login, email, firstName, lastName } = given.profile;
    if (!/^[^\s@"\\]+@[^\s@"\\]+$/.test(login))
      throw invalid('login', 'login: Username must be in the form of an email address');
    const password = requirePassword(given.credentials.password.value);
    const taken = invalid('login', 'login: An object with this field already exists in the current organization');
    if (users.byUserName(login) !== undefined) throw taken;
    const fields = { userName: login, email, givenName: firstName, familyName: lastName, active: true };
    const user = await users.create({ ...fields, externalId: markIn(given) }, password);
    if (user === undefined) throw taken;
    response.json(userRepresentation(user, now()));
  });

  router.get(path, (request, response) => void response.json(shown(request.params.user)));

  router.post(path, async (request, response) => {
    const { id } = userOf(users, request.params.user);
    const { credentials } = read(userChange, request.body);
    await users.change(id, { password: requirePassword(credentials.password.value) });
    response.json(shown(request.params.user));
  });

  router.post(`${path}/lifecycle/suspend`, async (request, response) => {
    const user = userOf(users, request.params.user);
    if (!isActive(user, now()))
      throw new OrgError(400, 'E0000001', 'Api validation failed: suspendUser', [
        'Cannot suspend a user that is not active',
      ]);
    await users.change(user.id, { active: false });
    response.json({});
  });

  router.delete(`${path}/sessions`, (request, response) => {
    const { id } = userOf(users, request.params.user);
    // without it, what applications hold outlives the sessions
    if (request.query['oauthTokens'] === 'true') sessions.revoke(id);
    response.status(204).end();
  });
  return router;
}

function requirePassword(text: string): Secret {
  const password = new Secret(text);
  if (acceptablePassword(password)) return password;
  throw invalid(
    'password',
    'password: Password requirements were not met. Password requirements: at least 12 characters.',
  );
}
