import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openVaultStand, type VaultStand } from '../surfaces/vault-api/stand.ts';
import { baoProgram } from './openbao.ts';
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
  readonly items: GotItems;
}

/** The same of items of 1Password. */
interface GotItems {
  /** titles */
  readonly vaults: unknown;
  readonly listed: unknown;
  readonly read: unknown;
  readonly made: unknown;
  readonly changed: unknown;
  /** statuses: of one that it deleted, of what it may not read, change or list, and of one that may not at all */
  readonly refused: unknown;
}

const here = 'op/vaults/Engineering/items';

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
    items: {
      vaults: ['Engineering'],
      listed: ['Deploy key', 'a/b? 100%2F ключ'],
      read: {
        username: await stand.valueOf('op://Engineering/Deploy key/username'),
        password: await stand.valueOf('op://Engineering/Deploy key/password'),
        'Replica.password': await stand.valueOf('op://Engineering/Deploy key/Replica/password'),
      },
      made: { username: 'ada', password: 'first' },
      changed: { username: 'ada', password: 'second' },
      refused: [403, 403, 403, 403, 403],
    },
  };
}

interface NodeVault {
  token: string;
  read(path: string): Promise<{ data: Record<string, unknown> }>;
  list(path: string): Promise<{ data: { keys: unknown; key_info: Record<string, string> } }>;
  write(path: string, data: unknown): Promise<{ auth: { client_token: string; policies: unknown } }>;
  delete(path: string): Promise<unknown>;
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
  const [engineer, other] = [client(stand.engineer), client(stand.other)];
  const titles = async (path: string) => Object.values((await engineer.list(path)).data.key_info).toSorted();
  const made = `${here}/made here`;
  const write = async (fields: object) => {
    await engineer.write(made, fields);
    return (await engineer.read(made)).data;
  };
  const items = {
    vaults: await titles('op/vaults'),
    listed: await titles(here),
    read: (await engineer.read(`${here}/Deploy key`)).data,
    made: await write({ username: 'ada', password: 'first' }),
    changed: await write({ password: 'second' }),
  };
  await engineer.delete(made);
  const refusals = await Promise.all(
    [
      engineer.read(made),
      engineer.read(`${here}/Root key`),
      engineer.delete(`${here}/Deploy key`),
      engineer.list('op/vaults/Finance/items'),
      other.read(`${here}/Deploy key`),
    ].map(refused),
  );
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
    items: { ...items, refused: refusals },
  };
  expect(got).toEqual(await expected());
});

test('hvac does the same', async () => {
  const input = JSON.stringify({
    url: stand.url,
    mine: stand.codex,
    other: stand.other,
    engineer: stand.engineer,
    jwt: await stand.identity(),
  });
  const script = join(import.meta.dirname, 'vault-hvac.py');
  const asking = run(join(python, 'bin', 'python'), [script], { timeout: 60_000 });
  asking.child.stdin?.end(input);
  expect(JSON.parse((await asking).stdout)).toEqual(await expected());
});

