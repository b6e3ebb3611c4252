import { randomBytes } from 'node:crypto';
import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import type { LiveSecret, LiveSecrets } from '../live-secrets.ts';
import { bad, missing } from './api-error.ts';
import { newSecret, read, secretId } from './representations.ts';

/** Their object id is another than the client id by which they are found. */
const prefix = 'object-of-';

/** `/applications` of Graph: many secrets each, made there and shown once. */
export function applicationsApi(live: LiveSecrets, now: () => number): Router {
  const router = Router();
  const secretsOf = (clientId: string): readonly LiveSecret[] => {
    const secrets = live.of(clientId);
    if (secrets === undefined) throw missing(clientId);
    return secrets;
  };
  const clientOf = (id: string): string => {
    if (!id.startsWith(prefix)) throw missing(id);
    return id.slice(prefix.length);
  };

  // a bracket that is written as one would be taken for a group
  router.get(/^\/applications\x28appId='(?<key>.*)'\x29$/, (request, response) => {
    const appId = (request.params['key'] ?? '').replaceAll("''", "'");
    const passwordCredentials = secretsOf(appId).map((secret) => ({ ...representation(secret), secretText: null }));
    response.json({ id: `${prefix}${appId}`, appId, passwordCredentials });
  });

  router.post('/applications/:id/addPassword', (request, response) => {
    const client = clientOf(request.params.id);
    const kept = secretsOf(client).map(({ value }) => value);
    read(newSecret, request.body);
    const text = randomBytes(30).toString('base64url');
    live.set(client, [new Secret(text), ...kept]);
    const [added] = secretsOf(client);
    if (added === undefined) throw new TypeError('it was added');
    const endDateTime = new Date(now() + 2 * 365 * 86_400_000).toISOString();
    response.json({ ...representation(added), endDateTime, secretText: text });
  });

  router.post('/applications/:id/removePassword', (request, response) => {
    const client = clientOf(request.params.id);
    const { keyId } = read(secretId, request.body);
    const kept = secretsOf(client).filter(({ id }) => id !== keyId);
    if (kept.length === secretsOf(client).length) throw bad(`No password credential found with keyId ${keyId}.`);
    live.set(
      client,
      kept.map(({ value }) => value),
    );
    response.status(204).end();
  });
  return router;
}

function representation({ id, value, createdAt }: LiveSecret): object {
  return {
    keyId: id,
    displayName: 'flows',
    hint: value.reveal().slice(0, 3),
    startDateTime: new Date(createdAt).toISOString(),
  };
}
