import { z } from 'zod';
import { Secret } from '../../../foundation/secret.ts';
import { Refusal } from '../../aws/refusal.ts';
import type { LiveSecret, LiveSecrets } from '../live-secrets.ts';
import { clientForm, invalid, type Operations, read } from './requests.ts';

const most = 2;
const addForm = clientForm.extend({ ClientSecret: z.string().regex(/^[\w+]{24,64}$/) });
const deleteForm = clientForm.extend({ ClientSecretId: z.string().min(1) });

/** The secrets of app clients, two at most, whose values are never shown again. */
export function secretsApi(live: LiveSecrets): Operations {
  const secretsOf = (clientId: string) => {
    const secrets = live.of(clientId);
    if (secrets !== undefined) return secrets;
    throw new Refusal('ResourceNotFoundException', `User pool client ${clientId} does not exist.`);
  };
  const idOf = (clientId: string, { id }: LiveSecret) => `${clientId}--${id}`;
  const shown = (clientId: string, secret: LiveSecret) => ({
    ClientSecretId: idOf(clientId, secret),
    ClientSecretCreateDate: secret.createdAt / 1000,
  });
  return {
    ListUserPoolClientSecrets(body) {
      const { ClientId: clientId } = read(clientForm, body);
      return { ClientSecrets: secretsOf(clientId).map((secret) => shown(clientId, secret)) };
    },
    AddUserPoolClientSecret(body) {
      const { ClientId: clientId, ClientSecret: value } = read(addForm, body);
      const limit = new Refusal('LimitExceededException', 'Maximum number of client secrets reached.');
      const added = secretsOf(clientId).length < most ? live.add(clientId, new Secret(value)) : undefined;
      if (added === undefined) throw limit;
      return { ClientSecretDescriptor: shown(clientId, added) };
    },
    DeleteUserPoolClientSecret(body) {
      const { ClientId: clientId, ClientSecretId: wanted } = read(deleteForm, body);
      const found = secretsOf(clientId).find((secret) => idOf(clientId, secret) === wanted);
      if (found === undefined) throw new Refusal('ResourceNotFoundException', 'Client secret does not exist.');
      if (!live.retire(found.id)) throw invalid('Cannot delete the only client secret.');
      return {};
    },
  };
}
