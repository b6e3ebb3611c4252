import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import type { SecretStore, StoredSecret } from '../../src/adapters/stores/contract.ts';
import { type Misses, testMissing } from './misses.ts';

export interface StoreUnderTest {
  readonly store: SecretStore;
  /** the value in force, read by other means than the store */
  current(name: string): Promise<string | undefined>;
  /** as another tool does it */
  writeAsSomeoneElse(name: string, value: string): Promise<void>;
  scheduleDeletion(name: string): Promise<void>;
  close(): Promise<void>;
}

export interface ContractOptions {
  readonly misses?: Misses;
}

/** What every {@link SecretStore} does, whatever is behind it. */
export function secretStoreContract(
  title: string,
  start: () => Promise<StoreUnderTest>,
  options: ContractOptions = {},
): void {
  const version = (digit: string) => digit.repeat(64);
  let under: StoreUnderTest;
  let count = 0;
  const test = testMissing(options.misses ?? {});

  const fresh = () => `contract/secret-${(count += 1)}`;
  const look = async (name: string, strict = false) => (await under.store.inspect([{ name }], { strict })).get(name);
  const write = async (name: string, digit: string, value: string, stored?: StoredSecret) =>
    under.store.write({
      name: { name },
      stored: stored ?? (await look(name)),
      version: version(digit),
      value: new Secret(value),
      metadata: {},
    });

  // oxlint-disable-next-line vitest/valid-title -- named by whoever runs the suite
  describe(title, () => {
    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under.close());

    test('does not know what was never written', async () => {
      expect(await look(fresh())).toBeUndefined();
      expect(await look(fresh(), true)).toBeUndefined();
      expect(await under.store.inspect([])).toEqual(new Map());
    });

    test('creates with metadata, and shows both views alike', async () => {
      const name = fresh();
      const takesEmpty = under.store.rules.problems({ tags: { empty: '' } }).length === 0;
      const metadata = { description: 'of the contract', tags: { team: 'a', ...(takesEmpty ? { empty: '' } : {}) } };
      const { id } = await under.store.write({
        name: { name },
        stored: undefined,
        version: version('1'),
        value: new Secret('one'),
        metadata,
      });
      const listed = await look(name);
      expect(listed).toMatchObject({
        name,
        id,
        current: version('1'),
        versions: [version('1')],
        scheduledForDeletion: false,
        ...metadata,
      });
      expect(await look(name, true)).toEqual(listed);
      expect(await under.current(name)).toBe('one');
    });

    test('repeats a create without doing anything', async () => {
      const name = fresh();
      const create = {
        name: { name },
        stored: undefined,
        version: version('1'),
        value: new Secret('one'),
        metadata: {},
      };
      const first = await under.store.write(create);
      expect(await under.store.write(create)).toEqual(first);
      expect((await look(name))?.versions).toEqual([version('1')]);
    });

    test('refuses to create what someone else made', async () => {
      const name = fresh();
      await under.writeAsSomeoneElse(name, 'theirs');
      const create = {
        name: { name },
        stored: undefined,
        version: version('1'),
        value: new Secret('ours'),
        metadata: {},
      };
      await expect(under.store.write(create)).rejects.toMatchObject({ code: 'conflict' });
      expect(await under.current(name)).toBe('theirs');
    });

    test('puts a new value in force, and repeats that without doing anything', async () => {
      const name = fresh();
      await write(name, '1', 'one');
      const stored = await look(name);
      await write(name, '2', 'two', stored);
      await write(name, '2', 'two', stored);
      expect(await under.current(name)).toBe('two');
      expect(await look(name)).toMatchObject({ current: version('2') });
    });

    test('holds a value back until it is promoted, once and again', async () => {
      const { promote } = under.store;
      if (promote === undefined) return;
      const name = fresh();
      await write(name, '1', 'one');
      const held = { name: { name }, version: version('2'), value: new Secret('two'), metadata: {}, hold: true };
      await under.store.write({ ...held, stored: await look(name) });
      await under.store.write({ ...held, stored: await look(name) });
      expect(await under.current(name)).toBe('one');
      const stored = await look(name, true);
      expect(stored).toMatchObject({ current: version('1') });
      expect(stored?.versions.toSorted()).toEqual([version('1'), version('2')]);
      if (stored === undefined) throw new TypeError('it is gone');
      await promote(stored, version('2'));
      await promote(stored, version('2'));
      expect(await under.current(name)).toBe('two');
    });

    test('takes back a value that it held back, once and again, and the one in force stays', async () => {
      const { withdraw, promote } = under.store;
      expect(withdraw === undefined).toBe(promote === undefined);
      if (withdraw === undefined) return;
      const name = fresh();
      await write(name, '1', 'one');
      const held = { name: { name }, version: version('2'), value: new Secret('two'), metadata: {}, hold: true };
      await under.store.write({ ...held, stored: await look(name) });
      const stored = await look(name, true);
      expect(stored?.pending).toBe(version('2'));
      if (stored === undefined) throw new TypeError('it is gone');
      await withdraw(stored, version('2'));
      await withdraw(stored, version('2'));
      const without = await look(name, true);
      expect(without?.pending).toBeUndefined();
      // and held back anew: the store has the version still, without its label
      await under.store.write({ ...held, stored: without });
      expect((await look(name, true))?.pending).toBe(version('2'));
      expect(await under.current(name)).toBe('one');
    });

    test('A → B → A ends as A', async () => {
      const name = fresh();
      for (const [digit, value] of [
        ['1', 'A'],
        ['2', 'B'],
        ['1', 'A'],
      ] as const)
        await write(name, digit, value);
      expect(await look(name)).toMatchObject({ current: version('1') });
      expect(await under.current(name)).toBe('A');
    });

    test('A → B → A ends as A for one who knows an old holder only', async () => {
      const name = fresh();
      await write(name, '1', 'A');
      const old = await look(name);
      await write(name, '2', 'B');
      await write(name, '3', 'C');
      await write(name, '2', 'B', old);
      expect(await under.current(name)).toBe('B');
    });

    test('keeps values exactly', async () => {
      for (const value of [' padded\n', '{"b":1}', 'ä€😀', 'x'.repeat(65_536)]) {
        const name = fresh();
        await write(name, '1', value);
        expect(await under.current(name)).toBe(value);
      }
    });

    test("shows that someone else's write is in force", async () => {
      const name = fresh();
      await write(name, '1', 'one');
      await under.writeAsSomeoneElse(name, 'theirs');
      const stored = await look(name, true);
      expect(stored?.current).not.toBe(version('1'));
      expect(stored?.versions).toContain(version('1'));
    });

    test('annotates what is declared and leaves the rest', async () => {
      const name = fresh();
      const metadata = { description: 'before', tags: { kept: 'yes', changed: 'no' } };
      const { id } = await under.store.write({
        name: { name },
        stored: undefined,
        version: version('1'),
        value: new Secret('one'),
        metadata,
      });
      await under.store.annotate(id, { tags: { changed: 'yes', added: 'yes' } });
      expect(await look(name, true)).toMatchObject({
        description: 'before',
        tags: { kept: 'yes', changed: 'yes', added: 'yes' },
      });
      await under.store.annotate(id, { description: 'after' });
      expect(await look(name, true)).toMatchObject({
        description: 'after',
        current: version('1'),
        versions: [version('1')],
      });
    });

    test('shows a scheduled deletion, and refuses to write', async () => {
      const name = fresh();
      await write(name, '1', 'one');
      const stored = await look(name);
      await under.scheduleDeletion(name);
      expect(await look(name)).toMatchObject({ scheduledForDeletion: true });
      expect(await look(name, true)).toMatchObject({ scheduledForDeletion: true });
      await expect(write(name, '2', 'two', stored)).rejects.toMatchObject({ code: 'conflict' });
    });

    test('deletes with a time to take it back, finds by its tag what was deleted, and restores it; each twice', async () => {
      const { deletion, rules } = under.store;
      expect(deletion === undefined).toBe(rules.recoveryWindow === undefined);
      if (deletion === undefined || rules.recoveryWindow === undefined) return;
      const [name, other] = [fresh(), fresh()];
      for (const [each, tag] of [
        [name, 'mine'],
        [other, 'mine-too'],
      ] as const)
        await under.store.write({
          name: { name: each },
          stored: undefined,
          version: version('1'),
          value: new Secret('one'),
          metadata: { tags: { holder: tag, mine: 'x' } },
        });
      const tagged = async () => deletion.tagged('holder', ['mine', 'none']);
      const [stored, ...more] = await tagged();
      expect(more).toEqual([]);
      expect(stored).toEqual(await look(name, true));
      if (stored === undefined) throw new TypeError('it is gone');
      await deletion.schedule(stored, rules.recoveryWindow.least);
      await deletion.schedule(stored, rules.recoveryWindow.most);
      expect(await tagged()).toMatchObject([{ name, scheduledForDeletion: true }]);
      expect(await look(other)).toMatchObject({ scheduledForDeletion: false });
      await deletion.restore(stored);
      await deletion.restore(stored);
      expect(await look(name, true)).toEqual(stored);
      expect(await under.current(name)).toBe('one');
    });

    test('keeps replicas and a resource policy, and tells of them when asked', async () => {
      const { details, rules } = under.store;
      expect(details === undefined).toBe(rules.details === undefined);
      if (details === undefined) return;
      const name = fresh();
      const statement = {
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::123456789012:root' },
        Action: '*',
        Resource: '*',
      };
      const resourcePolicy = JSON.stringify({ Statement: [statement], Version: '2012-10-17' });
      const wanted = new Set(['replicas', 'resource-policy'] as const);
      const create = { name: { name }, stored: undefined, version: version('1'), value: new Secret('one') };
      const { id } = await under.store.write({ ...create, metadata: { replicas: [{ region: 'eu-central-1' }] } });
      const seen = async () => {
        const stored = await look(name, true);
        if (stored === undefined) throw new TypeError('it is gone');
        return details.look(stored, wanted);
      };
      expect(await seen()).toMatchObject({ replicas: [{ region: 'eu-central-1', failure: undefined }] });
      expect((await seen()).resourcePolicy).toBeUndefined();
      await under.store.annotate(id, { replicas: [{ region: 'us-east-1' }], resourcePolicy });
      const { replicas = [], resourcePolicy: kept } = await seen();
      expect(replicas.map(({ region }) => region).toSorted()).toEqual(['eu-central-1', 'us-east-1']);
      expect(rules.isSamePolicy?.(resourcePolicy, kept)).toBe(true);
      expect(await under.current(name)).toBe('one');
    });

    test('finds many by name and none besides, whatever stands next to them', async () => {
      const names = Array.from({ length: 23 }, (_, index) => `many/${'abc'[index % 3]}/${index}`);
      const written = await Promise.allSettled(
        [...names, 'many/a', 'many/a/0/more'].map((name) => write(name, '1', name)),
      );
      // none goes on into the next test, which counts, where a peer is known to take none of them
      for (const each of written) if (each.status === 'rejected') throw each.reason;
      const found = await under.store.inspect([...names, 'many/none'].map((name) => ({ name })));
      expect([...found.keys()].toSorted()).toEqual(names.toSorted());
    });

    test('takes an identifier for what has the name and no other', async () => {
      const name = fresh();
      const { id } = await write(name, '1', 'one');
      expect((await under.store.inspect([{ name, id }])).get(name)).toMatchObject({ id });
      const other = `${id.slice(0, -6)}AAAAAA`;
      expect((await under.store.inspect([{ name, id: other }])).get(name)).toBeUndefined();
    });

    test('counts its requests and stops when told', async () => {
      const before = under.store.requests();
      await look('contract/none');
      expect(under.store.requests()).toBe(before + 1);
      const signal = AbortSignal.abort();
      await expect(under.store.inspect([{ name: 'contract/none' }], { signal })).rejects.toMatchObject({
        code: 'aborted',
      });
    });
  });
}
