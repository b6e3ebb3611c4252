import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKvSource, type KvMount } from '../../../src/app/migration/kv-source.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { startVaultDouble, type VaultDouble, type VaultDoubleOptions } from '../../adapters/kv/double.ts';

describe('the KV of Vault', () => {
  let double: VaultDouble;
  let token: Secret;
  let denied: RegExp | undefined;
  const slept: number[] = [];
  const start = async (options: VaultDoubleOptions = {}) => {
    double = await startVaultDouble(options);
    token = double.token((_, path) => denied?.test(path) !== true);
    denied = undefined;
    slept.length = 0;
  };
  beforeEach(() => start());
  afterEach(() => double.close());
  const open = (namespace?: string, tokenOf = async () => token) =>
    createKvSource({
      url: `${double.url}/`,
      namespace,
      token: tokenOf,
      development: true,
      now: Date.now,
      sleep: async (milliseconds) => void slept.push(milliseconds),
    });
  const secret: KvMount = { path: 'secret/', namespace: '', version: 2 };

  test('every mount of every namespace is found, and those that are no KV are told', async () => {
    await double.close();
    await start({
      namespaces: ['team', 'team/réd'],
      mounts: { old: { version: '1' }, 'team/secret': {}, 'team/réd/kv/deep': {}, totp: { type: 'totp' } },
    });
    const found = await open().mounts();
    expect(found.kv).toEqual([
      { path: 'secret/', namespace: '', version: 2 },
      { path: 'old/', namespace: '', version: 1 },
      { path: 'team/secret/', namespace: 'team/', version: 2 },
      { path: 'team/réd/kv/deep/', namespace: 'team/réd/', version: 2 },
    ]);
    expect(found.others).toEqual([{ path: 'totp/', type: 'totp' }]);
    expect((await open('team').mounts()).kv.map(({ path }) => path)).toEqual(['secret/', 'réd/kv/deep/']);
  });

  test('a token that may not read sys/mounts is told those that it may see', async () => {
    denied = /sys\/mounts$/;
    expect((await open().mounts()).kv).toHaveLength(1);
    denied = /sys\//;
    await expect(open().mounts()).rejects.toMatchObject({ code: 'denied' });
  });

  test('a server that knows no namespaces has the mounts of its root', async () => {
    const none = { status: 404, errors: ['1 error occurred:\n\t* unsupported path\n\n'] };
    double.fail(({ path }) => (path.startsWith('sys/namespaces') ? none : undefined));
    expect((await open().mounts()).kv).toEqual([secret]);
  });

  test('a token that cannot be had ends it, and is no path that is refused', async () => {
    const source = open(undefined, () => Promise.reject(new FlowError('denied', 'the keychain is locked')));
    await expect(source.read(secret, 'app')).rejects.toMatchObject({ message: 'the keychain is locked' });
    expect(double.recorded).toHaveLength(0);
  });

  const odd = ['app', 'app/db', 'a b/100%/ü — Ключ', 'question?mark', `long/${'n'.repeat(512)}`, 'app/#1', '%2F'];
  test.each([1, 2] as const)('every path of KV v%s is walked and read, whatever is in its name', async (version) => {
    const mount: KvMount = { path: 'secret/', namespace: '', version };
    const secrets = Object.fromEntries(odd.map((path, index) => [path, [{ index }]]));
    double.mount('secret', { version: String(version), secrets });
    const source = open();
    expect(await source.walk(mount, () => undefined)).toEqual(odd.toSorted());
    for (const [index, path] of odd.entries()) {
      const expected = { kind: 'found', version: version === 1 ? 0 : 1, data: { index } };
      expect(await source.read(mount, path)).toEqual(expected);
    }
    expect(source.requests()).toBe(double.recorded.length);
  });

  test('a plan reads no value: only lists, and the names of keys', async () => {
    double.write('app', { key: 'x', other: { in: 1 } });
    const source = open();
    expect(await source.keys(secret, 'app')).toEqual({ kind: 'found', keys: ['key', 'other'] });
    expect(double.recorded.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET secret/subkeys/app']);
    expect(await source.keys({ ...secret, version: 1 }, 'app')).toEqual({ kind: 'found', keys: undefined });
    expect(double.recorded).toHaveLength(1);
  });

  test.each([
    ['deleted', ['deleted']],
    ['deleted', [{ a: '1' }, 'deleted']],
    ['deleted', ['destroyed']],
    ['missing', []],
  ] as const)('%s: what is not there any more is told, and not undeleted', async (kind, versions) => {
    if (versions.length > 0) double.mount('secret', { secrets: { app: versions } });
    expect(await open().read(secret, 'app')).toEqual({ kind });
    expect(await open().keys(secret, 'app')).toEqual({ kind });
  });

  test('a branch that may not be listed is told, and the others are walked', async () => {
    for (const path of ['a/1', 'b/1', 'c']) double.write(path, { x: '' });
    denied = /metadata\/b\/$|data\/c$/;
    const told: string[] = [];
    expect(await open().walk(secret, (path) => told.push(path))).toEqual(['a/1', 'c']);
    expect(told).toEqual(['secret/b/']);
    expect(await open().read(secret, 'c')).toEqual({ kind: 'denied' });
  });

  test('a standby that is behind, and a rate limit, are waited for a few times', async () => {
    double.write('app', { a: '1' });
    double.failNext({ status: 412 }, { status: 429 });
    expect(await open().read(secret, 'app')).toMatchObject({ kind: 'found' });
    expect(slept).toEqual([1_000, 2_000]);
    double.failNext(...Array.from({ length: 5 }, () => ({ status: 429, headers: { 'retry-after': '7' } })));
    await expect(open().read(secret, 'app')).rejects.toMatchObject({ code: 'rate-limited', retryAfter: 7 });
  });

  test.each([
    [503, 'unavailable'],
    [500, 'unavailable'],
    [400, 'refused'],
    [307, 'refused'],
  ])('status %s ends it: %s', async (status, code) => {
    double.failNext({ status, headers: { location: 'http://127.0.0.1:1/' } });
    const error = await open()
      .read(secret, 'app')
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FlowError);
    expect(error).toMatchObject({ code });
    expect((error as FlowError).line()).not.toContain(token.reveal());
  });

  test('a path that a URL cannot have is refused', async () => {
    await expect(open().read(secret, '../sys/mounts')).rejects.toMatchObject({ code: 'refused' });
    expect(double.recorded).toEqual([]);
  });
});
