import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Secret } from '../../../../src/foundation/secret.ts';
import type { SecretsManagerStoreOptions } from '../../../../src/adapters/stores/aws-secrets-manager/store.ts';
import { startStack, type Stack } from './stack.ts';

const version = (digit: string) => digit.repeat(64);
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0)) await close();
});
async function start(...args: Parameters<typeof startStack>): Promise<Stack> {
  const stack = await startStack(...args);
  closing.push(() => stack.close());
  return stack;
}
const write = (name: string, digit = '1', value = 'value') => ({
  name: { name },
  stored: undefined,
  version: version(digit),
  value: new Secret(value),
  metadata: {},
});

describe('who we are', () => {
  it('is asked before anything else where an account is declared, once', async () => {
    const { store, aws } = await start({ account: '123456789012' });
    await Promise.all([store.inspect([{ name: 'a' }]), store.inspect([{ name: 'b' }])]);
    await store.verify([]);
    expect(aws.calls()).toEqual({ GetCallerIdentity: 1, ListSecrets: 2 });
  });

  it('is refused where it is another account, by name, and nothing else is asked', async () => {
    const { store, aws } = await start({ account: '999999999999' });
    for (const attempt of [
      () => store.verify([]),
      () => store.inspect([{ name: 'a' }]),
      () => store.write(write('a')),
    ]) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'refused', message: expect.stringMatching(/123456789012.*999999999999/) });
    }
    expect(Object.keys(aws.calls())).toEqual(['GetCallerIdentity']);
  });

  it('is asked again by the next call where nobody answered', async () => {
    const { store, aws } = await start({ account: '123456789012' });
    aws.faults.deny('GetCallerIdentity');
    await expect(store.verify([])).rejects.toMatchObject({ code: 'denied' });
    aws.faults.deny('GetCallerIdentity', false);
    await store.verify([]);
    expect(aws.calls()).toEqual({ GetCallerIdentity: 2 });
  });

  it('is not asked where no account is declared', async () => {
    const { store, aws } = await start();
    await store.verify([]);
    await store.inspect([{ name: 'a' }]);
    expect(aws.calls()).toEqual({ ListSecrets: 1 });
  });
});

it('two accounts at one address have different scopes, and so have profiles where none is declared', async () => {
  const { open } = await start({ account: '123456789012' });
  vi.stubEnv('AWS_PROFILE', undefined);
  const none = open({ account: undefined }).scope;
  vi.stubEnv('AWS_PROFILE', 'c');
  const scopes = [
    {},
    { account: '999999999999' },
    { region: 'us-east-1' },
    ...['a', 'b', undefined].map((profile) => ({ account: undefined, profile })),
  ].map((more) => open(more).scope);
  expect(new Set([...scopes, none]).size).toBe(7);
  expect(open({ profile: 'a' }).scope).toBe(scopes[0]);
});

