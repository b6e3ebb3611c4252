import { FlowError } from '../../../foundation/errors.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { ClientSecrets, ListedSecret } from '../contract.ts';
import { requireOwnSecret } from '../own-client-secret.ts';
import type { TenantClient } from './answers.ts';
import { clientOf, clientPath } from './clients.ts';
import type { Tenant } from './tenant.ts';
import { onlySecret } from '../client-refusals.ts';

/**
 * The one secret of a client, ours by a change of the client. It has no name there: its id is a MAC of it under a
 * key of this process, another one for another secret.
 */
export function createClientSecrets(tenant: Tenant): ClientSecrets {
  function secretOf({ client_id: clientId, client_secret: value, ...client }: TenantClient): ListedSecret | undefined {
    if (value) return listed(new Secret(value));
    // a public client has none, and one with keys shows none
    if (client.client_authentication_methods?.private_key_jwt || client.token_endpoint_auth_method === 'none')
      return undefined;
    throw new FlowError('denied', `identity provider "${tenant.name}" does not show the secret of "${clientId}"`, {
      hint: 'let its application have the scope read:client_keys',
    });
  }

  return {
    origin: 'ours',
    live: 1,
    // for up to 30 s after a change either may be accepted
    changeLag: 30,
    async list(clientId) {
      const secret = secretOf(await clientOf(tenant, clientId));
      return secret === undefined ? [] : [secret];
    },

    async add(clientId, given) {
      const secret = requireOwnSecret(given);
      const current = secretOf(await clientOf(tenant, clientId));
      if (current === undefined) {
        throw new FlowError('refused', `client "${clientId}" authenticates without a secret at "${tenant.name}"`, {
          hint: 'rotate its key instead, or let it authenticate by client_secret_post',
        });
      }
      if (current.is?.(secret) === true) return current;
      const json = { client_secret: secret.reveal() };
      await tenant.call('PATCH', clientPath(clientId), [200], { json, password: secret, repeatable: true });
      return listed(secret);
    },

    async retire(clientId, id) {
      // the former one ended when another came
      if (secretOf(await clientOf(tenant, clientId))?.id !== id) return;
      throw onlySecret(clientId);
    },
  };
}

function listed(value: Secret): ListedSecret {
  const { createHmac } = process.getBuiltinModule('node:crypto');
  const id = createHmac('sha256', idKey()).update(value.reveal()).digest('hex').slice(0, 12);
  return { id, is: (other) => value.equals(other) };
}

/** Of this process alone, so that an id tells nothing of the secret. */
let ownKey: Buffer | undefined;
function idKey(): Buffer {
  ownKey ??= process.getBuiltinModule('node:crypto').randomBytes(32);
  return ownKey;
}
