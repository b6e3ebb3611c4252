import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import {
  createSecretsManagerStore,
  type SecretsManagerStoreOptions,
} from '../../src/adapters/stores/aws-secrets-manager/store.ts';
import type { SecretStore } from '../../src/adapters/stores/contract.ts';
import { secretStoreContract } from '../contracts/secret-store.ts';
import { memoryVault, pusher, ref } from '../steps/store-push/harness.ts';
import { freePort, pythonEnvironment, startPython } from './python.ts';

interface Peer {
  readonly title: string;
  readonly packages: readonly string[];
  readonly code: string;
  args(port: number): readonly string[];
  env(port: number): Readonly<Record<string, string>>;
  readonly ready: string;
  /** where it is known to differ from what AWS was recorded to do; each of these must really fail */
  readonly misses: Readonly<Record<string, string>>;
  /** whether a version keeps the name that it was given */
  readonly namesVersions: boolean;
}

const peers: readonly Peer[] = [
  {
    title: 'moto',
    packages: ['moto[server,secretsmanager,sts]==5.2.5'],
    code: 'from moto.server import main; main()',
    args: (port) => ['-H', '127.0.0.1', '-p', String(port)],
    env: () => ({}),
    ready: '/moto-api/',
    misses: {
      'shows a scheduled deletion, and refuses to write':
        'it lets a put into a secret that is scheduled for deletion succeed',
    },
    namesVersions: true,
  },
  {
    title: 'ministack',
    packages: ['ministack==1.5.33'],
    code: 'from ministack.app import main; main()',
    args: () => [],
    env: (port) => ({ BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), MINISTACK_ACCOUNT_ID: '123456789012' }),
    ready: '/_ministack/health',
    // it ignores the ClientRequestToken of a create: a first version that is not named as asked is believed to be none
    misses: Object.fromEntries(
      [
        'creates with metadata, and shows both views alike',
        'repeats a create without doing anything',
        'puts a new value in force, and repeats that without doing anything',
        'holds a value back until it is promoted, once and again',
        'takes back a value that it held back, once and again, and the one in force stays',
        'A → B → A ends as A',
        'A → B → A ends as A for one who knows an old holder only',
        'keeps values exactly',
        "shows that someone else's write is in force",
        'annotates what is declared and leaves the rest',
        'shows a scheduled deletion, and refuses to write',
        'deletes with a time to take it back, finds by its tag what was deleted, and restores it; each twice',
        'keeps replicas and a resource policy, and tells of them when asked',
        'finds many by name and none besides, whatever stands next to them',
        'takes an identifier for what has the name and no other',
      ].map((name) => [name, 'it names the first version itself']),
    ),
    namesVersions: false,
  },
];

const region = 'eu-west-1';
const credentials = { accessKeyId: 'test', secretAccessKey: new Secret('test') };

async function startPeer(peer: Peer) {
  const environment = await pythonEnvironment(peer.packages);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = await startPython(environment, ['-c', peer.code, ...peer.args(port)], {
    env: peer.env(port),
    ready: `${endpoint}${peer.ready}`,
  });
  const client = new sdk.SecretsManagerClient({
    endpoint,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const open = (more: Partial<SecretsManagerStoreOptions> = {}): SecretStore =>
    createSecretsManagerStore({
      name: peer.title,
      region,
      endpoint,
      credentials,
      account: '123456789012',
      development: true,
      ...more,
    });
  const store = open();
  /** always by its label: moto gives the old value to one who names none */
  const current = async (SecretId: string) =>
    (await client.send(new sdk.GetSecretValueCommand({ SecretId, VersionStage: 'AWSCURRENT' }))).SecretString;
  return {
    store,
    open,
    client,
    current,
    async close() {
      client.destroy();
      await store.close();
      await stop();
    },
  };
}

describe.each(peers)('$title', (peer) => {
  secretStoreContract(
    'the store, against an implementation that is not ours',
    async () => {
      const { client, ...under } = await startPeer(peer);
      return {
        ...under,
        async writeAsSomeoneElse(name, SecretString) {
          try {
            await client.send(new sdk.PutSecretValueCommand({ SecretId: name, SecretString }));
          } catch (error) {
            if (!(error instanceof sdk.ResourceNotFoundException)) throw error;
            await client.send(new sdk.CreateSecretCommand({ Name: name, SecretString }));
          }
        },
        async scheduleDeletion(name) {
          await client.send(new sdk.DeleteSecretCommand({ SecretId: name }));
        },
      };
    },
    { misses: peer.misses },
  );
});

describe.each(peers.filter((peer) => peer.namesVersions))('a whole push to $title', (peer) => {
  afterEach(() => void vi.unstubAllEnvs());

  it.each(['of a profile', 'of a web identity'])(
    'takes a role %s where the secrets are, and nowhere else',
    async (by) => {
      const folder = await mkdtemp(join(tmpdir(), 'aws-'));
      const [config, token] = [join(folder, 'config'), join(folder, 'token')];
      const role = 'arn:aws:iam::210987654321:role/pusher';
      await writeFile(
        config,
        `[profile base]\naws_access_key_id = test\naws_secret_access_key = test\n[profile role]\nrole_arn = ${role}\nsource_profile = base\n`,
      );
      await writeFile(token, 'a.web.identity');
      vi.stubEnv('AWS_CONFIG_FILE', config);
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'));
      for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_STS']) vi.stubEnv(name, 'http://127.0.0.1:9');
      if (by === 'of a profile') vi.stubEnv('AWS_PROFILE', 'role');
      else {
        vi.stubEnv('AWS_ROLE_ARN', role);
        vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', token);
      }
      const store = running.open({ credentials: undefined, account: '210987654321' });
      await store.verify([]); // the role's account, not the keys' own
      expect((await store.inspect([{ name: 'role/none' }])).size).toBe(0);
      await store.close();
      await rm(folder, { recursive: true });
    },
  );

  it('takes a role with a token of a flow, where the secrets are', async () => {
    const token = () => Promise.resolve(new Secret('a.web.identity'));
    const webIdentity = { role: 'arn:aws:iam::210987654321:role/pusher', sessionName: 'flows', token, now: Date.now };
    const store = running.open({ credentials: undefined, account: '210987654321', webIdentity });
    await store.verify([]); // the role's account
    expect((await store.inspect([{ name: 'role/none' }])).size).toBe(0);
    expect(store.requests()).toBe(3);
    await store.close();
  });

  let running: Awaited<ReturnType<typeof startPeer>>;
  beforeAll(async () => {
    running = await startPeer(peer);
  });
  afterAll(() => running.close());

  it('creates, changes nothing, updates, and reverts', async () => {
    const count = 120;
    const vault = memoryVault(
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`op://V/${index}/f`, `value ${index}`])),
    );
    const secrets = Array.from({ length: count }, (_, index) => ({
      name: `peer/${index}`,
      value: ref(`op://V/${index}/f`),
    }));
    const { run, plan, useKeys } = pusher(running.store, vault);
    useKeys(randomBytes(32));
    expect((await run(secrets)).counts).toEqual({ create: count, adopt: 0, update: 0, none: 0 });
    const before = running.store.requests();
    expect((await plan(secrets)).output).toMatchObject({ counts: { none: count } });
    expect(running.store.requests() - before).toBe(2);
    for (const value of ['changed', 'value 7']) {
      vault.values['op://V/7/f'] = value;
      expect((await run(secrets)).changed).toMatchObject([{ name: 'peer/7' }]);
      expect(await running.current('peer/7')).toBe(value);
    }
  });
});
