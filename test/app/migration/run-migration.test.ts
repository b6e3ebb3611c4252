import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Item, NewItem, Vault, VaultItems } from '../../../src/adapters/vaults/contract.ts';
import { createOnePasswordVault } from '../../../src/adapters/vaults/onepassword/vault.ts';
import { writableItems } from '../../../src/adapters/vaults/writable-items.ts';
import { createKvSource } from '../../../src/app/migration/kv-source.ts';
import type { Migration, MovedSecret } from '../../../src/app/migration/migration-file.ts';
import { countsOf, leftOf, type Line, reportJson, reportMarkdown } from '../../../src/app/migration/report.ts';
import { createVaultLock, type VaultLockOptions } from '../../../src/app/migration/vault-lock.ts';
import { forecastOf, runMigration } from '../../../src/app/migration/run-migration.ts';
import { verifyMigration } from '../../../src/app/migration/verify-migration.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { type DevelopmentVault, startVault } from '../../../src/laptop/vault/server.ts';
import { type MountOptions, startVaultDouble, type VaultDouble } from '../../adapters/kv/double.ts';
import { ref } from '../../contracts/vault.ts';

const key = (fill: number) => new Uint8Array(32).fill(fill);
const keys = { ownership: [key(1)], prints: [key(2)] } as const;
const seed = 'otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

// one server and one sign-in for all: each test has vaults of its own
let server: DevelopmentVault;
let double: VaultDouble;
let denied: RegExp | undefined;
let vault: Vault;
let count = 0;
let name = '';
beforeAll(async () => {
  [server, double] = await Promise.all([startVault({ vaults: [] }), startVaultDouble()]);
  const names = Array.from({ length: 20 }, (_, index) => `V${index + 1}`);
  for (const each of names) server.addVault(each);
  const token = server.token();
  vault = createOnePasswordVault({ token: async () => token, development: true });
});
afterAll(async () => {
  await vault.close();
  await Promise.all([server.close(), double.close()]);
});
beforeEach(() => {
  count += 1;
  name = `V${count}`;
});
afterEach(() => (denied = undefined));

/** @returns their paths */
const secretsOf = (secrets: NonNullable<MountOptions['secrets']>): readonly string[] => {
  double.mount('secret', { secrets });
  return Object.keys(secrets);
};
const migrationOf = (
  paths: readonly string[],
  more: Readonly<Record<string, Partial<MovedSecret>>> = {},
): Migration => ({
  from: { url: double.url, token: { env: 'VAULT_TOKEN' }, namespace: undefined },
  secrets: paths.map((path): MovedSecret => {
    const to = Reference.of({ vault: name, item: path.replaceAll('/', '-') });
    return { path: `secret/${path}`, to, keys: undefined, skip: undefined, ...more[path] };
  }),
});
const sourceOf = () => {
  const token = double.token((_, path) => denied?.test(path) !== true);
  return createKvSource({
    url: double.url,
    token: async () => token,
    development: true,
    now: Date.now,
    sleep: () => Promise.resolve(),
  });
};
const lockOf = (items: VaultItems, more: Partial<VaultLockOptions> = {}) =>
  createVaultLock({ items, holder: 'here', sleep: () => Promise.resolve(), now: Date.now, ...more });
const run = async (
  migration: Migration,
  items: VaultItems = writableItems(vault),
  more: Partial<VaultLockOptions> = {},
) =>
  runMigration({
    migration,
    source: sourceOf(),
    items,
    // what a test breaks are the items that are moved
    lock: lockOf(writableItems(vault), more),
    keys,
    requests: () => vault.requests(),
    progress: () => undefined,
    signal: new AbortController().signal,
  });
const verify = async (migration: Migration) =>
  verifyMigration({ migration, source: sourceOf(), items: writableItems(vault), keys, progress: () => undefined });
