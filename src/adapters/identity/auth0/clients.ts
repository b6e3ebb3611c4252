import { segment } from '../segment.ts';
import type { TenantClient } from './answers.ts';
import type { Tenant } from './tenant.ts';
import { noClient } from '../client-refusals.ts';

export const clientPath = (clientId: string) => `clients/${segment(clientId)}`;

/** A client by its `client_id`. @throws FlowError not-found */
export async function clientOf(tenant: Tenant, clientId: string): Promise<TenantClient> {
  const answer = await tenant.call('GET', clientPath(clientId), [200, 404]);
  if (answer.status === 404) {
    throw noClient(tenant.name, clientId, 'is it the client id of an application of this tenant?');
  }
  const client = (await import('./answers.ts')).parsers.client(answer.body);
  if (client?.client_id !== clientId) throw tenant.malformed('something that is not the client asked for');
  return client;
}
