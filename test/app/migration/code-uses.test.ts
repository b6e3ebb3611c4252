import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { usesIn, usesInCode } from '../../../src/app/migration/code-uses.ts';
import { cutText } from '../../../src/app/migration/cut.ts';
import type { MovedSecret } from '../../../src/app/migration/migration-file.ts';
import { ref } from '../../contracts/vault.ts';

const secret = (path: string, to: string | undefined, keys?: Readonly<Record<string, string>>): MovedSecret => ({
  path,
  to: to === undefined ? undefined : ref(to),
  keys,
  skip: to === undefined ? 'stays' : undefined,
});
const secrets = [
  secret('secret/team/app', 'op://V/app', { value: 'credential' }),
  secret('secret/team/db', 'op://V/db', { user: 'username', password: 'credential' }),
  secret('kv/prod/api', 'op://V/api', { token: 'credential' }),
  secret('secret/stays', undefined),
];
const known = new Map(secrets.map((each) => [each.path, each]));
const found = (text: string) =>
  usesIn('f', text, known).map(({ line, column, replacement, path, found: what }) => [
    `${line}:${column}`,
    replacement?.toString() ?? path ?? `? ${what}`,
  ]);

describe('code that asks Vault', () => {
  test.each<[string, readonly (readonly string[])[]]>([
    ['vault kv get -field=value secret/team/app', [['1:27', 'op://V/app/credential']]],
    ['x=$(bao kv get -mount=kv -field=token prod/api)', [['1:39', 'op://V/api/credential']]],
    ['vault read -format=json secret/data/team/db', [['1:25', 'op://V/db']]],
    ['vault read -field=user secret/team/db', [['1:24', 'op://V/db/username']]],
    [
      `client.secrets.kv.v2.read_secret_version(path='team/app', mount_point="secret")`,
      [['1:48', 'op://V/app/credential']],
    ],
    [`client.secrets.kv.v2.read_secret(path="team/db")`, [['1:40', 'op://V/db']]],
    [`await vault.read('secret/data/team/app')`, [['1:19', 'op://V/app/credential']]],
    [`s, err := c.KVv2("kv").Get(ctx, "prod/api")`, [['1:34', 'op://V/api/credential']]],
    [`s, err := c.Logical().Read("kv/data/prod/api")`, [['1:29', 'op://V/api/credential']]],
    ['{{ with secret "secret/data/team/db" }}{{ .Data.data.password }}{{ end }}', [['1:17', 'op://V/db']]],
    ['vault.hashicorp.com/agent-inject-secret-db: "secret/data/team/db"', [['1:46', 'op://V/db']]],
    ['    secret/data/team/db password | DB_PASSWORD ;', [['1:5', 'op://V/db/credential']]],
    ['  vault: team/app/value@secret', [['1:10', 'op://V/app/credential']]],
    ['spring.config.import=vault://secret/team/db', [['1:30', 'op://V/db']]],
    ['remoteRef: { key: team/db, property: user }', [['1:19', 'op://V/db']]],
    [
      'curl -H "X-Vault-Token: $VAULT_TOKEN" $VAULT_ADDR/v1/secret/data/team/app',
      [
        ['1:26', '? VAULT_TOKEN'],
        ['1:40', '? VAULT_ADDR'],
      ],
    ],
    ['vault kv get secret/$ENV/app', [['1:14', '? secret/$ENV/app']]],
    ['vault kv get secret/stays', [['1:14', 'secret/stays']]],
    ['a line\nand fs.read("some/file") and team/other', []],
  ])('%s', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test('in one pass of a line, however long a word is', () => {
    for (const part of ['a', 'vault:', 'read_secret(']) expect(found(part.repeat(900_000 / part.length))).toEqual([]);
  });

  test('in the files that git knows, without lock files, binaries, and what a link leads to', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'auth-chain-'));
    afterAll(() => rmSync(dir, { recursive: true }));
    const call = 'vault kv get secret/team/app\n';
    mkdirSync(join(dir, 'a b'));
    const files = { 'a b/ü.sh': `\n${call}`, 'yarn.lock': call, 'binary.bin': `\0${call}`, 'unknown.sh': call };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    symlinkSync(join(dir, 'unknown.sh'), join(dir, 'link.sh'));
    await expect(usesInCode(dir, secrets)).rejects.toMatchObject({ code: 'usage' });
    execFileSync('git', ['init', '-q'], { cwd: dir });
    execFileSync('git', ['add', 'a b', 'yarn.lock', 'binary.bin', 'link.sh'], { cwd: dir });
    const uses = await usesInCode(dir, secrets);
    expect(uses.map(({ file, line, column }) => `${file}:${line}:${column}`)).toEqual(['a b/ü.sh:2:14']);
  });
});

test('the old paths are closed in order: look, deny, look again, take away', () => {
  const mounts = [
    { path: 'secret/', namespace: '', version: 2 },
    { path: 'kv/', namespace: '', version: 1 },
    { path: 'team/a b/', namespace: 'team/', version: 2 },
  ] as const;
  const odd = [secret('team/a b/x"y', 'op://V/x'), secret('secret/+/x', 'op://V/y'), secret('gone/x', 'op://V/z')];
  const text = cutText([...secrets, ...odd], mounts);
  expect(text.match(/^# \d\./gm)).toEqual(['# 1.', '# 2.', '# 3.', '# 4.', '# 5.']);
  expect(text).toContain(`bao policy write moved-to-1password - <<'END'
path "secret/data/team/app" { capabilities = ["deny"] }
path "secret/data/team/db" { capabilities = ["deny"] }
path "kv/prod/api" { capabilities = ["deny"] }
# by hand: "secret/data/+/x"
END
bao policy write -namespace=team/ moved-to-1password - <<'END'
path "a b/data/x\\"y" { capabilities = ["deny"] }
END
`);
  expect(text).toContain(`bao kv metadata delete -mount=secret/ team/app
bao kv metadata delete -mount=secret/ team/db
bao kv delete -mount=kv/ prod/api
bao kv metadata delete -mount=secret/ '+/x'
bao kv metadata delete -namespace=team/ '-mount=a b/' 'x"y'
`);
  expect(text).not.toMatch(/stays|gone/);
});
