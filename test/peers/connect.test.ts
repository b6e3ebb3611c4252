import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Vault, VaultItems } from '../../src/adapters/vaults/contract.ts';
import { createConnectVault } from '../../src/adapters/vaults/onepassword-connect/vault.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { ref, told } from '../contracts/vault.ts';
import { type PythonSdk, startPythonSdk } from './python-sdk.ts';

interface Field {
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly value: string | null;
}

interface Item {
  readonly id: string;
  readonly title: string;
  readonly version: number;
  readonly fields: readonly Field[];
}

const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const text = 'a certificate — and\nits chain\n';
const odd = ' kept "as it is" – ключ \\ 🗝 \n';

let server: DevelopmentVault;
let python: PythonSdk;
let vault: Vault;
let items: VaultItems;
let agents = '';

beforeAll(async () => {
  server = await startVault({
    vaults: [
      {
        name: 'Agents',
        items: [
          {
            title: 'Orders — ключ',
            fields: [
              { label: 'username', type: 'text', value: 'orders' },
              { label: 'password', type: 'concealed', value: odd },
              { label: 'host', section: 'Primary', type: 'text', value: 'one' },
              { label: 'one-time password', type: 'one-time-password', value: seed },
              { label: 'ca.pem', type: 'file', value: text },
            ],
          },
        ],
      },
    ],
  });
  const token = server.connectToken();
  vault = createConnectVault({ url: server.address, token: async () => token, development: true, now: Date.now });
  if (vault.items === undefined) throw new Error('items can be written');
  items = vault.items;
  python = await startPythonSdk('connect');
  await python.call('connect', server.address, server.connectToken().reveal());
  agents = (await python.call<{ id: string }>('vault', 'Agents')).id;
});
afterAll(async () => {
  await python?.stop();
  await server?.close();
});

const fieldsOf = (item: Item) => Object.fromEntries(item.fields.map(({ label, value }) => [label, value]));

describe('the Python client of 1Password Connect, unmodified', () => {
  test('reads vaults, items by title and by id, and files', async () => {
    expect(await python.call('vaults')).toMatchObject([{ name: 'Agents' }]);
    const item = await python.call<Item>('item', 'Orders — ключ', agents);
    expect(fieldsOf(item)).toMatchObject({ username: 'orders', password: odd, host: 'one', 'one-time password': seed });
    expect(await python.call('item', item.id, agents)).toEqual(item);
    const [file] = await python.call<{ id: string; name: string }[]>('files', item.id, agents);
    expect(file?.name).toBe('ca.pem');
    expect(await python.call('content', file?.id, item.id, agents)).toBe(text);
    const wanted = { host: { opitem: 'Orders — ключ', opfield: 'Primary.host', opvault: agents } };
    expect(await python.call('load', wanted)).toEqual({ host: 'one' });
  });

  test('makes an item with a password of the recipe, changes and deletes it', async () => {
    const made = await python.call<Item>('create', agents, 'By Python', 24);
    expect(fieldsOf(made)['password']).toMatch(/^(?=.*\d)[A-Za-z0-9]{24}$/);
    const changed = await python.call<Item>('retitle', agents, made.id, 'By Python, again');
    expect(changed).toMatchObject({ title: 'By Python, again', version: 2 });
    expect(told((await vault.read([ref('op://Agents/By Python, again/password')])).values().next().value)).toBe(
      fieldsOf(made)['password'],
    );
    await python.call('delete', made.id, agents);
    expect(server.dump().some(({ id }) => id === made.id)).toBe(false);
  });

  test('is told what it may not have', async () => {
    const revoked = server.connectToken();
    server.revoke(revoked);
    const other = await startPythonSdk('connect');
    try {
      await other.call('connect', server.address, revoked.reveal());
      await expect(other.call('vaults')).rejects.toThrow(/Invalid token signature/);
      await other.call('connect', server.address, server.connectToken({ access: 'read' }).reveal());
      await expect(other.call('create', agents, 'no', 24)).rejects.toThrow(/not in scope/);
    } finally {
      await other.stop();
    }
  });
});

test('our adapter and the Python client change one item in turn, and neither loses what the other wrote', async () => {
  const made = await python.call<Item>('create', agents, 'shared', 24);
  const found = await items.get(ref('op://Agents/shared'));
  const first = await items.setOneTimePassword(found, new Secret('A'.repeat(16)), { previous: 'keep' });
  const seen = await python.call<Item>('item', made.id, agents);
  expect(seen.fields.filter(({ type }) => type === 'OTP').map(({ value }) => value)).toEqual(['A'.repeat(16)]);
  await python.call('retitle', agents, made.id, 'shared, again');
  await expect(items.setOneTimePassword(first, new Secret('B'.repeat(16)), { previous: 'keep' })).rejects.toMatchObject(
    { code: 'conflict' },
  );
  const current = await items.get(ref('op://Agents/shared, again'));
  await items.setOneTimePassword(current, new Secret('B'.repeat(16)), { previous: 'keep' });
  const last = await python.call<Item>('item', made.id, agents);
  expect(last).toMatchObject({ title: 'shared, again', version: 4 });
  expect(fieldsOf(last)).toMatchObject({
    username: 'ada',
    password: fieldsOf(made)['password'],
    'one-time password': 'B'.repeat(16),
    previous: 'A'.repeat(16),
  });
});
