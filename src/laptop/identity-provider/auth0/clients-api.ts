import { createPublicKey, randomUUID } from 'node:crypto';
import { Router } from 'express';
import { Secret } from '../../../foundation/secret.ts';
import type { LiveSecrets } from '../live-secrets.ts';
import type { ClientSeed } from '../options.ts';
import { missing, TenantError } from './api-error.ts';
import { clientChange, newCredential, read } from './representations.ts';

export interface ClientsApiOptions {
  readonly seeds: readonly ClientSeed[];
  readonly live: LiveSecrets;
  /** epoch milliseconds */
  readonly now: () => number;
}

interface Credential {
  readonly id: string;
  readonly kid: string;
  readonly created_at: string;
}
interface Keys {
  readonly stored: readonly Credential[];
  readonly linked: readonly string[];
}

/** Milliseconds after a change during which the former secret is accepted too. */
const lag = 30_000;
const mostKeys = 2;

/** `/clients` of the Management API: one secret each, or two keys at most. */
export function clientsApi({ seeds, live, now }: ClientsApiOptions): Router {
  const router = Router();
  const credential = (kid: string): Credential => ({
    id: `cred_${randomUUID().replaceAll('-', '')}`,
    kid,
    created_at: new Date(now()).toISOString(),
  });
  const keys = new Map<string, Keys>();
  for (const { clientId, publicKey } of seeds) {
    if (publicKey === undefined) continue;
    const first = credential(publicKey.kid ?? 'first-key-of-it');
    keys.set(clientId, { stored: [first], linked: [first.id] });
  }
  const requireClient = (clientId: string): void => {
    if (seeds.some((each) => each.clientId === clientId)) return;
    throw missing('inexistent_client', 'The client does not exist');
  };
  const keysOf = (clientId: string): Keys => {
    requireClient(clientId);
    return keys.get(clientId) ?? { stored: [], linked: [] };
  };
  const shown = (clientId: string): object => {
    const credentials = keysOf(clientId).linked.map((id) => ({ id }));
    return {
      client_id: clientId,
      ...(credentials.length > 0
        ? { client_authentication_methods: { private_key_jwt: { credentials } } }
        : { client_secret: live.of(clientId)?.[0]?.value.reveal(), token_endpoint_auth_method: 'client_secret_post' }),
    };
  };

  router.get('/clients/:client', (request, response) => void response.json(shown(request.params.client)));

  router.patch('/clients/:client', (request, response) => {
    const { client } = request.params;
    const { stored } = keysOf(client);
    const { client_secret: secret, client_authentication_methods: methods } = read(clientChange, request.body);
    if (secret !== undefined) {
      const former = live.of(client)?.[0];
      const values = [new Secret(secret), ...(former === undefined ? [] : [former.value])];
      live.set(client, values, { formerUntil: now() + lag });
    }
    if (methods !== undefined) {
      const linked = methods.private_key_jwt.credentials.map(({ id }) => id);
      if (linked.length === 0 || !linked.every((id) => stored.some((each) => each.id === id)))
        throw new TenantError(400, 'Credentials do not exist', { code: 'invalid_body' });
      keys.set(client, { stored, linked });
    }
    response.json(shown(client));
  });

  const path = '/clients/:client/credentials';
  router.get(path, (request, response) => void response.json(keysOf(request.params.client).stored));

  router.post(path, (request, response) => {
    const { client } = request.params;
    const { stored, linked } = keysOf(client);
    const { kid, pem } = read(newCredential, request.body);
    if (createPublicKey(pem).asymmetricKeyType !== 'rsa') throw new TenantError(400, 'Not an RSA key');
    if (stored.length >= mostKeys) throw new TenantError(409, 'Too many credentials', { code: 'credentials_limit' });
    const added = credential(kid);
    keys.set(client, { stored: [...stored, added], linked });
    response.status(201).json(added);
  });

  router.delete(`${path}/:credential`, (request, response) => {
    const { client, credential: id } = request.params;
    const { stored, linked } = keysOf(client);
    if (!stored.some((each) => each.id === id)) throw missing('credential_not_found', 'Credential not found');
    if (linked.includes(id)) throw new TenantError(409, 'The credential is in use', { code: 'credential_in_use' });
    keys.set(client, { stored: stored.filter((each) => each.id !== id), linked });
    response.status(204).end();
  });
  return router;
}
