import { beforeEach, expect, test } from 'vitest';
import type { Item, NewItem, Vault, VaultItems } from '../../src/adapters/vaults/contract.ts';
import type { App } from '../../src/app/open-app.ts';
import type { Connections } from '../../src/app/connections.ts';
import type { Caller, ItemChange } from '../../src/broker/contract.ts';
import { createPermission } from '../../src/broker/permission.ts';
import { createRates } from '../../src/broker/rate-limits.ts';
import { createVaultItems } from '../../src/broker/vault-items.ts';
import { readPolicy } from '../../src/folder/policy/read-policy.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { sameName } from '../../src/foundation/names.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createSource } from '../../src/language/problems.ts';
import { readYaml } from '../../src/language/yaml.ts';
import { ref } from '../contracts/vault.ts';
import { createClock } from './arrange.ts';

const written = `agents:
  codex:
    vault-paths:
      - { path: op/vaults/E/*, can: [list, read] }
      - { path: op/vaults/E/items/own key, can: [update, delete] }
      - { path: op/vaults/E/items/key, can: [update] }
      - { path: 'op/vaults/E/items/x%252Fy', can: [create] }
`;
const vaultId = 'v'.repeat(26);
const codex: Caller = { agent: 'codex', by: 'token', request: 'r-1', address: 'here' };
const change = (label: string, value: string): ItemChange => ({
  fields: new Map([[label, { value: new Secret(value), type: 'concealed' as const }]]),
});

let stored: Item[];
let made: NewItem[];
/** how many writes find that somebody else was faster */
let overtaken: number;
beforeEach(() => {
  stored = ['key', 'own key'].map(itemOf);
  made = [];
  overtaken = 0;
});

function itemOf(title: string): Item {
  const id = title.replaceAll(/[^a-z]/g, 'a').padEnd(26, 'b');
  const reference = Reference.of({ vault: vaultId, item: id });
  const field = { id: 'p', label: 'password', type: 'concealed', value: new Secret('kept') } as const;
  const fields = [{ ...field, reference: reference.sibling('p') }];
  return { vault: vaultId, id, title, version: 1, tags: [], createdAt: 0, fields, reference };
}

const unused = () => Promise.reject(new Error('not used'));
const vaultItems: VaultItems = {
  vaults: () => Promise.resolve([{ id: vaultId, title: 'E', name: vaultId }]),
  async get({ item }) {
    await Promise.resolve();
    const found = stored.find(({ id, title }) => id === item || sameName(title, item));
    if (found !== undefined) return found;
    throw new FlowError('not-found', 'there is no such item', { about: 'subject' });
  },
  list: () => Promise.resolve(stored),
  async createAll(_, items) {
    await Promise.resolve();
    made.push(...items);
    stored.push(...items.map(({ title }) => itemOf(title)));
  },
  async setFields(item) {
    await Promise.resolve();
    overtaken -= 1;
    if (overtaken >= 0) throw new FlowError('conflict', 'the item was changed in between', { about: 'subject' });
    return { ...item, version: item.version + 1 };
  },
  find: unused,
  createLogin: unused,
  setOneTimePassword: unused,
  archive: unused,
};

function items() {
  const source = createSource('policy.yaml', written);
  const root = readYaml(source);
  if (root === undefined) throw new TypeError('no policy');
  const { policy } = readPolicy(root, source);
  expect(source.problems).toEqual([]);
  const clock = createClock();
  const vault: Vault = {
    address: 'memory',
    read: unused,
    items: vaultItems,
    requests: () => 0,
    close: () => Promise.resolve(),
  };
  const app = {
    folder: { flows: new Map() },
    environment: () => ({ name: 'production', key: [ref('op://e/Own Key/password')] }),
    connections: () => Promise.resolve({ vault } as unknown as Connections),
  } as unknown as App;
  const registry = { secrets: new Map() };
  const permission = createPermission(app, { current: () => ({ policy, registry }) }, createRates(clock.monotonic));
  return createVaultItems({
    app,
    permission,
    clock,
    audited: { answer: async (_, __, ___, work) => (await work()).value },
  });
}

test('the item that `key:` names is given, changed and listed for nobody, whatever the lines say', async () => {
  const path = 'op/vaults/E/items/own key';
  expect((await items().list(codex, 'op/vaults/E/items')).map(({ title }) => title)).toEqual(['key']);
  for (const asked of [path, `op/vaults/${vaultId}/items/${itemOf('own key').id}`]) {
    await expect(items().read(codex, asked)).rejects.toMatchObject({ code: 'not-allowed' });
    await expect(items().write(codex, asked, change('password', 'x'))).rejects.toMatchObject({ code: 'not-allowed' });
    await expect(items().remove(codex, asked)).rejects.toMatchObject({ code: 'not-allowed' });
  }
  expect([...(await items().read(codex, 'op/vaults/E/items/key')).keys()]).toEqual(['password']);
});

test('a change that somebody else was faster than is looked at and made anew, and not for ever', async () => {
  overtaken = 2;
  expect(await items().write(codex, 'op/vaults/E/items/key', change('password', 'x'))).toMatchObject({ createdAt: 0 });
  overtaken = 3;
  await expect(items().write(codex, 'op/vaults/E/items/key', change('password', 'x'))).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('a new item has a title that a line names, not one that only its spelling leads to', async () => {
  // the line is for the title x%2Fy, and this is the path of x/y
  const refused = items().write(codex, 'op/vaults/E/items/x%2Fy', change('password', 'x'));
  await expect(refused).rejects.toMatchObject({ code: 'not-allowed' });
  expect(made).toEqual([]);
  await items().write(codex, 'op/vaults/E/items/x%252Fy', change('password', 'x'));
  expect(made.map(({ title }) => title)).toEqual(['x%2Fy']);
});
