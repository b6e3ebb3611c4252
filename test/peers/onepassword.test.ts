import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DevelopmentVault, startVault } from '../../src/laptop/vault/server.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { oneTimePasswordUri, newOneTimePassword, codeAt } from '../../src/foundation/totp.ts';
import type { Vault, VaultItems } from '../../src/adapters/vaults/contract.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { ref } from '../contracts/vault.ts';
import { PythonError, type PythonSdk, startPythonSdk } from './python-sdk.ts';

interface Field {
  readonly id: string;
  readonly title: string;
  readonly sectionId: string | null;
  readonly fieldType: string;
  readonly value: string;
  readonly details?: { readonly content?: { readonly code?: string } } | null;
}

interface Item {
  readonly id: string;
  readonly title: string;
  readonly vaultId: string;
  readonly version: number;
  readonly tags: readonly string[];
  readonly fields: readonly Field[];
  readonly websites: readonly { readonly url: string }[];
}

interface Answers {
  readonly individualResponses: Record<
    string,
    { readonly content: { readonly secret: string } | null; readonly error: { readonly type: string } | null }
  >;
}

const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const odd = ' kept "as it is" – ключ \\ 🗝 \n';

let server: DevelopmentVault;
let python: PythonSdk;
let vault: Vault;
let items: VaultItems;
let vaultId: string;

beforeAll(async () => {
  server = await startVault({
    vaults: [
      {
        name: 'Agents',
        items: [
          {
            title: 'Orders M2M',
            category: 'api-credential',
            tags: ['blue', 'grün'],
            website: 'https://orders.example/',
            fields: [
              { label: 'username', id: 'username', type: 'text', value: 'orders' },
              { label: 'credential', id: 'credential', type: 'concealed', value: odd },
              { label: 'host', section: 'Primary', type: 'text', value: 'one' },
              { label: 'host', section: 'Replica', type: 'text', value: 'two' },
            ],
          },
          { title: 'Code', fields: [{ label: 'one-time password', type: 'one-time-password', value: seed }] },
          { title: 'Twin', fields: [{ label: 'password', type: 'concealed', value: 'a' }] },
          { title: 'Twin', fields: [{ label: 'password', type: 'concealed', value: 'b' }] },
          { title: 'Gone', archived: true, fields: [{ label: 'password', type: 'concealed', value: 'c' }] },
        ],
      },
      { name: 'Empty', items: [] },
    ],
  });
  const token = server.token();
  vault = createOnePasswordVault({ token: async () => token, development: true });
  if (vault.items === undefined) throw new Error('items can be written');
  items = vault.items;
  python = await startPythonSdk();
});
beforeEach(async () => {
  // a session of its own for each test
  await python.call('authenticate', server.token().reveal());
  const vaults = await python.call<{ id: string; title: string }[]>('vaults');
  vaultId = vaults.find(({ title }) => title === 'Agents')?.id ?? '';
});
afterAll(async () => {
  await python?.stop();
  await vault?.close();
  await server?.close();
});

const refused = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof PythonError)) throw new Error('expected the SDK to refuse', { cause: error });
  return error;
};
const read = async (reference: Reference) => (await vault.read([reference])).get(reference.toString());
const revealed = async (reference: Reference) => {
  const value = await read(reference);
  return value instanceof Secret ? value.reveal() : value?.code;
};

