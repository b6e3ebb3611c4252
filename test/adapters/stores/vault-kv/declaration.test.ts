import { expect, test } from 'vitest';
import { vaultKv } from '../../../../src/adapters/stores/vault-kv/index.ts';

const settings = { url: 'https://vault.example', mount: 'secret', 'jwt-mount': 'jwt', token: { env: 'VAULT_TOKEN' } };

test('says which policy a push needs: to write at its paths, and to read no value', () => {
  expect(vaultKv.setup?.('main', settings, ['team/orders', undefined, 'team/"x"'])).toBe(
    `# policy for store main: vault policy write flows-main FILE
path "secret/metadata/*" { capabilities = ["create", "read", "update", "patch"] }
path "secret/data/*" { capabilities = ["create", "update"] }
path "secret/metadata/team/\\"x\\"" { capabilities = ["create", "read", "update", "patch"] }
path "secret/data/team/\\"x\\"" { capabilities = ["create", "update"] }
path "secret/metadata/team/orders" { capabilities = ["create", "read", "update", "patch"] }
path "secret/data/team/orders" { capabilities = ["create", "update"] }
`,
  );
  const login = { ...settings, namespace: 'team', 'jwt-role': 'pusher' };
  expect(vaultKv.setup?.('main', login, ['a'])).toContain(
    'vault write -namespace=team auth/jwt/role/pusher role_type=jwt user_claim=sub token_policies=flows-main',
  );
});

test.each([
  ['as it should be', {}, ['token'], []],
  ['a role beside it', { 'jwt-role': 'pusher' }, ['token', 'jwt-role', 'jwt-mount'], []],
  ['no token', {}, [], ['']],
  ['two of them', {}, ['token', 'token-flow'], ['token']],
  ['an address with /v1', { url: 'https://vault.example/v1/' }, ['token'], ['url']],
  ['a mount for logins, and no role', {}, ['token', 'jwt-mount'], ['jwt-mount']],
])('%s: what is wrong is told at its key', (_, more, given, keys) => {
  const problems = vaultKv.check?.({ ...settings, ...more }, new Set(given)) ?? [];
  expect(problems.map(({ key }) => key)).toEqual(keys);
  expect(vaultKv.addresses(settings)).toEqual([{ key: 'url', url: 'https://vault.example' }]);
  expect(vaultKv.place?.({ ...settings, namespace: 'team' })).toBe('Vault KV "team/secret"');
});

const { problems, valueProblem, restore, nameOf } = vaultKv.rules;

test.each([
  ['team/orders', []],
  ['ä€ 50%/of it?#', []],
  ['arn:aws:x', []],
  ['n'.repeat(512), []],
  ['n'.repeat(513), ['name']],
  ['', ['name']],
  ['/a', ['name']],
  ['a/', ['name']],
  ['a//b', ['name']],
  ['a/../b', ['name']],
  ['a\nb', ['name']],
  ['a/+/b', ['name']],
  ['team/*', ['name']],
])('%j as a name', (name, keys) => {
  expect(problems({ name }).map(({ key }) => key)).toEqual(keys);
  expect(nameOf(name)).toEqual({ name });
});

test.each<[string, Parameters<typeof problems>[0], readonly string[]]>([
  ['tags and a description', { description: 'ä', tags: { team: 'a' } }, []],
  ['an empty tag', { tags: { team: '' } }, ['tags']],
  ['a tag that is the description', { tags: { description: 'x' } }, ['tags']],
  ['a tag that is our own', { tags: { 'flows-version': 'x' } }, ['tags']],
  ['a tag with a line break', { tags: { a: 'x\ny' } }, ['tags']],
  ['a long tag', { tags: { ['ä'.repeat(65)]: 'x', b: 'x'.repeat(513) } }, ['tags', 'tags']],
  ['many tags', { tags: Object.fromEntries(Array.from({ length: 62 }, (_, index) => [`k${index}`, 'v'])) }, ['tags']],
  ['a long description', { description: 'x'.repeat(513) }, ['description']],
  ['a key of AWS', { kmsKey: 'alias/x' }, ['kms-key']],
])('%s: what Vault would not take is told', (_, known, keys) => {
  expect(problems(known).map(({ key }) => key)).toEqual(keys);
});

test('no empty value is pushed, and none that is too large', () => {
  expect([0, 1, 1_000_000, 1_000_001].map((bytes) => valueProblem(bytes) !== undefined)).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(restore("it's")).toBe(`vault kv undelete -mount=MOUNT -versions=NUMBER 'it'\\''s'`);
});
