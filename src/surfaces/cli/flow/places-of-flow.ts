import type { App } from '../../../app/open-app.ts';
import type { Flow } from '../../../folder/flows/flow.ts';
import { usesOf } from '../../../folder/flows/flow-uses.ts';
import type { SecretStore } from '../../../adapters/stores/contract.ts';

/** Where a flow runs: the environment, the vault's address, and the place of each store that it touches. */
export async function placesOfFlow(app: App, flow: Flow): Promise<string> {
  const environment = app.environment();
  const connections = await app.connections();
  const stores = usesOf(flow, environment).connections.filter(({ kind }) => kind === 'stores');
  const places: string[] = [];
  for (const name of new Set(stores.map((use) => use.name))) {
    const store = connections.get('stores', name) as SecretStore;
    await store.verify([]);
    places.push(`${connections.place('stores', name)} (${store.address})`);
  }
  return [`environment ${environment.name}`, `vault ${connections.vault.address}`, ...places].join(', ');
}
