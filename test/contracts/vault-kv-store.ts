import type { VaultServer } from './kv-engine.ts';
import { createVaultKvStore, type VaultKvStoreOptions } from '../../src/adapters/stores/vault-kv/store.ts';
import { secretStoreContract } from './secret-store.ts';

/** The store under test on a server, without a real wait. */
export function openStore(server: Pick<VaultServer, 'url' | 'root'>, options: Partial<VaultKvStoreOptions> = {}) {
  return createVaultKvStore({
    name: 'main',
    url: server.url,
    mount: 'secret',
    token: async () => server.root,
    development: true,
    now: Date.now,
    sleep: () => Promise.resolve(),
    ...options,
  });
}

/** The contract of stores, on a server of Vault or OpenBao; others use it as they do, by its API. */
export function vaultKvStoreContract(title: string, start: () => Promise<VaultServer>): void {
  secretStoreContract(title, async () => {
    const server = await start();
    const store = openStore(server);
    const ask = async (method: string, path: string, body?: object) => {
      const headers = { 'x-vault-token': server.root.reveal() };
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(`${server.url}/v1/${path}`, { method, headers, ...init });
      if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status}`);
      return response;
    };
    return {
      store,
      async current(name) {
        const answer = (await (await ask('GET', `secret/data/${name}`)).json()) as {
          readonly data?: { readonly data?: { readonly value?: string } };
        };
        return answer.data?.data?.value;
      },
      async writeAsSomeoneElse(name, value) {
        await ask('POST', `secret/data/${name}`, { data: { value } });
      },
      async scheduleDeletion(name) {
        await ask('DELETE', `secret/data/${name}`);
      },
      async close() {
        await store.close();
        await server.close();
      },
    };
  });
}
