import { createHash } from 'node:crypto';
import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import type { LiveSecrets } from '../live-secrets.ts';
import type { ClientSeed } from '../options.ts';
import { missing } from './admin-error.ts';
import { readClient } from './representations.ts';

const former = 'client.secret.rotated';

/** `/clients` of the Admin REST API, in a realm whose client policy lets a former secret live on. */
export function clientsApi(seeds: readonly ClientSeed[], live: LiveSecrets): Router {
  const router = Router();
  const clients = new Map(
    seeds.map(({ clientId, publicKey }) => {
      const keys: Readonly<Record<string, string>> =
        publicKey === undefined
          ? {}
          : { 'use.jwks.string': 'true', 'jwks.string': JSON.stringify({ keys: [{ kid: 'first', ...publicKey }] }) };
      const id = createHash('sha256').update(clientId).digest('hex').slice(0, 32);
      return [id, { id, clientId, keyed: publicKey !== undefined, attributes: keys }];
    }),
  );
  const found = (id: string) => {
    const client = clients.get(id);
    if (client === undefined) throw missing('Client');
    return client;
  };

  router.get('/clients', (request, response) => {
    const named = [...clients.values()].filter(({ clientId }) => clientId === request.query['clientId']);
    response.json(
      named.map(({ keyed, ...client }) => ({
        ...client,
        clientAuthenticatorType: keyed ? 'client-jwt' : 'client-secret',
        secret: live.of(client.clientId)?.[0]?.value.reveal(),
      })),
    );
  });

  router.put('/clients/:id', (request, response) => {
    const client = found(request.params.id);
    const { secret, attributes } = readClient(request.body);
    const merged = { ...client.attributes, ...attributes };
    clients.set(client.id, { ...client, attributes: merged });
    if (secret !== undefined) {
      const kept = attributes?.[former];
      live.set(
        client.clientId,
        [secret, ...(kept === undefined ? [] : [kept])].map((value) => new Secret(value)),
      );
    }
    response.status(204).end();
  });

  router.delete('/clients/:id/client-secret/rotated', (request, response) => {
    const client = found(request.params.id);
    const attributes = Object.entries(client.attributes).filter(([name]) => !name.startsWith(former));
    clients.set(client.id, { ...client, attributes: Object.fromEntries(attributes) });
    const [current] = live.of(client.clientId) ?? [];
    if (current !== undefined) live.set(client.clientId, [current.value]);
    response.status(204).end();
  });
  return router;
}
