import { Router } from 'express';
import { z } from 'zod';
import { Secret } from '../../foundation/secret.ts';
import type { LiveSecret, LiveSecrets } from './live-secrets.ts';
import { ScimError, sendScim } from './scim-errors.ts';
import { listSchema } from './scim-resources.ts';

const schema = 'urn:auth-chain:scim:schemas:ClientSecret';
const newSecret = z.object({ clientId: z.string(), value: z.string().min(16).max(200) });

/** A resource type of its own (RFC 7643, section 3.2): the secrets of OAuth clients, whose values are write-only. */
export function clientSecretResources(secrets: LiveSecrets): Router {
  const router = Router();
  const ofClient = (clientId: string) => {
    const live = secrets.of(clientId);
    if (live === undefined) throw new ScimError(404, 'there is no such client');
    return live;
  };

  router.get('/', (request, response) => {
    const { filter } = request.query;
    const clientId = /^clientId eq (?<value>"(?:[^"\\]|\\.)*")$/.exec(typeof filter === 'string' ? filter : '')
      ?.groups?.['value'];
    if (clientId === undefined) throw new ScimError(400, 'only clientId eq "…" is supported', 'invalidFilter');
    const id = String(JSON.parse(clientId));
    const live = ofClient(id);
    const Resources = live.map((each) => resourceOf(id, each));
    sendScim(response, 200, { schemas: [listSchema], totalResults: live.length, Resources });
  });

  router.post('/', (request, response) => {
    const given = newSecret.safeParse(request.body);
    if (!given.success) throw new ScimError(400, 'a clientId, and a value of 16 to 200 characters', 'invalidValue');
    const { clientId, value } = given.data;
    ofClient(clientId);
    const added = secrets.add(clientId, new Secret(value));
    if (added === undefined) throw new ScimError(409, 'two secrets are live already', 'uniqueness');
    sendScim(response, 201, resourceOf(clientId, added));
  });

  router.delete('/:id', (request, response) => {
    if (!secrets.retire(request.params.id)) throw new ScimError(409, 'the only secret of a client stays');
    response.status(204).end();
  });
  return router;
}

function resourceOf(clientId: string, { id, value, createdAt }: LiveSecret): object {
  const meta = { resourceType: 'ClientSecret', created: new Date(createdAt).toISOString() };
  return { schemas: [schema], id, clientId, sha256: value.hash(), meta };
}