describe('an address', () => {
  const cases: readonly (readonly [string, Partial<SecretsManagerStoreOptions>, string])[] = [
    ['plain http without development', { development: false }, 'refused'],
    ['plain http elsewhere', { endpoint: 'http://192.0.2.1:1' }, 'refused'],
    ['another scheme', { endpoint: 'ftp://127.0.0.1' }, 'refused'],
    ['credentials in it', { endpoint: 'https://user:pass@example.com' }, 'refused'],
    ['a region that is part of a host name', { endpoint: 'http://127.0.0.1:1', region: 'x.example.com/' }, 'invalid'],
  ];
  it.each(cases)('%s: nothing is sent', async (_, options, code) => {
    const { open, aws } = await start();
    const store = open({ ...options, account: '123456789012' });
    await expect(store.inspect([{ name: 'a' }])).rejects.toMatchObject({ code });
    expect(store.requests()).toBe(0);
    expect(aws.calls()).toEqual({});
  });

  it.each([
    ['secrets', undefined],
    ['who we are', '123456789012'],
  ])("of the SDK's environment variables is held to the same: %s", async (_, account) => {
    const { open, aws } = await start();
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', aws.address);
    vi.stubEnv('AWS_ENDPOINT_URL_STS', aws.address);
    const store = open({ development: false, endpoint: undefined, account });
    await expect(store.inspect([{ name: 'a' }])).rejects.toMatchObject({ code: 'refused' });
    expect(aws.calls()).toEqual({});
  });

  it('that redirects is not followed', async () => {
    let reached = 0;
    const elsewhere = createServer((_, response) => {
      reached += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => elsewhere.close(resolve)));
    const { store, aws } = await start();
    aws.faults.redirect('ListSecrets', `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
    await expect(store.inspect([{ name: 'a' }])).rejects.toMatchObject({ code: 'protocol' });
    expect(reached).toBe(0);
  });

  it('where nobody listens is unavailable', async () => {
    const { open } = await start();
    await expect(open({ endpoint: 'http://127.0.0.1:9' }).inspect([{ name: 'a' }])).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});

describe('trouble', () => {
  it('wrong secret key, unknown key id', async () => {
    const { open, aws } = await start();
    const wrong = open({ credentials: { ...aws.credentials, secretAccessKey: new Secret('wrong') } });
    await expect(wrong.inspect([{ name: 'a' }])).rejects.toMatchObject({ code: 'denied' });
    const unknown = open({ account: '123456789012', credentials: { ...aws.credentials, accessKeyId: 'AKIANOBODY' } });
    await expect(unknown.verify([])).rejects.toMatchObject({ code: 'denied' });
  });

  it('throttling and a lost answer are repeated, with nothing written twice', async () => {
    const { store, aws, current } = await start();
    aws.faults.throttle(1, 'CreateSecret');
    aws.faults.loseAnswer('CreateSecret');
    await store.write(write('app/x'));
    expect(aws.calls()).toEqual({ CreateSecret: 3 });
    const stored = (await store.inspect([{ name: 'app/x' }])).get('app/x');
    aws.faults.loseAnswer('PutSecretValue');
    await store.write({ ...write('app/x', '2', 'two'), stored });
    expect(current('app/x')).toBe('two');
    expect(aws.dump()[0]?.versions).toHaveLength(2);
  });

  it('a lost answer while a label moves ends where it should', async () => {
    const { store, aws, current } = await start();
    const look = async () => (await store.inspect([{ name: 'app/x' }])).get('app/x');
    await store.write(write('app/x', '1', 'A'));
    await store.write({ ...write('app/x', '2', 'B'), stored: await look() });
    aws.faults.loseAnswer('UpdateSecretVersionStage');
    await store.write({ ...write('app/x', '1', 'A'), stored: await look() });
    expect(current('app/x')).toBe('A');
  });

  it('throttling without end is told after a bounded number of attempts', async () => {
    const { store, aws } = await start();
    aws.faults.throttle(100, 'DescribeSecret');
    await expect(store.inspect([{ name: 'a' }], { strict: true })).rejects.toMatchObject({ code: 'rate-limited' });
    expect(aws.calls()['DescribeSecret']).toBeLessThanOrEqual(5);
  });

  it('HTML of a gateway is survived', async () => {
    const { store, aws } = await start();
    aws.faults.html('ListSecrets', 5);
    await expect(store.inspect([{ name: 'a' }])).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a service that does not answer ends with the deadline', async () => {
    const { open, aws } = await start();
    aws.faults.delay(5_000);
    const store = open({ deadline: 150 });
    await expect(store.inspect([{ name: 'a' }])).rejects.toMatchObject({ code: 'timeout' });
  });

  it('pages that do not end are noticed', async () => {
    const { store, client, aws } = await start();
    await client.send(new CreateSecretCommand({ Name: 'a', SecretString: 'x' }));
    aws.faults.pages(0, 0, 0, 0, 0);
    await expect(store.inspect([{ name: 'a' }])).rejects.toMatchObject({ code: 'protocol' });
  });

  it.each([
    ['AccessDeniedException', 'denied'],
    ['EncryptionFailure', 'denied'],
  ])('%s names the secret', async (type, code) => {
    const { store, aws } = await start();
    aws.faults.refuse('CreateSecret', type);
    await expect(store.write(write('app/x'))).rejects.toMatchObject({ code, place: { subject: 'app/x' } });
  });
});

describe('the fewest calls', () => {
  async function fill(store: Stack['store'], names: readonly string[]) {
    await Promise.all(names.map((name) => store.write(write(name))));
  }

  it('one page for each hundred, none for each secret', async () => {
    const { store, counter } = await start();
    const names = Array.from({ length: 250 }, (_, index) => `app/${index}`);
    await fill(store, names);
    const calls = counter();
    const found = await store.inspect(names.map((name) => ({ name })));
    expect(found.size).toBe(250);
    expect(calls()).toEqual({ ListSecrets: 3 });
  });

  it('one call for ten names among many others', async () => {
    const { store, counter } = await start();
    await fill(
      store,
      Array.from({ length: 300 }, (_, index) => `other/${index}`),
    );
    await fill(store, ['app/1', 'lib/2']);
    const calls = counter();
    expect((await store.inspect(['app/1', 'lib/2', 'none'].map((name) => ({ name })))).size).toBe(2);
    expect(calls()).toEqual({ ListSecrets: 1 });
  });

  it('names with nothing in common, in a region of many others: ten at a time, not the whole region', async () => {
    const { store, counter } = await start();
    await fill(
      store,
      Array.from({ length: 1200 }, (_, index) => `${index % 37}/other/${index}`),
    );
    const names = Array.from({ length: 20 }, (_, index) => `${String.fromCharCode(97 + index)}/mine`);
    await fill(store, names);
    const calls = counter();
    expect((await store.inspect([...names, 'zz'].map((name) => ({ name })))).size).toBe(20);
    expect(calls()['ListSecrets']).toBeLessThanOrEqual(12);
  });

  it('short and empty pages are followed to their end', async () => {
    const { store, aws } = await start();
    await fill(store, ['app/1', 'app/2', 'app/3', 'app/4']);
    aws.faults.pages(1, 2, 1);
    expect((await store.inspect(['app/1', 'app/2', 'app/3', 'app/4'].map((name) => ({ name })))).size).toBe(4);
  });

  it('where the list may not be read, each by itself', async () => {
    const { store, aws, counter } = await start();
    await fill(store, ['app/1', 'app/2']);
    aws.faults.deny('ListSecrets');
    const calls = counter();
    expect((await store.inspect(['app/1', 'app/2', 'app/3'].map((name) => ({ name })))).size).toBe(2);
    expect(calls()).toEqual({ ListSecrets: 1, DescribeSecret: 3 });
  });

  it('strict describes each and lists nothing', async () => {
    const { store, counter } = await start();
    await fill(store, ['app/1']);
    const calls = counter();
    await store.inspect(
      ['app/1', 'app/2'].map((name) => ({ name })),
      { strict: true },
    );
    expect(calls()).toEqual({ DescribeSecret: 2 });
  });
});

describe('a list that lags', () => {
  it('does not hide a revert, in this process and in the next', async () => {
    let now = Date.now();
    const stateFolder = await mkdtemp(join(tmpdir(), 'state-'));
    closing.push(() => rm(stateFolder, { recursive: true }));
    const { store, open, aws, counter } = await start({ stateFolder, now: () => now }, { now: () => now });
    const look = async (of = store) => (await of.inspect([{ name: 'app/x' }])).get('app/x');
    await store.write(write('app/x', '1', 'A'));
    now += 3_600_000;
    aws.faults.listLag(300_000);
    await store.write({ ...write('app/x', '2', 'B'), stored: await look() });
    const calls = counter();
    expect((await look())?.current).toBe(version('2'));
    expect(calls()).toEqual({ ListSecrets: 1, DescribeSecret: 1 });
    expect((await look(open()))?.current).toBe(version('2'));
    // without the state folder the list is believed, which is what --strict is for
    expect((await look(open({ stateFolder: undefined })))?.current).toBe(version('1'));
    now += 300_001;
    calls();
    expect((await look())?.current).toBe(version('2'));
    expect(calls()).toEqual({ ListSecrets: 1 });
  });

  it('does not hide what was just made', async () => {
    let now = Date.now();
    const { store, aws } = await start({ now: () => now }, { now: () => now });
    aws.faults.listLag(300_000);
    await store.write(write('app/new'));
    expect((await store.inspect([{ name: 'app/new' }])).get('app/new')?.current).toBe(version('1'));
  });

  it('a foreign write shows once the list has it, and at once when strict', async () => {
    let now = Date.now();
    const { store, aws, client } = await start({ now: () => now }, { now: () => now });
    await store.write(write('app/x'));
    now += 3_600_000;
    aws.faults.listLag(300_000);
    await client.send(new PutSecretValueCommand({ SecretId: 'app/x', SecretString: 'theirs' }));
    expect((await store.inspect([{ name: 'app/x' }])).get('app/x')?.current).toBe(version('1'));
    expect((await store.inspect([{ name: 'app/x' }], { strict: true })).get('app/x')?.current).not.toBe(version('1'));
    now += 300_001;
    expect((await store.inspect([{ name: 'app/x' }])).get('app/x')?.current).not.toBe(version('1'));
  });
});
