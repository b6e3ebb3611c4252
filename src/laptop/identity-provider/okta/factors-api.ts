import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import { codeAt, newOneTimePassword } from '../../../foundation/totp.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { StoredFactor, Users } from '../users.ts';
import { invalid, missing, OrgError } from './api-error.ts';
import { newFactor, orgId, passCode, read, userOf } from './representations.ts';

/** So many activations in so many milliseconds, of one user. */
const most = { activations: 5, within: 300_000 } as const;

/** `/users/{id}/factors` of the API: a seed of the org's, in force with the first right code. */
export function factorsApi(users: Users, now: () => number): Router {
  const router = Router();
  const path = '/users/:user/factors';
  const pending = new Map<string, StoredFactor>();
  const activations = new Map<string, readonly number[]>();

  function limit(user: string): void {
    const lately = (activations.get(user) ?? []).filter((at) => at > now() - most.within);
    const [first = 0] = lately;
    if (lately.length >= most.activations) {
      const reset = Math.ceil((first + most.within) / 1000);
      throw new OrgError(429, 'E0000047', 'API call exceeded rate limit due to too many requests.', [], reset);
    }
    activations.set(user, [...lately, now()]);
  }

  router.get(path, (request, response) => {
    const { id, factors } = userOf(users, request.params.user);
    const begun = pending.get(id);
    response.json([
      ...factors.map((factor) => representation(factor, 'ACTIVE')),
      ...(begun === undefined ? [] : [representation(begun, 'PENDING_ACTIVATION')]),
    ]);
  });

  router.post(path, async (request, response) => {
    const { id, factors } = userOf(users, request.params.user);
    read(newFactor, request.body);
    if (factors.length > 0) throw invalid('factorEnrollRequest', 'A factor of this type is already set up.');
    const made = await newOneTimePassword();
    // theirs are of ten bytes
    const seed = { ...made, secret: new Secret(made.secret.reveal().slice(0, 16)) };
    const begun: StoredFactor = { id: orgId('opf', randomUUID()), label: undefined, seed };
    pending.set(id, begun);
    const activation = { timeStep: 30, sharedSecret: seed.secret.reveal(), encoding: 'base32', keyLength: 16 };
    response.json({ ...representation(begun, 'PENDING_ACTIVATION'), _embedded: { activation } });
  });

  router.post(`${path}/:factor/lifecycle/activate`, async (request, response) => {
    const { id, factors } = userOf(users, request.params.user);
    const begun = pending.get(id);
    if (begun?.id !== request.params.factor) throw missing(request.params.factor, 'UserFactor');
    limit(id);
    const { passCode: code } = read(passCode, request.body);
    if (!(await codeAt(begun.seed, now())).equals(new Secret(code)))
      throw new OrgError(403, 'E0000068', 'Invalid Passcode/Answer', ["Your passcode doesn't match our records."]);
    pending.delete(id);
    users.changeFactors(id, () => [...factors, begun]);
    // a code counts once
    users.useCode(id, code, begun.id);
    response.json(representation(begun, 'ACTIVE'));
  });

  router.delete(`${path}/:factor`, (request, response) => {
    const { id, factors } = userOf(users, request.params.user);
    const { factor } = request.params;
    const isPending = pending.get(id)?.id === factor;
    if (!isPending && !factors.some((each) => each.id === factor)) throw missing(factor, 'UserFactor');
    if (isPending) pending.delete(id);
    users.changeFactors(id, (all) => all.filter((each) => each.id !== factor));
    response.status(204).end();
  });
  return router;
}

function representation({ id }: StoredFactor, status: string): object {
  return { id, factorType: 'token:software:totp', provider: 'GOOGLE', vendorName: 'GOOGLE', status };
}
