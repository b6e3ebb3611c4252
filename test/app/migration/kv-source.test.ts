import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKvSource, type KvMount, type KvSourceOptions } from '../../../src/app/migration/kv-source.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { serveOnLoopback } from '../../../src/laptop/loopback-server.ts';
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
  const open = (namespace?: string, more: Partial<KvSourceOptions> = {}) =>
    createKvSource({
      url: `${double.url}/`,
      namespace,
      token: async () => token,
      development: true,
      now: Date.now,
      sleep: async (milliseconds) => void slept.push(milliseconds),
      ...more,
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
    const source = open(undefined, {
      token: () => Promise.reject(new FlowError('denied', 'the keychain is locked')),
    });
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

  test('whoever waits keeps its turn: a server that asks for fewer requests gets fewer', async () => {
    for (let at = 0; at < 40; at += 1) double.write(`app/${at}`, { a: '1' });
    let busy = true;
    double.fail(() => (busy ? { status: 429 } : undefined));
    const awake = Promise.withResolvers<void>();
    const sleep = (milliseconds: number) => {
      slept.push(milliseconds);
      return awake.promise;
    };
    const source = open(undefined, { sleep });
    const asked = Promise.all(Array.from({ length: 40 }, (_, at) => source.keys(secret, `app/${at}`)));
    await expect.poll(() => slept.length).toBe(8);
    busy = false;
    awake.resolve();
    expect(new Set((await asked).map(({ kind }) => kind))).toEqual(new Set(['found']));
    expect(source.requests()).toBe(48);
  });

  test.each(['unavailable', 'aborted'])('%s: what waits for its turn is not asked any more', async (code) => {
    const stop = new AbortController();
    double.fail(() => {
      if (code === 'aborted') stop.abort(new FlowError('aborted', 'interrupted'));
      return { status: 500 };
    });
    const source = open(undefined, { signal: stop.signal });
    const asked = Array.from({ length: 100 }, (_, at) => source.keys(secret, `app/${at}`));
    const ended = await Promise.allSettled(asked);
    const codes = ended.map((each) => (each.status === 'rejected' ? (each.reason as FlowError).code : each.value.kind));
    expect(new Set(codes)).toEqual(new Set([code]));
    expect(source.requests()).toBeLessThanOrEqual(8);
  });

  test.each([
    ['folders within each other', ['a/']],
    ['folders beside each other', Array.from({ length: 100_001 }, (_, at) => `${at}/`)],
  ])('%s without an end are not walked', async (_, keys) => {
    const endless = await serveOnLoopback(
      (_request, response) => void response.end(JSON.stringify({ data: { keys } })),
    );
    const source = open(undefined, { url: `http://${endless.host}/` });
    const walked = source.walk(secret, () => undefined);
    await expect(walked).rejects.toMatchObject({ code: 'protocol', message: expect.stringContaining('in secret/') });
    await expect(source.mounts()).rejects.toMatchObject({ code: 'protocol' });
    expect(source.requests()).toBeLessThan(110);
    await endless.close();
  });

  test('a path that a URL cannot have is refused', async () => {
    await expect(open().read(secret, '../sys/mounts')).rejects.toMatchObject({ code: 'refused' });
    expect(double.recorded).toEqual([]);
  });
});
