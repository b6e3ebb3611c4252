import { segment } from '../segment.ts';
import type { RealmClient } from './answers.ts';
import type { Realm } from './realm.ts';
import { noClient } from '../client-refusals.ts';

/** A client by its `client_id`. @throws FlowError not-found, also where the token may not see it */
export async function clientOf(realm: Realm, clientId: string): Promise<RealmClient> {
  const query = new URLSearchParams({ clientId });
  const answer = await realm.call('GET', `clients?${query.toString()}`, [200]);
  const clients = (await import('./answers.ts')).parsers.clients(answer.body);
  if (clients === undefined) throw realm.malformed('something that is no list of clients');
  const client = clients.find((each) => each.clientId === clientId);
  if (client !== undefined) return client;
  throw noClient(
    realm.name,
    clientId,
    'is it the client id, and may the token see this client (query-clients, and view and manage of it)?',
  );
}

/** Changes a client; attributes that are not named stay. */
export async function changeClient(
  realm: Realm,
  { id, clientId }: RealmClient,
  change: { readonly secret?: string; readonly attributes: Readonly<Record<string, string>> },
): Promise<void> {
  await realm.call('PUT', `clients/${segment(id)}`, [204], { json: { clientId, ...change } });
}