describe('bao', () => {
  let program: string;
  let home: string;
  beforeAll(async () => {
    program = await baoProgram();
    home = mkdtempSync(join(tmpdir(), 'flows-bao-'));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  interface Ended {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }

  /** The program with nothing of this process's surroundings. @param token of the agent, in the variable that is named */
  async function bao(
    line: string | readonly string[],
    {
      token = stand.codex,
      variable = 'BAO_TOKEN',
      input = '',
    }: { token?: string; variable?: string; input?: string } = {},
  ): Promise<Ended> {
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, BAO_ADDR: stand.url, [variable]: token };
    const asking = run(program, typeof line === 'string' ? line.split(' ') : [...line], {
      env,
      cwd: home,
      timeout: 60_000,
    });
    // one that ends early reads none of it
    asking.child.stdin?.on('error', () => undefined).end(input);
    return asking.then(
      (ended) => ({ code: 0, ...ended }),
      (error: Ended) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
    );
  }

  async function parsed(line: string, given?: Parameters<typeof bao>[1]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await bao(line, given);
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  test('reads, lists and looks at its token, by either name of the variable', async () => {
    const key = await stand.valueOf('op://Agents/OpenAI/credential');
    for (const variable of ['BAO_TOKEN', 'VAULT_TOKEN']) {
      const shown = await bao('kv get secret/openai.api_key', { variable });
      expect([shown.code, shown.stdout]).toEqual([0, expect.stringMatching(new RegExp(`^value +${key}$`, 'm'))]);
    }
    const got = await expected();
    expect(await parsed('kv get -format=json -mount=secret team/app')).toMatchObject({ data: { data: got.old } });
    expect(await parsed('kv get -format=json kv/github.token')).toMatchObject({ data: got.first });
    expect(await parsed('kv list -format=json secret')).toEqual(got.names);
    expect(await parsed('kv list -format=json -mount=secret rewind')).toEqual(['github']);
    expect(await parsed('token lookup -format=json')).toMatchObject({ data: { policies: got.own } });
    expect((await bao('read -field=code totp/code/code')).stdout).toEqual(got.code);
    expect(await parsed('status -format=json')).toMatchObject({ sealed: got.sealed });
  });

  test('logs in by a JWT, and its token ends when it revokes it', async () => {
    const login = 'write -format=json auth/jwt/login role=ci jwt=-';
    const { auth } = await parsed(login, { token: '', input: await stand.identity() });
    const { client_token: token, policies } = auth as { client_token: string; policies: unknown };
    expect(policies).toEqual(['ci']);
    const get = () => bao('kv get -field=value secret/openai.api_key', { token });
    expect((await get()).stdout).toBe(await stand.valueOf('op://Agents/OpenAI/credential'));
    expect((await bao('token revoke -self', { token })).code).toBe(0);
    expect(await get()).toMatchObject({ code: 2, stdout: '' });
  });

  test('wraps what it reads, and unwraps it once', async () => {
    const value = await stand.valueOf('op://Agents/OpenAI/credential');
    const wrap = async () => {
      const wrapped = await parsed('kv get -format=json -wrap-ttl=90s secret/openai.api_key');
      expect(JSON.stringify(wrapped)).not.toContain(value);
      expect(wrapped).toMatchObject({ wrap_info: { ttl: 90, creation_path: 'secret/data/openai.api_key' } });
      return (wrapped['wrap_info'] as { token: string }).token;
    };
    const data = { data: { data: { value } } };
    // whoever has the token needs no other; an agent with one of its own may name it
    const token = await wrap();
    expect(await parsed('unwrap -format=json', { token })).toMatchObject(data);
    expect(await parsed(`unwrap -format=json ${await wrap()}`, { token: stand.other })).toMatchObject(data);
    const again = await bao('unwrap', { token });
    expect(again).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('wrapping token is not valid'),
    });
  });

  test('lists, reads, makes, changes and deletes items of 1Password', async () => {
    const token = stand.engineer;
    const { items } = await expected();
    expect(await parsed('list -format=json op/vaults', { token })).toHaveLength(1);
    expect(await parsed(`list -format=json ${here}`, { token })).toHaveLength(2);
    const made = `${here}/made here`;
    const all = async (...words: string[]) => bao(words, { token });
    const data = async (path: string) =>
      (JSON.parse((await all('read', '-format=json', path)).stdout) as { data: unknown }).data;
    expect(await data(`${here}/Deploy key`)).toEqual(items.read);
    expect((await all('write', made, 'title=made here', 'username=ada', 'password=first')).code).toBe(0);
    expect(await data(made)).toEqual(items.made);
    expect((await all('kv', 'get', '-field=password', made)).stdout).toBe('first');
    expect((await all('write', made, 'password=second')).code).toBe(0);
    expect(await data(made)).toEqual(items.changed);
    // exit 0 whether it is there or not
    for (const _ of [1, 2]) expect((await all('delete', made)).code).toBe(0);
    for (const line of [`read ${here}/none`, `read op/vaults/Finance/items/Payroll`, `list op/vaults/Finance/items`])
      expect(await bao(line, { token })).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('Code: 403'),
      });
    expect((await bao(`list ${here}`, { token: stand.other })).code).toBe(2);
  });

  test('is refused what it may not have and what nobody may, and is shown nothing of it', async () => {
    const value = await stand.valueOf('op://Agents/OpenAI/credential');
    const { other } = stand;
    const refused = [
      ['kv get secret/openai.api_key', { token: other }, 403, 'permission denied'],
      ['kv get kv/openai.api_key', { token: other }, 403, 'permission denied'],
      ['kv get -wrap-ttl=60s secret/openai.api_key', { token: other }, 403, 'permission denied'],
      ['kv get secret/none', {}, 403, 'permission denied'],
      ['kv get secret/openai.api_key', { token: 'nobody' }, 403, 'permission denied'],
      ['write auth/jwt/login role=ci jwt=-', { token: '', input: 'none' }, 403, 'permission denied'],
      ['kv put secret/openai.api_key value=-', { input: value }, 405, 'unsupported operation'],
      ['kv put kv/new value=-', { input: value }, 405, 'unsupported operation'],
      ['kv delete secret/openai.api_key', {}, 405, 'unsupported operation'],
    ] as const;
    for (const [line, given, status, text] of refused) {
      const { code, stdout, stderr } = await bao(line, given);
      expect([line, code, stdout]).toEqual([line, 2, '']);
      expect(stderr).toMatch(new RegExp(`Code: ${status}\\. Errors:[^]+${text}`));
      for (const secret of [value, stand.codex, other]) expect(stderr).not.toContain(secret);
    }
    expect((await bao('kv list secret', { token: other })).stdout).toBe('Keys\n----\nteam.user\n');
    expect((await bao('kv get -field=value secret/team.user', { token: other })).code).toBe(0);
  });
});
