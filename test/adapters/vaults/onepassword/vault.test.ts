import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startVault, type DevelopmentVault } from '../../../../src/laptop/vault/server.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { createOnePasswordVault, type OnePasswordOptions } from '../../../../src/adapters/vaults/onepassword/vault.ts';
import { codeOf, ref, told, vaultContract } from '../../../contracts/vault.ts';

vaultContract('1Password SDK', async (vaults) => {
  const server = await startVault({ vaults });
  const token = server.token();
  const open = () => createOnePasswordVault({ token: () => Promise.resolve(token), development: true });
  const other = open();
  return {
    vault: open(),
    batch: 50,
    requests: () => server.requests() - other.requests(),
    another: () => other,
    async stop() {
      await other.close();
      await server.close();
    },
  };
});

describe('1Password SDK', () => {
  let server: DevelopmentVault;
  let shared: ReturnType<typeof open>;
  const password = 'op://Agents/One/password';
  beforeAll(async () => {
    const items = Array.from({ length: 120 }, (_, index) => ({
      title: `n${index}`,
      fields: [{ label: 'password', type: 'concealed' as const, value: `v${index}` }],
    }));
    server = await startVault({
      vaults: [
        { name: 'Agents', items: [{ title: 'One', fields: [{ label: 'password', type: 'concealed', value: 'one' }] }] },
        { name: 'Many', items },
        {
          name: 'Browser',
          items: [
            {
              title: 'Saved',
              fields: [{ label: 'password', type: 'concealed', value: 'pw' }],
              formFields: [{ name: 'remember-me', value: 'on' }],
            },
          ],
        },
      ],
    });
    shared = open(server.token());
  });
  afterAll(async () => {
    await shared.close();
    await server.close();
  });

  const open = (token: Secret, more: Partial<Pick<OnePasswordOptions, 'deadline' | 'vaults' | 'development'>> = {}) =>
    createOnePasswordVault({ token: () => Promise.resolve(token), development: true, ...more });
  const read = async (vault: ReturnType<typeof open>, text: string) => told((await vault.read([ref(text)])).get(text));

  test('contacts nothing and reads no token before the first call', async () => {
    let asked = 0;
    const token = server.token();
    const before = server.requests();
    const vault = createOnePasswordVault({
      development: true,
      token() {
        asked += 1;
        return Promise.resolve(token);
      },
    });
    expect(await vault.read([])).toEqual(new Map());
    expect([asked, server.requests() - before]).toEqual([0, 0]);
    await Promise.all([vault.read([ref(password)]), vault.items?.get(ref('op://Agents/One'))]);
    expect([asked, vault.address]).toEqual([1, server.address]);
    await vault.close();
    expect(await codeOf(vault.read([ref(password)]))).toBe('unavailable');
  });

  test('a batch of many items takes the least requests', async () => {
    await shared.read([ref(password)]);
    const before = shared.requests();
    const texts = Array.from({ length: 120 }, (_, index) => `op://Many/n${index}/password`);
    const found = await shared.read(texts.map(ref));
    expect(texts.map((text) => told(found.get(text)))).toEqual(texts.map((_, index) => `v${index}`));
    expect(shared.requests() - before).toBe(1 + Math.ceil(120 / 50)); // the names once, then 50 items a request
  });

  test('by ids: one request, and no list', async () => {
    const item = server.dump().find((each) => each.title === 'One');
    await read(shared, `op://${item?.vaultId}/${item?.id}/password`);
    const before = server.requests();
    expect(await read(shared, `op://${item?.vaultId}/${item?.id}/password`)).toBe('one');
    expect(server.requests() - before).toBe(1);
  });

  test('a revoked token is denied, and a renewed one is taken up', async () => {
    const tokens = [server.token(), server.token()];
    const [first = new Secret(''), second = new Secret('')] = tokens;
    let current = first;
    const vault = createOnePasswordVault({ token: () => Promise.resolve(current), development: true });
    expect(await read(vault, password)).toBe('one');
    server.revoke(first);
    expect(await codeOf(vault.read([ref(password)]))).toBe('denied');
    expect(await codeOf(vault.read([ref(password)]))).toBe('denied');
    current = second;
    expect(await read(vault, password)).toBe('one');
    await vault.close();
  });

  test('keeps no process alive that forgets to close it', async () => {
    const script = `
      const { createOnePasswordVault } = await import(${JSON.stringify(moduleUrl('vault'))});
      const { Reference } = await import(${JSON.stringify(moduleUrl('../../../foundation/reference'))});
      const { Secret } = await import(${JSON.stringify(moduleUrl('../../../foundation/secret'))});
      const token = new Secret(process.env.TOKEN);
      const vault = createOnePasswordVault({ token: async () => token, development: true });
      const values = await vault.read([Reference.parse(${JSON.stringify(password)})]);
      console.log([...values.values()].join());`;
    const said = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      env: { TOKEN: server.token().reveal() },
      timeout: 25_000,
    });
    expect(said.stdout).toBe('[secret]\n');
  });

  test('an expired session is renewed without a word', async () => {
    expect(await read(shared, password)).toBe('one');
    server.expireSessions();
    expect(await read(shared, password)).toBe('one');
  });

  test.each([
    ['empty', '', 'denied'],
    ['not a token', 'hunter2', 'invalid-value'],
    ['cut off', 'ops_eyJzaWduSW5BZGRyZXNzIjoi', 'invalid-value'],
  ])('a token that is %s', async (_, text, code) => {
    const vault = open(new Secret(text));
    const before = server.requests();
    expect(await codeOf(vault.read([ref(password)]))).toBe(code);
    expect(server.requests()).toBe(before);
    await vault.close();
  });

  test.each([
    ['with a line break', (token: string) => `${token}\n`, 'invalid-value'],
    ['with a wrong password', (token: string) => tampered(token, { srpX: 'ab'.repeat(32) }), 'denied'],
    [
      'with another account key',
      (token: string) => tampered(token, { secretKey: 'A3-AAAAAA-AAAAAA-AAAAA-AAAAA-AAAAA-AAAAA' }),
      'denied',
    ],
    ['of nobody', (token: string) => tampered(token, { email: 'nobody@example.com' }), 'denied'],
    ['with wrong keys', (token: string) => tampered(token, { muk: master }), 'denied'],
  ])('a token %s', async (_, change, code) => {
    const vault = open(new Secret(change(server.token().reveal())));
    expect(await codeOf(vault.read([ref(password)]))).toBe(code);
    await vault.close();
  });

  test('outside development nothing is sent to another address than 1Password', async () => {
    const vault = open(server.token(), { development: false });
    const before = server.requests();
    expect(await codeOf(vault.read([ref(password)]))).toBe('refused');
    expect(server.requests()).toBe(before);
    await vault.close();
  });

  test('a redirect is not followed', async () => {
    const elsewhere: string[] = [];
    const target = createServer((request, response) => {
      elsewhere.push(request.url ?? '');
      response.end('{}');
    });
    const portal = createServer((_, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${portOf(target)}/stolen` }).end();
    });
    await Promise.all(
      [target, portal].map((each) => new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))),
    );
    const token = tampered(server.token().reveal(), { signInAddress: `http://127.0.0.1:${portOf(portal)}` });
    const vault = open(new Secret(token));
    expect(await codeOf(vault.read([ref(password)]))).toBe('protocol');
    expect(elsewhere).toEqual([]);
    await vault.close();
    for (const each of [target, portal]) each.close();
  });

  test('a vault that is down is unavailable', async () => {
    const gone = await startVault({ vaults: [] });
    const vault = open(gone.token());
    await gone.close();
    expect(await codeOf(vault.read([ref(password)]))).toBe('unavailable');
    await vault.close();
  });

  test('a vault that is slow is given up, and asked afresh the next time', async () => {
    expect(await read(shared, password)).toBe('one');
    server.setDelay(60_000);
    const late = open(server.token(), { deadline: 300 });
    const both = await Promise.all([
      codeOf(late.read([ref(password)])),
      codeOf(late.items?.find('Agents', 'x') ?? Promise.resolve()),
    ]);
    expect(both).toEqual(['timeout', 'timeout']);
    server.setDelay(0);
    expect(await read(shared, password)).toBe('one');
    await late.close();
  });

  test('a token for reading cannot write, and sees its vaults only', async () => {
    const vault = open(server.token({ vaults: ['agents'], access: 'read' }));
    expect(await read(vault, password)).toBe('one');
    expect(await read(vault, 'op://Many/n1/password')).toBe('not-found');
    const foreign = server.dump().find((each) => each.title === 'n1');
    expect(await read(vault, `op://${foreign?.vaultId}/${foreign?.id}/password`)).toBe('not-found');
    const login = {
      vault: 'Agents',
      title: 't',
      username: 'u',
      password: { length: 8, digits: true, symbols: true },
      tags: [],
    };
    expect(await codeOf(vault.items?.createLogin(login) ?? Promise.resolve())).toBe('denied');
    expect(await read(vault, password)).toBe('one');
    await vault.close();
  });

  test('an entry serves the vaults that it names, by name or id', async () => {
    const foreign = server.dump().find((each) => each.title === 'n1');
    const vault = open(server.token(), { vaults: ['AGENTS'] });
    expect(await read(vault, password)).toBe('one');
    expect(await read(vault, 'op://Many/n1/password')).toBe('not-found');
    expect(await read(vault, `op://${foreign?.vaultId}/${foreign?.id}/password`)).toBe('not-found');
    const byId = open(server.token(), { vaults: [foreign?.vaultId ?? ''] });
    expect(await read(byId, `op://${foreign?.vaultId}/${foreign?.id}/password`)).toBe('v1');
    expect(await read(byId, 'op://Many/n1/password')).toBe('v1');
    await Promise.all([vault.close(), byId.close()]);
  });

  test('an item that the SDK would change with losses is left alone', async () => {
    const item = await shared.items?.get(ref('op://Browser/Saved'));
    if (item === undefined) throw new TypeError('no item');
    const change = shared.items?.setOneTimePassword(item, new Secret('A'.repeat(16)), { previous: 'keep' });
    expect(await codeOf(change ?? Promise.resolve())).toBe('refused');
  });

  test('without the desktop app `account:` says so', async () => {
    const vault = createOnePasswordVault({ account: 'acme', development: false });
    expect(await codeOf(vault.read([ref(password)]))).toBe('unavailable');
    await vault.close();
  });
});

const master = {
  alg: 'A256GCM',
  ext: true,
  k: Buffer.alloc(32, 7).toString('base64url'),
  key_ops: ['encrypt', 'decrypt'],
  kty: 'oct',
  kid: 'mp',
};

function tampered(token: string, change: Readonly<Record<string, unknown>>): string {
  const fields = JSON.parse(Buffer.from(token.slice(4), 'base64url').toString('utf8')) as Record<string, unknown>;
  return `ops_${Buffer.from(JSON.stringify({ ...fields, ...change })).toString('base64url')}`;
}

function moduleUrl(name: string): string {
  return new URL(`../../../../src/adapters/vaults/onepassword/${name}.ts`, import.meta.url).href;
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