const outcomes = (lines: readonly Line[]) => lines.map(({ outcome }) => outcome);
const read = async (text: string) => {
  const found = (await vault.read([ref(text)])).get(text);
  return found instanceof Secret ? found.reveal() : found?.code;
};
const active = () => server.dump().filter((item) => item.vault === name && item.state === 'active');

describe('a vault into which another machine moves secrets', () => {
  const there = { holder: 'there' };
  const locks = () => active().filter(({ tags }) => tags.includes('flows:migrating'));
  const failing = async (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  test('is left alone, with one line that names its host and since when', async () => {
    const paths = secretsOf({ one: [{ value: 'a' }] });
    const since = Date.parse('2026-11-30T10:00:00Z');
    await lockOf(writableItems(vault), { ...there, now: () => since }).take(name);
    const { report, failure } = await run(migrationOf(paths));
    expect(outcomes(report.lines)).toEqual(['not reached']);
    expect(failure?.code).toBe('conflict');
    expect(failure?.line()).toMatch(
      new RegExp(`^host ".+" moves secrets into vault "${name}" since 2026-11-30T10:00:00.000Z .*--take-over`),
    );
    expect(locks()).toHaveLength(1);
    expect(active()).toHaveLength(1);
  });

  test('is taken over where a person says so, and by the same machine after a crash; nothing is left of it', async () => {
    const paths = secretsOf({ one: [{ value: 'a' }] });
    await lockOf(writableItems(vault), there).take(name);
    const over = await run(migrationOf(paths), writableItems(vault), { takeOver: true });
    expect(outcomes(over.report.lines)).toEqual(['moved']);
    expect(locks()).toEqual([]);
    await lockOf(writableItems(vault)).take(name);
    expect(outcomes((await run(migrationOf(paths))).report.lines)).toEqual(['same']);
    expect(locks()).toEqual([]);
  });

  test('is held by one of two that say so at the same moment, whichever is the older', async () => {
    for (const older of ['here', 'there']) {
      const items = writableItems(vault);
      const both = Promise.withResolvers<undefined>();
      const said: string[] = [];
      /** Each says that it goes on before either looks again. */
      const at = (holder: string) => {
        let asked = 0;
        const own: VaultItems = {
          ...items,
          async createAll(into: string, made: readonly NewItem[]) {
            // the second says so after the first: its item is the younger
            if (holder !== older) await expect.poll(() => said.length).toBe(1);
            await items.createAll(into, made);
            said.push(holder);
            if (said.length === 2) both.resolve(undefined);
          },
          async list(into: string) {
            asked += 1;
            if (asked > 1) await both.promise;
            return items.list(into);
          },
        };
        return lockOf(own, { holder });
      };
      const [here, elsewhere] = [at('here'), at('there')];
      const ends = await Promise.all([failing(here.take(name)), failing(elsewhere.take(name))]);
      expect(ends.filter((end) => end instanceof FlowError && end.code === 'conflict')).toHaveLength(1);
      expect(locks()).toHaveLength(1);
      for (const lock of [here, elsewhere]) await lock.release(name, await items.list(name));
      expect(locks()).toEqual([]);
    }
  });

  test('is not written where what is to be moved is there already', async () => {
    const paths = secretsOf({ one: [{ value: 'a' }] });
    await run(migrationOf(paths));
    await lockOf(writableItems(vault), there).take(name);
    expect(outcomes((await run(migrationOf(paths))).report.lines)).toEqual(['same']);
    expect(locks()).toHaveLength(1);
  });
});

describe('a move', () => {
  test('makes each item once, with what it held, and a second run finds all of it there', async () => {
    const paths = secretsOf({
      'team/app': [{ value: 'old' }, { value: 'new \n', user: 'app', 'a/b': 'slash', note: null }],
      team: [{ port: 5432, on: true, list: [1, 'x'], object: { b: 1, a: null }, empty: '' }],
      code: [{ key: seed, 'not-otp': 'otpauth://nothing' }],
    });
    const migration = migrationOf(paths);
    const { report, failure } = await run(migration);
    expect(failure).toBeUndefined();
    expect(outcomes(report.lines)).toEqual(['moved', 'moved', 'moved']);
    expect(report.lines.map(({ version, told }) => [version, told])).toEqual([
      [2, ['note: null, left out']],
      [
        1,
        [
          'list: a list, now its text',
          'object: an object, now its text',
          'on: a boolean, now its text',
          'port: a number, now its text',
        ],
      ],
      [1, []],
    ]);
    expect(report.requests).toMatchObject({ least: 10 });
    expect(await read(`op://${name}/team-app/credential`)).toBe('new \n');
    expect(await read(`op://${name}/team-app/username`)).toBe('app');
    expect(await read(`op://${name}/team-app/a-b`)).toBe('slash');
    expect(await read(`op://${name}/team-app/migration/path`)).toBe('secret/team/app');
    expect(await read(`op://${name}/team-app/migration/version`)).toBe('2');
    expect(await read(`op://${name}/team/object`)).toBe('{"a":null,"b":1}');
    expect(await read(`op://${name}/team/port`)).toBe('5432');
    expect(await read(`op://${name}/code/credential?attribute=otp`)).toMatch(/^\d{6}$/);
    expect(await read(`op://${name}/code/not-otp`)).toBe('otpauth://nothing');

    const before = server.requests();
    const again = await run(migration);
    expect(outcomes(again.report.lines)).toEqual(['same', 'same', 'same']);
    expect(server.requests() - before).toBeLessThanOrEqual(3);
    expect(active()).toHaveLength(3);
    expect((await verify(migration)).map(({ match }) => match)).toEqual([true, true, true]);
  });

  test('takes paths with any characters, of any length, and secrets that are a folder too', async () => {
    const paths = secretsOf(
      Object.fromEntries(
        ['app', 'app/x', 'ü — Ключ/100%/\u{1F511}', `l/${'n'.repeat(512)}`].map((path) => [path, [{ value: path }]]),
      ),
    );
    const { report } = await run(migrationOf(paths));
    expect(outcomes(report.lines)).toEqual(paths.map(() => 'moved'));
    expect(await read(`op://${name}/app-x/credential`)).toBe('app/x');
    expect((await verify(migrationOf(paths))).map(({ match }) => match)).toEqual(paths.map(() => true));
    expect(active().flatMap(({ tags }) => tags)).toContain(
      'vault:secret/%C3%BC %E2%80%94 %D0%9A%D0%BB%D1%8E%D1%87/100%/%F0%9F%94%91',
    );
  });

  test('says of each what became of it, and what is left', async () => {
    const paths = secretsOf({
      fine: [{ a: '1' }],
      kept: [{ a: '1' }],
      gone: [{ a: '1' }, 'deleted'],
      lost: ['destroyed'],
      closed: [{ a: '1' }],
      large: [{ a: 'x'.repeat(1_200_000) }],
      taken: [{ a: '1' }],
    });
    server.add(name, { title: 'Taken', fields: [{ label: 'a', type: 'text', value: 'of a person' }] });
    denied = /data\/closed$/;
    double.mount('totp', { type: 'totp' });
    const migration = migrationOf([...paths, 'nowhere'], { kept: { to: undefined, skip: 'not used' } });
    const { report, failure } = await run(migration);
    expect(failure).toBeUndefined();
    expect(
      Object.fromEntries(report.lines.map(({ path, outcome }) => [path.slice('secret/'.length), outcome])),
    ).toEqual({
      fine: 'moved',
      kept: 'skipped',
      gone: 'deleted',
      lost: 'deleted',
      closed: 'denied',
      large: 'too big',
      taken: 'conflict',
      nowhere: 'deleted',
    });
    expect(leftOf(report.lines)).toBe(3);
    expect(report.notMoved).toEqual([{ path: 'totp/', type: 'totp' }]);
    expect(await read(`op://${name}/Taken/a`)).toBe('of a person');
    const shown = [reportMarkdown(report), reportJson(report)];
    for (const text of shown) {
      expect(text).toContain('totp');
      expect(text).not.toContain('xxxx');
    }
    expect(shown[0]).toMatch(/\| moved \| 1 \|\n[^]*## Left\n[^]*secret\/large \| too big[^]*## Not moved by design/);
  });

  test('moves no number that a parser would round, and compares none', async () => {
    const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => object };
    secretsOf({
      long: [{ account: rawJSON('20261129000000000001') }],
      deep: [{ object: { list: [rawJSON('0.12345678901234567890')] } }],
      short: [{ account: rawJSON('1.50'), large: rawJSON('1e3') }],
    });
    const migration = migrationOf(['long', 'deep', 'short']);
    const { report } = await run(migration);
    expect(outcomes(report.lines)).toEqual(['failed', 'failed', 'moved']);
    expect(report.lines[0]?.why).toBe('a number in it has more digits than are kept here: write it in Vault as text');
    expect(active()).toHaveLength(1);
    expect((await verify(migration)).map(({ match }) => match)).toEqual([false, false, true]);
  });

  test('a bad item among many spoils no other, and is found in few requests', async () => {
    const bad = ['n07', 'n31'];
    const paths = secretsOf(
      Object.fromEntries(
        Array.from({ length: 40 }, (_, index) => {
          const path = `n${String(index).padStart(2, '0')}`;
          return [path, [{ value: bad.includes(path) ? 'x'.repeat(1_100_000) : path }]];
        }),
      ),
    );
    const { report } = await run(migrationOf(paths));
    expect(countsOf(report.lines)).toMatchObject({ moved: 38, 'too big': 2 });
    expect(
      active()
        .map(({ title }) => title)
        .toSorted(),
    ).toEqual(paths.filter((path) => !bad.includes(path)));
  });

  test('what has a new version in Vault is made anew, unless somebody changed the item', async () => {
    const paths = secretsOf({ one: [{ value: 'a' }], two: [{ value: 'a' }], three: [{ value: 'a' }] });
    const migration = migrationOf(paths);
    await run(migration);
    for (const path of ['one', 'two']) double.write(path, { value: 'b' });
    for (const title of ['two', 'three']) {
      const items = writableItems(vault);
      const item = await items.get(ref(`op://${name}/${title}`));
      const field = item.fields.find(({ label }) => label === 'credential');
      if (field !== undefined) await items.setFields(item, [{ field, value: new Secret('of a person') }]);
    }
    expect((await verify(migration)).map(({ match, why }) => [match, why])).toEqual([
      [false, 'version 1 was moved'],
      [false, 'it was changed in 1Password'],
      [false, 'it was changed in 1Password'],
    ]);
    const { report } = await run(migration);
    expect(outcomes(report.lines)).toEqual(['moved', 'conflict', 'skipped']);
    expect(await read(`op://${name}/one/credential`)).toBe('b');
    expect(await read(`op://${name}/two/credential`)).toBe('of a person');
    expect(active()).toHaveLength(3);
  });

  test('an item of the same title, one that was renamed, and one made twice are conflicts', async () => {
    const paths = secretsOf({ one: [{ value: 'a' }], two: [{ value: 'a' }] });
    const migration = migrationOf(paths);
    await run(migration);
    const renamed = migrationOf(paths, { one: { to: ref(`op://${name}/another`) } });
    const two = (await writableItems(vault).find(name, 'flows:migrated')).find(({ title }) => title === 'two');
    const copy = { title: 'a copy', tags: two?.tags ?? [], fields: [] };
    await writableItems(vault).createAll(name, [copy]);
    const { report } = await run(renamed);
    expect(outcomes(report.lines)).toEqual(['conflict', 'conflict']);
    expect(report.lines[1]?.why).toContain('2 items were made of it');
    expect((await verify(migration)).map(({ match }) => match)).toEqual([true, false]);
  });

  type Broken = 'before' | 'after';
  /** The vault, whose n-th making of items fails, before or after they are there. */
  const breaking = (error: FlowError, when: Broken, nth = 1): VaultItems => {
    const items = writableItems(vault);
    let left = nth;
    return {
      ...items,
      async createAll(into: string, made: readonly NewItem[]) {
        left -= 1;
        if (left === 0 && when === 'before') throw error;
        await items.createAll(into, made);
        if (left === 0) throw error;
      },
    };
  };
  const error = (code: 'conflict' | 'timeout' | 'rate-limited' | 'denied') =>
    new FlowError(code, 'made up', code === 'conflict' || code === 'denied' ? { about: 'subject' } : {});

  test.each(['before', 'after'] as const)(
    'a conflict that is told %s the items are there ends with each once',
    async (when) => {
      const paths = secretsOf({ one: [{ value: 'a' }], two: [{ value: 'a' }] });
      const { report } = await run(migrationOf(paths), breaking(error('conflict'), when));
      expect(outcomes(report.lines)).toEqual(['moved', 'moved']);
      expect(active()).toHaveLength(2);
    },
  );

  test.each([
    ['timeout', 'before', ['not reached', 'not reached']],
    ['timeout', 'after', ['moved', 'moved']],
    ['rate-limited', 'before', ['not reached', 'not reached']],
    ['denied', 'before', ['denied', 'denied']],
  ] as const)('%s, told %s the items are there: the next run completes it', async (code, when, expected) => {
    const paths = secretsOf({ one: [{ value: 'a' }], two: [{ value: 'a' }] });
    const migration = migrationOf(paths);
    const { report, failure } = await run(migration, breaking(error(code), when));
    expect(outcomes(report.lines)).toEqual(expected);
    expect(failure?.code).toBe(code === 'denied' ? undefined : code);
    const again = await run(migration);
    expect(leftOf(again.report.lines)).toBe(0);
    expect(active()).toHaveLength(2);
  });

  test('the requests are as few as can be: a list of each vault, seven to hold it, and two for each hundred items', async () => {
    const paths = Array.from({ length: 250 }, (_, index) => `n${index}`);
    secretsOf(Object.fromEntries(paths.map((path) => [path, [{ value: path }]])));
    const migration = migrationOf(paths);
    expect(forecastOf(migration)).toEqual({ secrets: 250, vaults: [name], reads: 9, writes: 5 });
    const before = server.requests();
    const { report } = await run(migration);
    expect(countsOf(report.lines).moved).toBe(250);
    expect(report.requests.least).toBe(14);
    expect(server.requests() - before).toBe(14);
    expect(active()).toHaveLength(250);
  });
});

/** Which is also how another key tells nothing: what one environment moved is no other's. */
test('items of another key are not ours', async () => {
  const paths = secretsOf({ one: [{ value: 'a' }] });
  const migration = migrationOf(paths);
  await run(migration);
  const found: readonly Item[] = await writableItems(vault).find(name, 'flows:migrated');
  expect(found[0]?.tags).toContain('vault:secret/one');
  const other = { ownership: [key(3)], prints: [key(4)] } as const;
  const items = writableItems(vault);
  const parts = { migration, source: sourceOf(), items, lock: lockOf(items), requests: () => 0 };
  const { report } = await runMigration({
    ...parts,
    keys: other,
    progress: () => undefined,
    signal: AbortSignal.any([]),
  });
  expect(outcomes(report.lines)).toEqual(['conflict']);
  const both = { ownership: [key(3), key(1)], prints: [key(4), key(2)] } as const;
  const kept = await runMigration({ ...parts, keys: both, progress: () => undefined, signal: AbortSignal.any([]) });
  expect(outcomes(kept.report.lines)).toEqual(['same']);
});
