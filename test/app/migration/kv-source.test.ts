import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createKvSource, type KvMount } from '../../../src/app/migration/kv-source.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { type KvDouble, startKvDouble } from './kv-double.ts';

describe('the KV of Vault', () => {
  let double: KvDouble;
  beforeAll(async () => {
    double = await startKvDouble();
  });
  afterAll(() => double.close());
  const slept: number[] = [];
  beforeEach(() => {
    double.mounts.clear();
    double.namespaces.clear();
    double.denied = undefined;
    double.next.length = double.asked.length = slept.length = 0;
  });
  const open = (namespace?: string) =>
    createKvSource({
      url: `${double.url}/`,
      namespace,
      token: async () => new Secret(double.token),
      development: true,
      now: Date.now,
      sleep: async (milliseconds) => void slept.push(milliseconds),
    });
  const secret: KvMount = { path: 'secret/', namespace: '', version: 2 };

  test('every mount of every namespace is found, and those that are no KV are told', async () => {
    for (const namespace of ['team/', 'team/red/']) double.namespaces.add(namespace);
    const mounts = { 'secret/': 2, 'old/': 1, 'team/secret/': 2, 'team/red/kv/deep/': 2 } as const;
    for (const [path, version] of Object.entries(mounts))
      double.mounts.set(path, { type: 'kv', version, secrets: new Map() });
    double.mounts.set('totp/', { type: 'totp', secrets: new Map() });
    const found = await open().mounts();
    expect(found.kv).toEqual([
      { path: 'secret/', namespace: '', version: 2 },
      { path: 'old/', namespace: '', version: 1 },
      { path: 'team/secret/', namespace: 'team/', version: 2 },
      { path: 'team/red/kv/deep/', namespace: 'team/red/', version: 2 },
    ]);
    expect(found.others).toEqual([{ path: 'totp/', type: 'totp' }]);
    expect((await open('team').mounts()).kv.map(({ path }) => path)).toEqual(['secret/', 'red/kv/deep/']);
  });

  test('a token that may not read sys/mounts is told those that it may see', async () => {
    double.mounts.set('secret/', { type: 'kv', version: 2, secrets: new Map() });
    double.denied = /sys\/mounts$/;
    expect((await open().mounts()).kv).toHaveLength(1);
    double.denied = /sys\//;
    await expect(open().mounts()).rejects.toMatchObject({ code: 'denied' });
  });

  const odd = ['app', 'app/db', 'a b/100%/ü — Ключ', 'question?mark', `long/${'n'.repeat(512)}`, 'app/#1', '%2F'];
  test.each([1, 2] as const)('every path of KV v%s is walked and read, whatever is in its name', async (version) => {
    const mount: KvMount = { path: 'secret/', namespace: '', version };
    const secrets = new Map(odd.map((path, index) => [path, [{ index }]]));
    double.mounts.set('secret/', { type: 'kv', version, secrets });
    const source = open();
    expect(await source.walk(mount, () => undefined)).toEqual(odd.toSorted());
    for (const [index, path] of odd.entries()) {
      const expected = { kind: 'found', version: version === 1 ? 0 : 1, data: { index } };
      expect(await source.read(mount, path)).toEqual(expected);
    }
    expect(source.requests()).toBe(double.asked.length);
  });

  test('a plan reads no value: only lists, and the names of keys', async () => {
    double.mounts.set('secret/', {
      type: 'kv',
      version: 2,
      secrets: new Map([['app', [{ key: 'x', other: { in: 1 } }]]]),
    });
    const source = open();
    expect(await source.keys(secret, 'app')).toEqual({ kind: 'found', keys: ['key', 'other'] });
    expect(double.asked).toEqual(['GET secret/subkeys/app']);
    expect(await source.keys({ ...secret, version: 1 }, 'app')).toEqual({ kind: 'found', keys: undefined });
    expect(double.asked).toHaveLength(1);
  });

  test.each([
    ['deleted', ['deleted']],
    ['deleted', [{ a: '1' }, 'deleted']],
    ['deleted', ['destroyed']],
    ['missing', []],
  ] as const)('%s: what is not there any more is told, and not undeleted', async (kind, versions) => {
    double.mounts.set('secret/', { type: 'kv', version: 2, secrets: new Map([['app', [...versions]]]) });
    expect(await open().read(secret, 'app')).toEqual({ kind });
    expect(await open().keys(secret, 'app')).toEqual({ kind });
  });

  test('a branch that may not be listed is told, and the others are walked', async () => {
    const secrets = new Map(['a/1', 'b/1', 'c'].map((path) => [path, [{ x: '' }]]));
    double.mounts.set('secret/', { type: 'kv', version: 2, secrets });
    double.denied = /metadata\/b\/$|data\/c$/;
    const denied: string[] = [];
    expect(await open().walk(secret, (path) => denied.push(path))).toEqual(['a/1', 'c']);
    expect(denied).toEqual(['secret/b/']);
    expect(await open().read(secret, 'c')).toEqual({ kind: 'denied' });
  });

  test('a standby that is behind, and a rate limit, are waited for a few times', async () => {
    double.mounts.set('secret/', { type: 'kv', version: 2, secrets: new Map([['app', [{ a: '1' }]]]) });
    double.next.push({ status: 412 }, { status: 429 });
    expect(await open().read(secret, 'app')).toMatchObject({ kind: 'found' });
    expect(slept).toEqual([1_000, 2_000]);
    double.next.push(...Array.from({ length: 5 }, () => ({ status: 429, headers: { 'retry-after': '7' } })));
    await expect(open().read(secret, 'app')).rejects.toMatchObject({ code: 'rate-limited', retryAfter: 7 });
  });

  test.each([
    [503, 'unavailable'],
    [500, 'unavailable'],
    [400, 'protocol'],
    [307, 'refused'],
  ])('status %s ends it: %s', async (status, code) => {
    double.next.push({ status, headers: { location: 'http://127.0.0.1:1/' } });
    const error = await open()
      .read(secret, 'app')
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FlowError);
    expect(error).toMatchObject({ code });
    expect((error as FlowError).line()).not.toContain(double.token);
  });

  test('a path that a URL cannot have is refused', async () => {
    await expect(open().read(secret, '../sys/mounts')).rejects.toMatchObject({ code: 'refused' });
    expect(double.asked).toEqual([]);
  });
});
