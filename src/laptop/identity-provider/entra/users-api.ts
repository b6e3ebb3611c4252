import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import { acceptablePassword } from '../passwords.ts';
import type { Sessions } from '../refresh-sessions.ts';
import type { Users } from '../users.ts';
import { bad } from './api-error.ts';
import { markIn, newUser, read, userChange, userRepresentation } from './representations.ts';
import type { Replicas } from './replicas.ts';

/** `/users` of Graph. */
export function usersApi(users: Users, sessions: Sessions, replicas: Replicas): Router {
  const router = Router();
  const path = '/users/:user';

  router.post('/users', async (request, response) => {
    const given = read(newUser, request.body);
    const name = given.userPrincipalName;
    if (!/^[A-Za-z0-9'._!#^~-]+@[A-Za-z0-9.-]+$/.test(name))
      throw bad('Property userPrincipalName is invalid.', { code: 'InvalidValue', target: 'userPrincipalName' });
    const password = requirePassword(given.passwordProfile.password);
    const taken = bad('Another object with the same value for property userPrincipalName already exists.', {
      code: 'ObjectConflict',
      target: 'userPrincipalName',
    });
    const fields = { userName: name, email: name, givenName: given.givenName, familyName: given.surname };
    const rest = { active: given.accountEnabled, externalId: markIn(given) };
    const user = await users.create({ ...fields, ...rest }, password);
    if (user === undefined) throw taken;
    replicas.made(user.id);
    response.status(201).json(userRepresentation(user, undefined));
  });

  router.get(path, (request, response) => {
    response.json(userRepresentation(replicas.userOf(request.params.user), request.query['$select']));
  });

  router.patch(path, async (request, response) => {
    const { id } = replicas.userOf(request.params.user);
    const { accountEnabled: active, passwordProfile: profile } = read(userChange, request.body);
    await users.change(id, {
      ...(active === undefined ? {} : { active }),
      ...(profile === undefined ? {} : { password: requirePassword(profile.password) }),
    });
    response.status(204).end();
  });

  router.post(`${path}/revokeSignInSessions`, (request, response) => {
    sessions.revoke(replicas.userOf(request.params.user).id);
    response.json({ value: true });
  });
  return router;
}

function requirePassword(text: string): Secret {
  const password = new Secret(text);
  if (acceptablePassword(password)) return password;
  throw bad(
    'The specified password does not comply with password complexity requirements. Please provide a different password.',
  );
}
