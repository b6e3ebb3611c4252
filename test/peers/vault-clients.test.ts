import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openVaultStand, type VaultStand } from '../surfaces/vault-api/stand.ts';
import { pythonEnvironment } from './python.ts';

const run = promisify(execFile);
const folder = join(tmpdir(), `flows-peers-${userInfo().uid}`, 'node-vault-0.12.0');

let stand: VaultStand;
let python: string;
beforeAll(async () => {
  stand = await openVaultStand();
  python = await pythonEnvironment(['hvac==2.4.0']);
  if (existsSync(join(folder, 'node_modules/node-vault'))) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder, 'node-vault@0.12.0'];
  const { status, stderr } = spawnSync('npm', args, { encoding: 'utf8', timeout: 300_000 });
  if (status !== 0) throw new Error(`node-vault cannot be installed: ${stderr}`);
});
afterAll(() => stand.close());

/** What a client got from the same requests: answers, or the status of a refusal. */
interface Got {
  readonly named: unknown;
  readonly old: unknown;
  readonly first: unknown;
  readonly names: unknown;
  readonly code: unknown;
  readonly write: unknown;
  readonly denied: unknown;
  readonly missing: unknown;
  readonly sealed: unknown;
  readonly own: unknown;
  readonly login: unknown;
  readonly revoked: unknown;
}

async function expected(): Promise<Got> {
  return {
    named: { value: await stand.valueOf('op://Agents/OpenAI/credential') },
    old: {
      user: await stand.valueOf('op://Agents/Team/username'),
      password: await stand.valueOf('op://Agents/Team/password'),
    },
    first: { value: await stand.valueOf('op://Agents/GitHub/token') },
    names: expect.arrayContaining(['openai.api_key', 'rewind/', 'team/']),
    code: expect.stringMatching(/^\d{6}$/),
    write: 405,
    denied: 403,
    missing: 403,
    sealed: false,
    own: ['codex'],
    login: [['ci'], ['ci'], await stand.valueOf('op://Agents/OpenAI/credential')],
    revoked: 403,
  };
}

interface NodeVault {
  token: string;
  read(path: string): Promise<{ data: Record<string, unknown> }>;
  list(path: string): Promise<{ data: { keys: unknown } }>;
  write(path: string, data: unknown): Promise<{ auth: { client_token: string; policies: unknown } }>;
  health(): Promise<{ sealed: unknown }>;
  tokenLookupSelf(): Promise<{ data: { policies: unknown } }>;
  tokenRevokeSelf(): Promise<unknown>;
}

test('node-vault reads, lists, logs in and is refused', async () => {
  const connect = createRequire(join(folder, 'x.js'))('node-vault') as (options: object) => NodeVault;
  const client = (token?: string) => connect({ endpoint: stand.url, token });
  const refused = (asked: Promise<unknown>) =>
    asked.then(
      () => 200,
      (error: { response?: { statusCode: number } }) => error.response?.statusCode,
    );
  const mine = client(stand.codex);
  const anyone = client();
  const { auth } = await anyone.write('auth/jwt/login', { role: 'ci', jwt: await stand.identity() });
  const ci = client(auth.client_token);
  const login = [
    auth.policies,
    (await ci.tokenLookupSelf()).data.policies,
    ((await ci.read('secret/data/openai.api_key')).data['data'] as { value: unknown }).value,
  ];
  await ci.tokenRevokeSelf();
  const got: Got = {
    named: (await mine.read('secret/data/openai.api_key')).data['data'],
    old: (await mine.read('secret/data/team/app')).data['data'],
    first: (await mine.read('kv/github.token')).data,
    names: (await mine.list('secret/metadata')).data.keys,
    code: (await mine.read('totp/code/code')).data['code'],
    write: await refused(mine.write('secret/data/new', { data: { a: '1' } })),
    denied: await refused(client(stand.other).read('secret/data/openai.api_key')),
    missing: await refused(mine.read('secret/data/none')),
    sealed: (await mine.health()).sealed,
    own: (await mine.tokenLookupSelf()).data.policies,
    login,
    revoked: await refused(ci.tokenLookupSelf()),
  };
  expect(got).toEqual(await expected());
});

test('hvac does the same', async () => {
  const input = JSON.stringify({
    url: stand.url,
    mine: stand.codex,
    other: stand.other,
    jwt: await stand.identity(),
  });
  const script = join(import.meta.dirname, 'vault-hvac.py');
  const asking = run(join(python, 'bin', 'python'), [script], { timeout: 60_000 });
  asking.child.stdin?.end(input);
  expect(JSON.parse((await asking).stdout)).toEqual(await expected());
});