describe('the development vault, judged by the Python SDK', () => {
  test('signs it in, and lists vaults and active items', async () => {
    const vaults = await python.call<{ title: string }[]>('vaults');
    expect(vaults.map(({ title }) => title).toSorted()).toEqual(['Agents', 'Empty']);
    const listed = await python.call<Item[]>('items', vaultId);
    expect(listed.map(({ title }) => title)).toEqual(expect.arrayContaining(['Orders M2M', 'Code', 'Twin']));
    expect(listed.map(({ title }) => title)).not.toContain('Gone');
    expect((await python.call<Item[]>('archived', vaultId)).map(({ title }) => title)).toContain('Gone');
    expect(listed.find(({ title }) => title === 'Orders M2M')).toMatchObject({ tags: ['blue', 'grün'] });
  });

  test.each([
    { what: 'by names', reference: 'op://Agents/Orders M2M/credential', value: odd },
    { what: 'whatever their case', reference: 'op://agents/ORDERS M2M/Credential', value: odd },
    { what: 'of a section', reference: 'op://Agents/Orders M2M/Replica/host', value: 'two' },
    {
      what: 'of a one-time password',
      reference: 'op://Agents/Code/one-time password',
      value: expect.stringContaining(seed),
    },
  ])('resolves a field $what', async ({ reference, value }) => {
    expect(await python.call('resolve', reference)).toEqual(value);
  });

  test('resolves by ids, and a one-time code that is right', async () => {
    const item = await items.get(ref('op://Agents/Code'));
    const [field] = item.fields.filter(({ type }) => type === 'one-time-password');
    expect(await python.call('resolve', `op://${vaultId}/${item.id}/${field?.id}`)).toContain(seed);
    const before = Date.now();
    const code = await python.call('resolve', 'op://Agents/Code/one-time password?attribute=totp');
    const facts = { secret: new Secret(seed), algorithm: 'SHA1', digits: 6, period: 30 } as const;
    const right = await Promise.all([before, Date.now()].map((at) => codeAt(facts, at)));
    expect(right.map((each) => each.reveal())).toContain(code);
  });

  test('resolves many, each with its own outcome', async () => {
    const references = [
      ...['op://Agents/Orders M2M/username', 'op://Agents/Orders M2M/none', 'op://Agents/None/password'],
      ...['op://None/None/password', 'op://Agents/Twin/password'],
    ];
    const { individualResponses } = await python.call<Answers>('resolve_all', references);
    expect(
      references.map((reference) => {
        const { content, error } = individualResponses[reference] ?? {};
        return content?.secret ?? error?.type;
      }),
    ).toEqual(['orders', 'fieldNotFound', 'itemNotFound', 'vaultNotFound', 'tooManyItems']);
  });

  test('refuses what it must: a stale item, a revoked token, a token that may only read, a quota used up', async () => {
    const made = await python.call<Item>('create', login('stale'));
    await python.call('put', { ...made, title: 'changed' });
    expect((await refused(python.call('put', { ...made, title: 'changed again' }))).message).toMatch(
      /up to date|version/i,
    );

    const reader = server.token({ access: 'read' });
    await python.call('authenticate', reader.reveal());
    await refused(python.call('create', login('not allowed')));

    const token = server.token();
    await python.call('authenticate', token.reveal());
    server.revoke(token);
    await refused(python.call('resolve', 'op://Agents/Orders M2M/username'));
    await refused(python.call('authenticate', token.reveal()));

    await python.call('authenticate', server.token().reveal());
    server.setLimits({ readsPerHour: 0 });
    try {
      expect((await refused(python.call('items', vaultId))).kind).toBe('RateLimitExceededException');
    } finally {
      server.setLimits({});
    }
  });

  test('carries on after its sessions have ended', async () => {
    server.expireSessions();
    expect(await python.call('resolve', 'op://Agents/Orders M2M/username')).toBe('orders');
  });

  test('makes many at once, and deletes', async () => {
    const titles = Array.from({ length: 12 }, (_, index) => `bulk-${index}`);
    await python.call('create_all', vaultId, titles.map(login));
    const listed = await python.call<Item[]>('items', vaultId);
    const made = listed.filter(({ title }) => title.startsWith('bulk-'));
    expect(made.map(({ title }) => title).toSorted()).toEqual(titles.toSorted());
    for (const { id } of made) await python.call('delete', vaultId, id);
    expect((await python.call<Item[]>('items', vaultId)).some(({ title }) => title.startsWith('bulk-'))).toBe(false);
  });
});

