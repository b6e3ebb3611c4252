import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VaultSeed } from '../../src/laptop/vault/seeds.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { Item, Vault, VaultItems } from '../../src/adapters/vaults/contract.ts';

/** A service filled with the seeds, and a vault adapter signed in to it. */
export interface VaultUnderTest {
  readonly vault: Vault;
  /** items that one request takes */
  readonly batch: number;
  /** all requests that the service has seen from the adapter */
  readonly requests: () => number;
  /** a second adapter to the same service, as another machine has it; always the same one, closed by `stop` */
  readonly another: () => Vault;
  readonly stop: () => Promise<void>;
}

export function ref(text: string): Reference {
  const parsed = Reference.parse(text);
  if (parsed instanceof Reference) return parsed;
  throw new TypeError(`${text} ${parsed.problem}`);
}

/** A value, or the code of what went wrong. */
export function told(found: Secret | FlowError | undefined): string | undefined {
  return found instanceof Secret ? found.reveal() : found?.code;
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no error';
  } catch (error) {
    return error instanceof FlowError ? error.code : `not a FlowError: ${String(error)}`;
  }
}

const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const seeds: readonly VaultSeed[] = [
  {
    name: 'Agents',
    items: [
      {
        title: 'Orders M2M',
        category: 'api-credential',
        fields: [
          { label: 'username', type: 'text', value: 'orders-id' },
          { label: 'credential', type: 'concealed', value: ' kept as it is\n' },
        ],
      },
      {
        title: 'Auth0 M2M — my-agent',
        category: 'api-credential',
        fields: [{ label: 'credential', type: 'concealed', value: 'dash' }],
      },
      { title: 'a/b? 100%2F', fields: [{ label: 'tok/en ✓', type: 'concealed', value: 'odd' }] },
      {
        title: 'Sections',
        fields: [
          { label: 'host', type: 'text', value: 'outside' },
          { label: 'host', section: 'Primary', type: 'text', value: 'one' },
          { label: 'host', section: 'Replica', type: 'text', value: 'two' },
          { label: 'port', section: 'Primary', type: 'text', value: '1' },
          { label: 'port', section: 'Replica', type: 'text', value: '2' },
        ],
      },
      { title: 'Twin', fields: [{ label: 'password', type: 'concealed', value: 'first' }] },
      { title: 'Twin', fields: [{ label: 'password', type: 'concealed', value: 'second' }] },
      { title: 'CASE', fields: [{ label: 'password', type: 'concealed', value: 'upper' }] },
      { title: 'case', fields: [{ label: 'password', type: 'concealed', value: 'lower' }] },
      { title: 'Archived', archived: true, fields: [{ label: 'password', type: 'concealed', value: 'gone' }] },
      {
        title: 'Code',
        fields: [
          { label: 'one-time password', type: 'one-time-password', value: seed },
          { label: 'password', type: 'concealed', value: 'pw' },
        ],
      },
    ],
  },
  { name: 'Accounts', items: [{ title: 'Ada', fields: [{ label: 'username', type: 'text', value: 'ada' }] }] },
];

