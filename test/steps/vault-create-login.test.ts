import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deriveKey, ownershipMark } from '../../src/foundation/key-derivation.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import type { StepContext, StepPlan, WriteStepKind } from '../../src/steps/contract.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { vaultCreateLogin } from '../../src/steps/vault-create-login.ts';
import { vaultRead } from '../../src/steps/vault-read.ts';
import type { Vault, VaultItems } from '../../src/adapters/vaults/contract.ts';
import { createOnePasswordVault } from '../../src/adapters/vaults/onepassword/vault.ts';
import { codeOf } from '../contracts/vault.ts';
import { someone, startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

interface Made {
  readonly item: Reference;
  readonly username: Reference;
  readonly password: Reference;
}
const recipe = { length: 32, digits: true, symbols: true };
const inputOf = (username: string, more: object = {}) => ({
  vault: 'Accounts',
  title: username,
  username,
  password: recipe,
  tags: [],
  ...more,
});
const run = async (username: string, more: object = {}, context: StepContext = laptop.context()) =>
  (await vaultCreateLogin.run(inputOf(username, more), context)) as unknown as Made;
const plan = (username: string, more: object = {}, context: StepContext = laptop.context()) =>
  (vaultCreateLogin as WriteStepKind).plan(inputOf(username, more), context) as unknown as Promise<StepPlan<Made>>;
const stored = (username: string) => laptop.server.dump().filter((item) => item.title === username);
const active = (username: string) => stored(username).filter((item) => item.state === 'active');
const items = (): VaultItems => {
  if (laptop.vault.items === undefined) throw new TypeError('no items');
  return laptop.vault.items;
};
/** The same vault with some of its ways changed. */
const altered = (change: Partial<VaultItems>, vault: Vault = laptop.vault): Vault => ({
  ...vault,
  read: (references) => vault.read(references),
  items: { ...items(), ...vault.items, ...change },
});

describe('making a login item', () => {
  test('plans, makes it with a mark and a password of the vault, and plans nothing more', async () => {
    const username = someone();
    const more = { website: 'https://example.com/', tags: ['staff'] };
    expect(await plan(username, more)).toMatchObject({ changes: [{ action: 'create' }] });
    expect(stored(username)).toEqual([]);
    const made = await run(username, more);
    const [item] = stored(username);
    expect(item).toMatchObject({ template: '001', version: 1, websites: ['https://example.com/'] });
    expect(item?.tags.toSorted()).toEqual([
      expect.stringMatching(/^flows-owner:[\w-]{43}$/),
      'flows-recipe:32-digits-symbols',
      'staff',
    ]);
    const { value } = (await vaultRead.run({ reference: made.password }, laptop.context())) as {
      value: Secret;
    };
    expect(value.reveal()).toBe(item?.fields.find((field) => field.kind === 'concealed')?.value);
    expect(value.reveal()).toHaveLength(32);
    expect(made.item.toString()).toBe(`op://Accounts/${item?.id}`);
    const after = await plan(username, more);
    expect(after.changes).toMatchObject([{ action: 'none' }]);
    expect(String(after.output?.password)).toBe(String(made.password));
  });

  test('adopts what it made, whatever the case of the names, and makes nothing twice', async () => {
    const username = someone();
    const first = await run(username);
    const again = await run(username.toUpperCase(), { vault: 'ACCOUNTS' });
    expect(again.item.item).toBe(first.item.item);
    expect(stored(username)).toHaveLength(1);
  });

  test('what is only known after run is planned as such', async () => {
    const kind = vaultCreateLogin as WriteStepKind;
    const found = await kind.plan({ vault: 'Accounts', password: recipe, tags: [] }, laptop.context());
    expect(found).toEqual({ changes: [expect.objectContaining({ action: 'create', detail: 'known after run' })] });
  });

  test.each([1, 2])('refuses a title that %i items of someone else have', async (count) => {
    const username = someone();
    for (let made = 0; made < count; made += 1) laptop.server.add('Accounts', { title: username, fields: [] });
    expect(await plan(username)).toMatchObject({ changes: [{ action: 'conflict' }] });
    expect(await codeOf(run(username))).toBe('conflict');
    expect(stored(username)).toHaveLength(count);
  });

  test('refuses what another flow made', async () => {
    const username = someone();
    await laptop.login(username);
    expect(await codeOf(run(username))).toBe('conflict');
    expect(active(username)).toHaveLength(1);
  });

  test('adopts by an older key while the key is changed', async () => {
    const username = someone();
    const first = await run(username);
    const newKey = deriveKey(new Secret('another'), 'ownership');
    const context = laptop.context();
    const both: StepContext = {
      ...context,
      ownershipMarks: async (of) => [
        ownershipMark(newKey, 'new-user', 'step', of),
        ...(await context.ownershipMarks(of)),
      ],
    };
    const onlyNew: StepContext = { ...context, ownershipMarks: async (of) => [ownershipMark(newKey, 'f', 's', of)] };
    expect((await run(username, {}, both)).item.item).toBe(first.item.item);
    expect(await codeOf(run(username, {}, onlyNew))).toBe('conflict');
  });

  test('a lost answer, or a crash before it was noted: the next run adopts', async () => {
    const username = someone();
    const lost = altered({
      async createLogin(login) {
        await items().createLogin(login);
        throw new FlowError('timeout', 'the answer was lost');
      },
    });
    expect(await codeOf(run(username, {}, laptop.context({ vault: lost })))).toBe('timeout');
    const [item] = stored(username);
    expect((await run(username)).item.item).toBe(item?.id);
    expect(stored(username)).toHaveLength(1);
  });

  test('two machines at once end with one item', async () => {
    const username = someone();
    const bearer = laptop.server.token();
    const other = createOnePasswordVault({ token: () => Promise.resolve(bearer), development: true });
    const unlocked = { locked: <T>(_: string, work: () => Promise<T>) => work() };
    // both look before either has made anything
    let arrived = 0;
    let open = () => {};
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waiting = (vault: Vault): Vault =>
      altered(
        {
          async createLogin(login) {
            arrived += 1;
            if (arrived === 2) open();
            await both;
            return (vault.items ?? items()).createLogin(login);
          },
        },
        vault,
      );
    const contexts = [laptop.vault, other].map((vault) => laptop.context({ ...unlocked, vault: waiting(vault) }));
    const made = await Promise.all(contexts.map((context) => run(username, {}, context)));
    expect(arrived).toBe(2);
    expect(stored(username)).toHaveLength(2);
    expect(active(username).map((item) => item.id)).toEqual([(await run(username)).item.item]);
    expect(made.map((each) => each.item.item)).toContain(active(username)[0]?.id);
    await other.close();
  });

  test('runs of one machine wait for each other', async () => {
    const username = someone();
    const made = await Promise.all([run(username), run(username), run(username)]);
    expect(new Set(made.map((each) => each.item.item)).size).toBe(1);
    expect(stored(username)).toHaveLength(1);
  });

  describe('by another recipe', () => {
    const shorter = { password: { length: 20, digits: true, symbols: false } };

    test('is adopted with a warning where nothing tells whether a user has the password', async () => {
      const username = someone();
      const first = await run(username);
      const context = laptop.context();
      expect(await plan(username, shorter)).toMatchObject({ changes: [{ action: 'none' }] });
      expect((await run(username, shorter, context)).item.item).toBe(first.item.item);
      expect(context.told.join()).toContain('another password recipe');
    });

    test('is archived and made again while the provider has no such user', async () => {
      const username = someone();
      const first = await run(username);
      const more = { ...shorter, provider: laptop.provider };
      expect(await plan(username, more)).toMatchObject({ changes: [{ action: 'update' }] });
      const second = await run(username, more);
      expect(second.item.item).not.toBe(first.item.item);
      const [item] = active(username);
      expect(item?.id).toBe(second.item.item);
      expect(item?.fields.find((field) => field.kind === 'concealed')?.value).toMatch(/^[A-Za-z0-9]{20}$/);
      expect(stored(username)).toHaveLength(2);
      expect(await plan(username, more)).toMatchObject({ changes: [{ action: 'none' }] });
    });

    test('stays once there is one', async () => {
      const username = someone();
      const first = await run(username);
      await laptop.user(await items().get(first.item), username);
      const more = { ...shorter, provider: laptop.provider };
      expect(await plan(username, more)).toMatchObject({ changes: [{ action: 'none' }] });
      expect((await run(username, more)).item.item).toBe(first.item.item);
    });
  });

  test('a vault that is missing, or can only be read, is told at plan', async () => {
    const username = someone();
    expect(await codeOf(plan(username, { vault: 'Accuonts' }))).toBe('not-found');
    const { items: _, ...readOnly } = laptop.vault;
    expect(await codeOf(plan(username, {}, laptop.context({ vault: readOnly })))).toBe('refused');
  });

  test('an item of ours that lost its password field is told, not made anew', async () => {
    const username = someone();
    await run(username);
    const broken = altered({
      find: async (vault, tag) => (await items().find(vault, tag)).map((item) => ({ ...item, fields: [] })),
    });
    expect(await codeOf(run(username, {}, laptop.context({ vault: broken })))).toBe('invalid-value');
  });
});