describe('our adapter and the Python SDK at one vault', () => {
  test('what the adapter makes, the SDK reads', async () => {
    const made = await items.createLogin({
      ...{ vault: 'Agents', title: 'Ada — ключ/1', username: 'ada@example.com', website: 'https://example.com/' },
      password: { length: 40, digits: true, symbols: true },
      tags: ['mark-1'],
    });
    const seen = await python.call<Item>('get', vaultId, made.id);
    expect(seen).toMatchObject({ title: 'Ada — ключ/1', tags: ['mark-1'] });
    expect(seen.websites.map(({ url }) => url)).toEqual(['https://example.com/']);
    expect(seen.fields.find(({ id }) => id === 'username')?.value).toBe('ada@example.com');
    const password = seen.fields.find(({ id }) => id === 'password')?.value ?? '';
    expect(password).toHaveLength(40);
    expect(await revealed(made.reference.sibling('password'))).toBe(password);

    // the one-time password that the adapter sets gives the same code to both
    const own = await newOneTimePassword();
    const uri = await oneTimePasswordUri(own, { issuer: 'Example', account: 'ada@example.com' });
    await items.setOneTimePassword(made, uri, { previous: 'keep' });
    const before = Date.now();
    const enrolled = await python.call<Item>('get', vaultId, made.id);
    const [otp, more] = enrolled.fields.filter(({ fieldType }) => fieldType === 'Totp');
    expect(more).toBeUndefined();
    const right = await Promise.all([before, Date.now()].map((at) => codeAt(own, at)));
    expect(right.map((each) => each.reveal())).toContain(otp?.details?.content?.code);

    // a second one keeps the first, and a confirmed one drops it
    const next = await oneTimePasswordUri(await newOneTimePassword(), {
      issuer: 'Example',
      account: 'ada@example.com',
    });
    const kept = await items.setOneTimePassword(await items.get(made.reference), next, { previous: 'keep' });
    const both = await python.call<Item>('get', vaultId, made.id);
    expect(both.fields.filter(({ title }) => title === 'previous')).toMatchObject([
      { fieldType: 'Concealed', value: uri.reveal() },
    ]);
    await items.setOneTimePassword(kept, next, { previous: 'drop' });
    const settled = await python.call<Item>('get', vaultId, made.id);
    expect(settled.fields.filter(({ fieldType }) => fieldType === 'Totp').map(({ value }) => value)).toEqual([
      next.reveal(),
    ]);
    expect(settled.fields.some(({ title }) => title === 'previous')).toBe(false);

    await items.archive(await items.get(made.reference));
    expect((await python.call<Item[]>('items', vaultId)).some(({ id }) => id === made.id)).toBe(false);
    expect((await python.call<Item[]>('archived', vaultId)).some(({ id }) => id === made.id)).toBe(true);
  });

  test('what the SDK makes, the adapter reads, finds and changes', async () => {
    const made = await python.call<Item>('create', {
      ...login('By Python'),
      tags: ['python-1'],
      sections: [{ id: 'extra', title: 'Extra' }],
      fields: [
        { id: 'username', title: 'username', fieldType: 'Text', value: 'grace' },
        { id: 'password', title: 'password', fieldType: 'Concealed', value: odd },
        { id: 'note', title: 'a/b', sectionId: 'extra', fieldType: 'Concealed', value: 'in a section' },
      ],
    });
    expect(await revealed(ref('op://Agents/By Python/password'))).toBe(odd);
    expect(await revealed(ref('op://Agents/By Python/Extra/a%2Fb'))).toBe('in a section');
    const [found, other] = await items.find('Agents', 'python-1');
    expect(found?.id).toBe(made.id);
    expect(other).toBeUndefined();
    if (found === undefined) throw new Error('not found');

    // changed on the other side since it was read: the adapter does not write over it
    const changed = await python.call<Item>('put', { ...made, title: 'By Python, again' });
    const uri = await oneTimePasswordUri(await newOneTimePassword(), { issuer: 'Example', account: 'grace' });
    await expect(items.setOneTimePassword(found, uri, { previous: 'keep' })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect((await python.call<Item>('get', vaultId, made.id)).version).toBe(changed.version);
    await items.setOneTimePassword(await items.get(found.reference), uri, { previous: 'keep' });
    const seen = await python.call<Item>('get', vaultId, made.id);
    expect(seen.fields.filter(({ fieldType }) => fieldType === 'Totp').map(({ value }) => value)).toEqual([
      uri.reveal(),
    ]);
    // and all else is as it was
    expect(seen.fields.find(({ id }) => id === 'password')?.value).toBe(odd);
    expect(seen.fields.find(({ title }) => title === 'a/b')?.value).toBe('in a section');

    await python.call('archive', vaultId, made.id);
    expect(await items.find('Agents', 'python-1')).toEqual([]);
    expect(await revealed(ref('op://Agents/By Python, again/password'))).toBe('not-found');
  });
});

function login(title: string) {
  return {
    category: 'Login',
    vaultId,
    title,
    fields: [{ id: 'password', title: 'password', fieldType: 'Concealed', value: 'x' }],
  };
}