/** What every adapter of a vault must do. */
export function vaultContract(name: string, start: (seeds: readonly VaultSeed[]) => Promise<VaultUnderTest>): void {
  describe(`vault contract: ${name}`, () => {
    let it: VaultUnderTest;
    let items: VaultItems;
    beforeAll(async () => {
      it = await start(seeds);
      if (it.vault.items === undefined) throw new TypeError('the contract needs items');
      items = it.vault.items;
    });
    afterAll(async () => {
      await it.vault.close();
      await it.stop();
    });
    const read = async (text: string) => told((await it.vault.read([ref(text)])).get(text));

    test.each([
      ['a field by label', 'op://Agents/Orders M2M/username', 'orders-id'],
      ['never trimmed', 'op://Agents/Orders M2M/credential', ' kept as it is\n'],
      ['whatever the case', 'op://aGENTS/orders m2m/USERNAME', 'orders-id'],
      ['a title with any character', 'op://Agents/Auth0 M2M — my-agent/credential', 'dash'],
      ['a slash, a question mark and a percent sign', 'op://Agents/a%2Fb%3F 100%252F/tok%2Fen ✓', 'odd'],
      ['the field outside sections first', 'op://Agents/Sections/host', 'outside'],
      ['a section by title', 'op://Agents/Sections/replica/host', 'two'],
      ['the exact title before another case', 'op://Agents/case/password', 'lower'],
      ['the stored seed', 'op://Agents/Code/one-time password', seed],
      ['an unknown vault', 'op://Agent/Code/password', 'not-found'],
      ['an unknown item', 'op://Agents/Cod/password', 'not-found'],
      ['an unknown field', 'op://Agents/Code/passwort', 'not-found'],
      ['an unknown section', 'op://Agents/Sections/Primaer/host', 'not-found'],
      ['an attribute of files', 'op://Agents/Code/password?attribute=size', 'not-found'],
      ['an archived item', 'op://Agents/Archived/password', 'not-found'],
      ['two items of one title', 'op://Agents/Twin/password', 'ambiguous'],
      ['two fields of one label', 'op://Agents/Sections/port', 'ambiguous'],
      ['no exact title, two in other cases', 'op://Agents/Case/password', 'ambiguous'],
      ['a code of what is none', 'op://Agents/Code/password?attribute=otp', 'invalid-value'],
      ['an item without a field', 'op://Agents/Code', 'usage'],
    ])('reads %s', async (_, text, expected) => {
      expect(await read(text)).toBe(expected);
    });

    test('tells its vaults, each by a name that leads to it', async () => {
      const vaults = await items.vaults();
      expect(vaults.map(({ title }) => title).toSorted()).toEqual(['Accounts', 'Agents']);
      const agents = vaults.find(({ title }) => title === 'Agents');
      expect(agents?.id).toMatch(/^[a-z2-7]{26}$/);
      expect((await items.list(agents?.name ?? '')).map(({ title }) => title)).toContain('Orders M2M');
    });

    test('computes a one-time code where it is asked for', async () => {
      expect(await read('op://Agents/Code/one-time password?attribute=otp')).toMatch(/^\d{6}$/);
      expect(await read('op://Agents/Code/one-time password?attribute=totp')).toMatch(/^\d{6}$/);
    });

    test('tells the reference, the nearest name and the ids, and never a value', async () => {
      const wanted = ['op://Agents/Code/passwort', 'op://Agent/Code/password', 'op://Agents/Twin/password'];
      const found = await it.vault.read(wanted.map(ref));
      const errors = wanted.map((text) => found.get(text)).filter((each) => each instanceof FlowError);
      expect(errors.map((error) => error.place.subject)).toEqual(wanted);
      expect(errors[0]?.hint).toContain('"password"');
      expect(errors[1]?.hint).toContain('"Agents"');
      const ids = errors[2]?.hint?.match(/[a-z2-7]{26}/g) ?? [];
      expect(ids).toHaveLength(2);
      expect(await Promise.all(ids.map((id) => read(`op://Agents/${id}/password`)))).toEqual(['first', 'second']);
      expect(errors.map((error) => error.line()).join()).not.toContain('first');
    });

    test('one wrong reference spoils no other', async () => {
      const wanted = ['op://Agents/Archived/password', 'op://Nowhere/x/y', 'op://Agents/Orders M2M/username'];
      const found = await it.vault.read(wanted.map(ref));
      expect(wanted.map((text) => told(found.get(text)))).toEqual(['not-found', 'not-found', 'orders-id']);
    });

    test('reads what is asked for in one call together, and each thing once', async () => {
      await read('op://Agents/Orders M2M/username');
      const before = it.requests();
      const texts = [
        'op://Agents/Orders M2M/username',
        'op://Agents/Orders M2M/credential',
        'op://Agents/Code/password',
      ];
      const answer = await it.vault.read([...texts, ...texts].map(ref));
      expect([...answer.keys()].toSorted()).toEqual(texts.toSorted());
      expect(it.requests() - before).toBe(Math.ceil(2 / it.batch));
    });

    test('knows the requests that it makes', () => {
      expect(it.vault.requests()).toBe(it.requests());
    });

    test('items: get, by title and by id, with references that can be read', async () => {
      const item = await items.get(ref('op://agents/sections'));
      expect(item).toMatchObject({ vault: 'agents', title: 'Sections', version: 1 });
      expect((await items.get(item.reference)).id).toBe(item.id);
      const found = await it.vault.read(item.fields.map((field) => field.reference));
      expect(item.fields.map((field) => told(found.get(field.reference.toString())))).toEqual(
        item.fields.map((field) => field.value.reveal()),
      );
      expect(await codeOf(items.get(ref('op://Agents/Twin')))).toBe('ambiguous');
      expect(await codeOf(items.get(ref('op://Agents/Nothing')))).toBe('not-found');
      expect(await codeOf(items.get(ref('op://Agents/Archived')))).toBe('not-found');
    });

    test('items: create, find, archive', async () => {
      const login = {
        vault: 'Accounts',
        title: 'grace/hopper — 1?',
        username: 'grace@example.com',
        password: { length: 40, digits: true, symbols: false },
        website: 'https://example.com/',
        tags: ['mark-1', 'other'],
      };
      const made = await items.createLogin(login);
      expect(made).toMatchObject({ vault: 'Accounts', title: login.title, version: 1 });
      expect(made.tags.toSorted()).toEqual(['mark-1', 'other']);
      const password = made.fields.find((field) => field.type === 'concealed');
      expect(password?.value.reveal()).toMatch(/^(?=.*\d)[A-Za-z0-9]{40}$/);
      expect(await read(password?.reference.toString() ?? '')).toBe(password?.value.reveal());
      const user = made.fields.find((field) => field.type === 'text');
      expect(user?.value.reveal()).toBe('grace@example.com');
      expect((await items.find('Accounts', 'mark-1')).map((item) => item.id)).toEqual([made.id]);
      expect(await items.find('Accounts', 'mark')).toEqual([]);

      await items.archive(made);
      await items.archive(made);
      expect(await items.find('Accounts', 'mark-1')).toEqual([]);
      expect(await codeOf(items.get(made.reference))).toBe('not-found');
      expect(await codeOf(items.find('Nowhere', 'mark-1'))).toBe('not-found');
    });

    test('items: many are made at once, with sections, and a list has their names and tags', async () => {
      const concealed = (label: string, value: string, section?: string) =>
        ({ label, section, type: 'concealed', value: new Secret(value) }) as const;
      const made = [
        {
          title: 'many 1 — 100%',
          tags: ['many', 'vault:a/b'],
          fields: [
            { label: 'username', type: 'text', value: new Secret('u') } as const,
            concealed('credential', ' first\n'),
            concealed('Ключ.1', ''),
            { label: 'otp', type: 'one-time-password', value: new Secret(seed) } as const,
            concealed('credential', 'inside', 'migration'),
          ],
        },
        { title: 'many 2', tags: ['many'], fields: [concealed('credential', 'second')] },
      ];
      await items.createAll('Accounts', made);
      const listed = (await items.list('Accounts')).filter(({ tags }) => tags.includes('many'));
      expect(listed.map(({ title, tags }) => ({ title, tags: tags.toSorted() }))).toEqual(
        expect.arrayContaining(made.map(({ title, tags }) => ({ title, tags: tags.toSorted() }))),
      );
      const found = await items.find('Accounts', 'many');
      expect(listed.map(({ id }) => id).toSorted()).toEqual(found.map(({ id }) => id).toSorted());
      const shown = found.find(({ title }) => title === 'many 1 — 100%')?.fields ?? [];
      const kinds = shown
        .filter(({ value }) => !value.isEmpty)
        .map((each) => `${each.section} ${each.label} ${each.type}`);
      expect(kinds.toSorted()).toEqual([
        'migration credential concealed',
        'undefined credential concealed',
        'undefined otp one-time-password',
        'undefined username text',
      ]);
      expect(await read('op://Accounts/many 1 — 100%/credential')).toBe(' first\n');
      expect(await read('op://Accounts/many 1 — 100%/migration/credential')).toBe('inside');
      expect(await read('op://Accounts/many 2/credential')).toBe('second');
      expect(await codeOf(items.createAll('Nowhere', made))).toBe('not-found');
    });

    test('items: parallel writes to one vault all succeed, and are found oldest first', async () => {
      const login = { vault: 'Accounts', username: 'u', password: { length: 8, digits: false, symbols: false } };
      const other = it.another();
      const others = other.items ?? items;
      const made = await Promise.all(
        [items, items, others, items, others].map((each, index) =>
          each.createLogin({ ...login, title: `p${index}`, tags: ['parallel'] }),
        ),
      );
      const found = await items.find('Accounts', 'parallel');
      expect(found.map((item) => item.id).toSorted()).toEqual(made.map((item) => item.id).toSorted());
      expect(found.map((item) => item.createdAt)).toEqual(
        found.map((item) => item.createdAt).toSorted((a, b) => a - b),
      );
    });

    test('items: one OTP field, the former one kept until it is dropped, and only for the version read', async () => {
      const made = await items.createLogin({
        vault: 'Accounts',
        title: 'otp',
        username: 'u',
        password: { length: 12, digits: true, symbols: true },
        tags: ['kept'],
      });
      const first = await items.setOneTimePassword(made, new Secret('AAAAAAAAAAAAAAAA'), { previous: 'keep' });
      expect(first.version).toBeGreaterThan(made.version);
      const again = await items.setOneTimePassword(first, new Secret('AAAAAAAAAAAAAAAA'), { previous: 'keep' });
      expect(again.version).toBe(first.version);
      const second = await items.setOneTimePassword(first, new Secret('BBBBBBBBBBBBBBBB'), { previous: 'keep' });
      expect(seedsOf(second)).toEqual({ now: ['BBBBBBBBBBBBBBBB'], previous: ['AAAAAAAAAAAAAAAA'] });

      for (const stale of [made, first]) {
        const change = items.setOneTimePassword(stale, new Secret('CCCCCCCCCCCCCCCC'), { previous: 'keep' });
        expect(await codeOf(change)).toBe('conflict');
      }
      const dropped = await items.setOneTimePassword(second, new Secret('BBBBBBBBBBBBBBBB'), { previous: 'drop' });
      expect(seedsOf(dropped)).toEqual({ now: ['BBBBBBBBBBBBBBBB'], previous: [] });
      expect(
        dropped.fields.filter((field) => field.type !== 'one-time-password').map((field) => field.value.reveal()),
      ).toEqual(made.fields.map((field) => field.value.reveal()));
      const marked = await items.setOneTimePassword(dropped, new Secret('BBBBBBBBBBBBBBBB'), {
        previous: 'drop',
        tag: 'proved:one',
      });
      expect(marked.tags).toEqual(['kept', 'proved:one']);
      const tag = 'proved:two';
      const other = await items.setOneTimePassword(marked, new Secret('BBBBBBBBBBBBBBBB'), { previous: 'drop', tag });
      expect(other.tags).toEqual(['kept', tag]);
      const same = await items.setOneTimePassword(other, new Secret('BBBBBBBBBBBBBBBB'), { previous: 'drop', tag });
      expect(same.version).toBe(other.version);
      const code = dropped.fields.find((field) => field.type === 'one-time-password')?.reference.toString() ?? '';
      expect(await read(`${code}?attribute=otp`)).toMatch(/^\d{6}$/);
    });

    test('items: fields are set, made and taken away in one change, and only for the version read', async () => {
      const login = { vault: 'Accounts', title: 'fields', username: 'u', tags: ['kept'] };
      const made = await items.createLogin({ ...login, password: { length: 12, digits: true, symbols: true } });
      const labelled = (item: Item) => Object.fromEntries(item.fields.map((each) => [each.label, each.value.reveal()]));
      const fieldOf = (item: Item, label: string) => {
        const found = item.fields.find((each) => each.label === label);
        if (found === undefined) throw new TypeError(`no field ${label}`);
        return found;
      };
      const password = fieldOf(made, 'password');
      const recipe = { length: 40, digits: true, symbols: false };
      const staged = await items.setFields(made, [
        { field: { label: 'password (next)', beside: password }, value: recipe },
      ]);
      expect(labelled(staged)).toEqual({
        ...labelled(made),
        'password (next)': expect.stringMatching(/^(?=.*\d)[A-Za-z0-9]{40}$/),
      });
      const next = fieldOf(staged, 'password (next)');
      expect(next.type).toBe('concealed');
      expect(await read('op://Accounts/fields/password (next)')).toBe(next.value.reveal());

      const change = [
        { field: fieldOf(staged, 'password'), value: next.value },
        { field: { label: 'password (previous)', beside: password }, value: password.value },
        { field: next, value: undefined },
      ];
      expect(await codeOf(items.setFields(made, change))).toBe('conflict');
      const promoted = await items.setFields(staged, change, { tag: 'since:one' });
      expect(labelled(promoted)).toEqual({
        username: 'u',
        password: next.value.reveal(),
        'password (previous)': password.value.reveal(),
      });
      expect(promoted.tags.toSorted()).toEqual(['kept', 'since:one']);
      expect(await codeOf(items.setFields(staged, change))).toBe('conflict');
      expect(await read('op://Accounts/fields/password')).toBe(next.value.reveal());
    });

    test('items: nothing is written that has half a character in it', async () => {
      const login = { vault: 'Accounts', title: 'whole', username: 'u', tags: ['whole'] };
      const password = { length: 12, digits: true, symbols: true };
      const made = await items.createLogin({ ...login, password });
      const half = 'cut \ud83d';
      const field = { label: 'credential', type: 'concealed' } as const;
      const writes = [
        items.createLogin({ ...login, password, title: half }),
        items.createAll('Accounts', [
          { title: 'whole 2', tags: ['whole'], fields: [{ ...field, value: new Secret('whole') }] },
          { title: 'whole 3', tags: ['whole'], fields: [{ ...field, value: new Secret(half) }] },
        ]),
        items.setFields(made, [{ field: { label: 'key' }, value: new Secret(half) }]),
        items.setOneTimePassword(made, new Secret(half), { previous: 'keep' }),
      ];
      expect(await Promise.all(writes.map(codeOf))).toEqual(writes.map(() => 'invalid-value'));
      expect(await items.find('Accounts', 'whole')).toMatchObject([{ id: made.id, version: made.version }]);
    });

    test('items: of two who change one version, one wins', async () => {
      const made = await items.createLogin({
        vault: 'Accounts',
        title: 'race',
        username: 'u',
        password: { length: 12, digits: true, symbols: true },
        tags: [],
      });
      const other = it.another();
      const outcomes = await Promise.all(
        [items, other.items].map((each, index) =>
          codeOf(
            each?.setOneTimePassword(made, new Secret('AB'.charAt(index).repeat(16)), { previous: 'keep' }) ??
              Promise.resolve(),
          ),
        ),
      );
      expect(outcomes.toSorted()).toEqual(['conflict', 'no error']);
      expect(seedsOf(await items.get(made.reference)).now).toHaveLength(1);
    });

    test('a name that stands for another item by now is looked up again', async () => {
      const login = { vault: 'Accounts', title: 'moving', username: 'before', tags: [] };
      const password = { length: 12, digits: true, symbols: true };
      const before = await items.createLogin({ ...login, password });
      expect(await read('op://Accounts/moving/username')).toBe('before');
      const other = it.another();
      await other.items?.archive(before);
      await other.items?.createLogin({ ...login, username: 'after', password });
      expect(await read('op://Accounts/moving/username')).toBe('after');
    });
  });
}

function seedsOf(item: { readonly fields: readonly { label: string; type: string; value: Secret }[] }) {
  const values = (fields: readonly { value: Secret }[]) => fields.map((field) => field.value.reveal());
  return {
    now: values(item.fields.filter((field) => field.type === 'one-time-password')),
    previous: values(item.fields.filter((field) => field.type === 'concealed' && field.label === 'previous')),
  };
}
