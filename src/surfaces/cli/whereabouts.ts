import type { App } from '../../app/open-app.ts';
import type { Flow } from '../../folder/flows/flow.ts';
import { usesOf } from '../../folder/flows/flow-uses.ts';
import type { Plain } from '../../folder/service/settings.ts';
import type { SecretStore } from '../../adapters/stores/contract.ts';

/** Where a flow runs: the environment, the vault's address, and the AWS account and region where it touches a store. */
export async function whereabouts(app: App, flow: Flow): Promise<string> {
  const environment = app.environment();
  const connections = await app.connections();
  const stores = usesOf(flow, environment).connections.filter(({ kind }) => kind === 'stores');
  const places: string[] = [];
  for (const name of new Set(stores.map((use) => use.name))) {
    const store = connections.get('stores', name) as SecretStore;
    const { account, region } = await store.identity();
    places.push(`${awsPlace({ account, region })} (${store.address})`);
  }
  return [`environment ${environment.name}`, `vault ${connections.vault.address}`, ...places].join(', ');
}

/** `AWS account 123456789012 in eu-west-1`, as far as service.yaml tells. */
export function awsPlace({ account, region }: Readonly<Record<string, Plain | undefined>>): string {
  return `AWS ${account === undefined ? '' : `account ${account} `}in ${region}`;
}
