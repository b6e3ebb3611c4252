import { createHash } from 'node:crypto';
import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import type { LiveSecret, LiveSecrets } from '../live-secrets.ts';
import { invalid, missing } from './api-error.ts';
import { newSecret, read } from './representations.ts';

const most = 2;

/** `/apps/{id}/credentials/secrets` of the API: two of each app, of which an inactive one may be deleted. */
export function secretsApi(live: LiveSecrets): Router {
  const router = Router();
  const path = '/apps/:app/credentials/secrets';
  const inactive = new Map<string, readonly LiveSecret[]>();
  const activeOf = (app: string): readonly LiveSecret[] => {
    const secrets = live.of(app);
    if (secrets === undefined) throw missing(app, 'AppInstance');
    return secrets;
  };
  const inactiveOf = (app: string) => inactive.get(app) ?? [];

  router.get(path, ({ params: { app } }, response) => {
    response.json([
      ...activeOf(app).map((secret) => representation(secret, 'ACTIVE')),
      ...inactiveOf(app).map((secret) => representation(secret, 'INACTIVE')),
    ]);
  });

  router.post(path, (request, response) => {
    const { app } = request.params;
    const { client_secret: text = '' } = read(newSecret, request.body);
    if (activeOf(app).length + inactiveOf(app).length >= most)
      throw invalid('client_secret', 'You have reached the maximum number of client secrets per client.');
    if (!/^[\x20-\x7e]{14,100}$/.test(text))
      throw invalid('client_secret', 'client_secret: The client secret must be 14 to 100 printable ASCII characters.');
    const added = live.add(app, new Secret(text));
    if (added === undefined) throw invalid('client_secret', 'client_secret: The client secret is not allowed.');
    response.status(201).json(representation(added, 'ACTIVE'));
  });

  router.post(`${path}/:secret/lifecycle/deactivate`, (request, response) => {
    const { app, secret: id } = request.params;
    const found = activeOf(app).find((each) => each.id === id);
    if (found === undefined) throw missing(id, 'OAuth2ClientSecret');
    if (!live.retire(id)) throw invalid('deactivate', 'You cannot deactivate the only active client secret.');
    inactive.set(app, [...inactiveOf(app), found]);
    response.json(representation(found, 'INACTIVE'));
  });

  router.delete(`${path}/:secret`, (request, response) => {
    const { app, secret: id } = request.params;
    if (activeOf(app).some((each) => each.id === id))
      throw invalid('delete', 'You cannot delete an active client secret.');
    const others = inactiveOf(app).filter((each) => each.id !== id);
    if (others.length === inactiveOf(app).length) throw missing(id, 'OAuth2ClientSecret');
    inactive.set(app, others);
    response.status(204).end();
  });
  return router;
}

/** A value is shown at any time, to whoever may manage the app. */
function representation({ id, value, createdAt }: LiveSecret, status: string): object {
  const text = value.reveal();
  return {
    id,
    status,
    client_secret: text,
    secret_hash: createHash('md5').update(text).digest('base64url'),
    created: new Date(createdAt).toISOString(),
  };
}
