import { createClient } from '@1password/sdk';
import { type FullItem, ItemBuilder, type OPConnect, OnePasswordConnect } from '@1password/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevelopmentVault, startVault } from '../../../src/laptop/vault/server.ts';
import { newSshKey } from '../../../src/laptop/vault/ssh-keys.ts';

const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const text = 'a certificate — and\nits chain\n';

/** What the client rejects with is a plain object. */
async function refusal(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    return error;
  }
}

/** The client's items are instances of its classes, which are changed in place. */
function changedTo(item: FullItem, changes: Partial<FullItem>): FullItem {
  return Object.assign(Object.create(item) as FullItem, item, changes);
}

describe('the development vault as 1Password Connect, by its unmodified client', () => {
  let vault: DevelopmentVault;
  let client: OPConnect;
  let agents = '';
  beforeAll(async () => {
    vault = await startVault({
      vaults: [
        {
          name: 'Agents',
          items: [
            {
              title: 'Orders — ключ',
              tags: ['blue', 'grün "x"'],
              website: 'https://orders.example/',
              fields: [
                { label: 'username', type: 'text', value: 'orders' },
                { label: 'password', type: 'concealed', value: ' kept "as" it is\n' },
                { label: 'host', section: 'Primary', type: 'text', value: 'one' },
                { label: 'one-time password', type: 'one-time-password', value: seed },
                { label: 'ca.pem', type: 'file', value: text },
              ],
              formFields: [{ name: 'remember-me', value: 'on' }],
            },
            {
              title: 'SSH',
              category: 'ssh-key',
              fields: [{ label: 'private key', type: 'ssh-key', value: newSshKey() }],
            },
            { title: 'Twin', fields: [] },
            { title: 'Twin', fields: [] },
            { title: 'Gone', archived: true, fields: [] },
          ],
        },
        { name: 'Other "quoted"', items: [] },
      ],
    });
    client = OnePasswordConnect({ serverURL: vault.address, token: vault.connectToken().reveal() });
    agents = (await client.getVaultByTitle('Agents')).id ?? '';
  });
  afterAll(() => vault.close());

  const ask = async (path: string, init: RequestInit = {}, token = vault.connectToken()) => {
    const headers = { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' };
    const response = await fetch(`${vault.address}${path}`, { headers, ...init });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  };

  test('lists vaults and items, and finds them by title', async () => {
    expect((await client.listVaults()).map(({ name }) => name)).toEqual(['Agents', 'Other "quoted"']);
    expect((await client.listItems(agents)).map(({ title }) => title)).not.toContain('Gone');
    const item = await client.getItemByTitle(agents, 'Orders — ключ');
    expect(item).toMatchObject({ category: 'LOGIN', version: 1, tags: ['blue', 'grün "x"'] });
    expect(item.fields?.map(({ label, type, purpose, value }) => [label, type, purpose, value])).toEqual([
      ['username', 'STRING', 'USERNAME', 'orders'],
      ['password', 'CONCEALED', 'PASSWORD', ' kept "as" it is\n'],
      ['notesPlain', 'STRING', 'NOTES', ''],
      ['host', 'STRING', undefined, 'one'],
      ['one-time password', 'OTP', undefined, seed],
    ]);
    expect(await client.getItemOTP(agents, item.id ?? '')).toMatch(/^\d{6}$/);
    expect(await client.listItemsByTitleContains(agents, 'Twin')).toHaveLength(2);
    expect(await refusal(client.getItemByTitle(agents, 'Nothing'))).toMatchObject({ status: 404 });
  });

  test('gives files', async () => {
    const [file] = await client.listFiles(agents, 'Orders — ключ');
    expect(file).toMatchObject({ name: 'ca.pem', size: Buffer.byteLength(text) });
    expect(await client.getFileContent(agents, 'Orders — ключ', file?.id ?? '')).toBe(text);
  });

  test('makes, changes and deletes items, which the SDK sees', async () => {
    const made = await client.createItem(
      agents,
      new ItemBuilder()
        .setCategory('LOGIN')
        .setTitle('Made by Connect')
        .addTag('connect')
        .addUrl({ href: 'https://example.com/', primary: true })
        .addField({ label: 'username', purpose: 'USERNAME' as never, value: 'ada' })
        .addField({
          label: 'password',
          purpose: 'PASSWORD' as never,
          type: 'CONCEALED' as never,
          generate: true,
          recipe: { length: 20, characterSets: ['DIGITS' as never], excludeCharacters: '01' },
        })
        .addField({ label: 'in a section', sectionName: 'Extra', value: 'x' })
        .build(),
    );
    const password = made.fields?.find(({ purpose }) => String(purpose) === 'PASSWORD')?.value ?? '';
    expect(password).toMatch(/^[2-9]{20}$/);
    const sdk = await createClient({
      auth: vault.token().reveal(),
      integrationName: 'test',
      integrationVersion: '1',
    });
    expect(await sdk.secrets.resolve('op://Agents/Made by Connect/password')).toBe(password);
    expect(await sdk.secrets.resolve('op://Agents/Made by Connect/Extra/in a section')).toBe('x');
    const changed = await client.updateItem(agents, changedTo(made, { title: 'Changed' }));
    expect(changed).toMatchObject({ title: 'Changed', version: 2, tags: ['connect'] });
    expect(await sdk.secrets.resolve('op://Agents/Changed/password')).toBe(password);
    expect(await refusal(client.updateItem(agents, made))).toMatchObject({ status: 409 });
    await client.deleteItemById(agents, made.id ?? '');
    expect(await refusal(client.getItemById(agents, made.id ?? ''))).toMatchObject({ status: 404 });
    expect(vault.dump().some(({ id }) => id === made.id)).toBe(false);
  });

  test('keeps files and what a browser saved where an item is replaced', async () => {
    const item = await client.getItemByTitle(agents, 'Orders — ключ');
    const changed = await client.updateItem(agents, changedTo(item, { favorite: true }));
    expect(changed.files?.map(({ name }) => name)).toEqual(['ca.pem']);
    expect(vault.dump().find(({ id }) => id === item.id)?.fields).toContainEqual(
      expect.objectContaining({ id: 'remember-me', value: 'on' }),
    );
  });

  test('writes an SSH key as text, as Connect does', async () => {
    const item = await client.getItemByTitle(agents, 'SSH');
    expect(item.fields?.map(({ type }) => type)).toContain('SSHKEY');
    const changed = await client.updateItem(agents, item);
    expect(changed.fields?.map(({ type }) => type)).not.toContain('SSHKEY');
  });

  test.each([
    ['name eq "Other \\"quoted\\""', '/v1/vaults', ['Other "quoted"']],
    ['title eq "Agents"', '/v1/vaults/', ['Agents']],
    ['title eq "Orders — ключ"', '/v1/vaults/{}/items', ['Orders — ключ']],
    ['title co "win"', '/v1/vaults/{}/items/', ['Twin', 'Twin']],
    ['tag eq "grün \\"x\\""', '/v1/vaults/{}/items', ['Orders — ключ']],
    ['tag eq "grün"', '/v1/vaults/{}/items', []],
    // as its clients send it: nothing that is quoted is escaped
    ['title eq "a"b"', '/v1/vaults/{}/items', 400],
    ["title eq 'x'", '/v1/vaults/{}/items', 400],
    ['size eq "1"', '/v1/vaults/{}/items', 400],
  ])('filters by %s at %s', async (filter, path, expected) => {
    const { status, body } = await ask(`${path.replace('{}', agents)}?${new URLSearchParams({ filter }).toString()}`);
    const names = status === 200 ? (body as { name?: string; title?: string }[]) : undefined;
    expect(names?.map((each) => each.name ?? each.title) ?? status).toEqual(expected);
  });

  test.each([
    ['a token that is none', 'GET', '/v1/vaults', 401, { token: 'none' as const }],
    ['a vault out of scope', 'GET', '/v1/vaults/{}/items', 403, { vaults: ['Other "quoted"'] }],
    ['a write with a token for reading', 'POST', '/v1/vaults/{}/items', 403, { access: 'read' as const }],
    ['an item that is not there', 'GET', '/v1/vaults/{}/items/abcdefghijklmnopqrstuvwxyz', 404, {}],
    ['a path that is none', 'GET', '/v1/nothing', 404, {}],
    ['a category that cannot be made', 'POST', '/v1/vaults/{}/items', 400, { body: { category: 'DOCUMENT' } }],
    [
      'a type of field that is none',
      'POST',
      '/v1/vaults/{}/items',
      400,
      { body: { category: 'LOGIN', fields: [{ type: 'TOTP', value: 'x' }] } },
    ],
    [
      'an item of another vault',
      'POST',
      '/v1/vaults/{}/items',
      400,
      { body: { category: 'LOGIN', vault: { id: 'abcdefghijklmnopqrstuvwxyz' } } },
    ],
    ['no JSON', 'POST', '/v1/vaults/{}/items', 400, { body: undefined }],
  ] as const)('refuses %s', async (_, method, path, status, options) => {
    const { token, body, ...rest } = { token: undefined, body: undefined, ...options };
    const bearer = vault.connectToken(rest);
    if (token === 'none') vault.revoke(bearer);
    const sent = method === 'GET' ? {} : { body: body === undefined ? '{' : JSON.stringify(body) };
    const answer = await ask(path.replace('{}', agents), { method, ...sent }, bearer);
    expect(answer).toEqual({ status, body: { status, message: expect.any(String) } });
  });

  test('tells of its health without a token', async () => {
    const answer = await fetch(`${vault.address}/health`);
    expect(await answer.json()).toMatchObject({
      name: '1Password Connect API',
      dependencies: [{ service: 'sync' }, {}],
    });
  });

  test('lags behind its sync where it is told to, and takes no change of what is older than the service has', async () => {
    const item = await client.getItemByTitle(agents, 'Orders — ключ');
    vault.setConnectLag(true);
    try {
      vault.extend('Agents', 'Orders — ключ', [{ label: 'new', type: 'text', value: 'n' }]);
      expect((await client.getItemById(agents, item.id ?? '')).version).toBe(item.version);
      expect(await refusal(client.updateItem(agents, item))).toMatchObject({ status: 409 });
      expect(await refusal(client.deleteItemById(agents, item.id ?? ''))).toMatchObject({ status: 500 });
    } finally {
      vault.setConnectLag(false);
    }
    expect((await client.getItemById(agents, item.id ?? '')).version).toBe((item.version ?? 0) + 1);
  });
});
