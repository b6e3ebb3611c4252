import type { App } from '../app.ts';
import type { Flow } from '../flow/flow.ts';
import { usesOf } from '../flow/uses.ts';
import type { SecretStore } from '../stores/contract.ts';

/** Where a flow runs: the environment, the vault's address, and the AWS account and region where it touches a store. */
export async function whereabouts(app: App, flow: Flow): Promise<string> {
  const environment = app.environment();
  const connections = await app.connections();
  const stores = usesOf(flow, environment).connections.filter(({ kind }) => kind === 'stores');
  const places: string[] = [];
  for (const name of new Set(stores.map((use) => use.name))) {
    const store = connections.get('stores', name) as SecretStore;
    const { account, region } = await store.identity();
    places.push(`AWS ${account === undefined ? '' : `account ${account} `}in ${region} (${store.address})`);
  }
  return [`environment ${environment.name}`, `vault ${connections.vault.address}`, ...places].join(', ');
}
