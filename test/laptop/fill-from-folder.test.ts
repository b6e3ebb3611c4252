import { openFolder } from '../../src/app/open-folder.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { loadBrokerFiles } from '../../src/folder/policy-and-registry.ts';
import { loadDevelopmentFile } from '../../src/folder/development/read-development.ts';
import { fill } from '../../src/laptop/fill-from-folder.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { parseOneTimePassword } from '../../src/foundation/totp.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** What the stack would start with for some files. */
async function filled(files: Readonly<Record<string, string>>) {
  const dir = mkdtempSync(join(tmpdir(), 'auth-chain-fill-'));
  folders.push(dir);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, `${name}.yaml`), text);
  const folder = await openFolder(dir, {});
  expect(folder.problems).toEqual([]);
  const environment = folder.settings.environments.get('development');
  if (environment === undefined) throw new Error('no environment');
  const broker = loadBrokerFiles(folder);
  const file = loadDevelopmentFile(folder, broker);
  expect(file.problems).toEqual([]);
  const filling = fill(folder, broker.registry, environment, file);
  const fields = new Map(
    filling.vaults.flatMap(({ name, items }) =>
      items.flatMap(({ title, fields }) => fields.map((field) => [`${name}/${title}/${field.label}`, field] as const)),
    ),
  );
  return { ...filling, fields };
}

function flow(...steps: readonly string[]): string {
  return `description: x\nsteps:\n${steps.map((step, index) => `  - { id: s${index}, ${step} }\n`).join('')}`;
}

const reading = (reference: string) => `uses: vault/read, with: { reference: '${reference}' }`;
const token = (rest: string) =>
  `uses: oauth/client-credentials, with: { issuer: '\${{ issuers.main }}', client-id: op://A/Client/username, ${rest} }`;

test('every reference is there once, whatever its case, with a value of its own that is never the same', async () => {
  const files = {
    a: flow(reading('op://A/Item/field'), reading('op://a/ITEM/Field'), reading('op://A/Item/part/field')),
  };
  const [one, other] = [await filled(files), await filled(files)];
  expect(one.vaults.map(({ name, items }) => [name, items.length])).toEqual([
    ['A', 1],
    ['Development', 1],
  ]);
  const values = one.vaults[0]?.items[0]?.fields.map(({ section, value }) => [section, value]) ?? [];
  expect(values).toHaveLength(2);
  expect(new Set(values.map(([, value]) => value)).size).toBe(2);
  expect(other.fields.get('A/Item/field')?.value).not.toBe(one.fields.get('A/Item/field')?.value);
  expect(one.fields.get('A/Item/field')?.value.length).toBeGreaterThan(20);
});

test('a one-time password is one wherever it is read as one', async () => {
  const { fields } = await filled({
    a: flow(reading('op://A/Item/code'), 'uses: totp/code, with: { reference: op://A/Item/code }'),
    b: flow(reading('op://A/Item/other?attribute=otp')),
  });
  expect(fields.get('A/Item/code')?.type).toBe('one-time-password');
  expect(fields.get('A/Item/other')?.type).toBe('one-time-password');
});

test('the seed that a one-time password is set from is one, unless development.yaml has another', async () => {
  const setting = (field: string) =>
    `uses: vault/set-one-time-password, with: { item: op://A/Account, seed: op://A/Hand-over/${field} }`;
  const { fields } = await filled({
    a: flow(
      setting('seed'),
      setting('given'),
      setting('code'),
      'uses: totp/code, with: { reference: op://A/Hand-over/code }',
    ),
    development: 'values: { op://A/Hand-over/given: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ }\n',
  });
  const made = fields.get('A/Hand-over/seed');
  expect(made?.type).toBe('concealed');
  await expect(parseOneTimePassword(new Secret(made?.value ?? ''), '')).resolves.toBeDefined();
  expect(fields.get('A/Hand-over/given')?.value).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
  expect(fields.get('A/Hand-over/code')?.type).toBe('one-time-password');
});

test('SSH keys and files, by how they are read and as development.yaml says', async () => {
  const { vaults, fields } = await filled({
    a: flow(
      reading('op://A/Deploy/public key'),
      reading('op://A/Deploy/private key?ssh-format=openssh'),
      reading('op://A/Deploy/private key'),
      reading('op://A/Kubeconfig/config'),
      reading('op://A/Orders TLS/ca.pem'),
      reading('op://A/Orders TLS/password'),
      reading('op://A/Orders TLS/key.pem?attribute=content'),
    ),
    development: `files: [op://A/Kubeconfig/config, op://a/orders TLS/CA.pem]
values: { op://A/Orders TLS/ca.pem: a certificate }
`,
  });
  expect(vaults[0]?.items.map(({ title, category }) => [title, category])).toEqual([
    ['Deploy', 'ssh-key'],
    ['Kubeconfig', 'document'],
    ['Orders TLS', 'login'],
  ]);
  // its public half comes with it, and is no field that would say something else
  expect(vaults[0]?.items[0]?.fields).toMatchObject([{ label: 'private key', type: 'ssh-key' }]);
  expect(fields.get('A/Deploy/private key')?.value).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  expect(fields.get('A/Kubeconfig/config')).toMatchObject({ type: 'file', value: expect.stringMatching(/^.{20,}$/) });
  expect(fields.get('A/Orders TLS/ca.pem')).toMatchObject({ type: 'file', value: 'a certificate' });
  expect(fields.get('A/Orders TLS/key.pem')?.type).toBe('file');
  expect(fields.get('A/Orders TLS/password')?.type).toBe('concealed');
});

test('one field is not two kinds of thing', async () => {
  const files = {
    a: flow('uses: totp/code, with: { reference: op://A/Item/code }'),
    development: 'files: [op://A/Item/code]\n',
  };
  await expect(filled(files)).rejects.toThrow('is a file in one place, and a one-time password in another');
});

test('clients: secrets, keys, opaque tokens, and all that several flows ask for', async () => {
  const { clients, fields } = await filled({
    one: flow(token('client-secret: op://A/Client/credential, audience: https://one.example, scope: [a, b]')),
    two: flow(
      token('client-secret: [op://A/Client/credential, op://A/Client/next], audience: https://two.example, scope: c'),
    ),
    key: flow(
      "uses: oauth/client-credentials, with: { issuer: '${{ issuers.main }}', client-id: signer, client-key: op://A/Key/private key, token-format: opaque }",
    ),
  });
  const username = fields.get('A/Client/username')?.value;
  const client = clients.find(({ clientId }) => clientId === username);
  expect(client?.audiences?.toSorted()).toEqual(['https://one.example', 'https://two.example']);
  expect(client?.scopes?.toSorted()).toEqual(['a', 'b', 'c']);
  expect(client?.secrets?.map((secret) => secret.reveal())).toEqual([
    fields.get('A/Client/credential')?.value,
    fields.get('A/Client/next')?.value,
  ]);
  const signer = clients.find(({ clientId }) => clientId === 'signer');
  expect(signer).toMatchObject({ tokenFormat: 'opaque', publicKey: { kty: 'EC' } });
  expect(signer?.secrets).toBeUndefined();
  expect(fields.get('A/Key/private key')?.value).toMatch(/^-----BEGIN PRIVATE KEY-----/);
});

test('development.yaml adds what cannot be derived', async () => {
  const { clients, users, fields } = await filled({
    one: flow(
      token('client-secret: op://A/Client/credential, audience: https://one.example'),
      reading('op://A/Host/name'),
    ),
    development: `values: { op://A/Client/username: robot, op://a/host/NAME: db.example }
clients: { robot: { audiences: https://three.example, claims: { owner: team }, token-ttl: 60 } }
users: [{ username: ada@example.com, password: op://A/Ada/password, one-time-password: op://A/Ada/code }]
`,
  });
  expect(fields.get('A/Host/name')?.value).toBe('db.example');
  expect(clients).toMatchObject([
    { clientId: 'robot', audiences: ['https://three.example'], claims: { owner: 'team' }, tokenTtl: 60 },
  ]);
  expect(users).toMatchObject([{ userName: 'ada@example.com', email: 'ada@example.com' }]);
  expect(users[0]?.password?.reveal()).toBe(fields.get('A/Ada/password')?.value);
  expect(users[0]?.totpSeed?.reveal()).toBe(fields.get('A/Ada/code')?.value);
  expect(fields.get('A/Ada/username')?.value).toBe('ada@example.com');
});

test('only what the environment runs; a root for the laptop’s keys', async () => {
  const { fields, vaults } = await filled({
    here: `environments: [development]\n${flow(reading('op://A/Here/field'))}`,
    there: `environments: [other]\n${flow(reading('op://A/There/field'))}`,
    writes: `environments: [development]\n${flow(
      'uses: vault/create-login, with: { vault: New vault, title: x, username: y, password: { length: 20 } }',
    )}`,
    service: 'environments: { development: {}, other: { vault: { type: onepassword, token: { env: X } } } }\n',
  });
  expect([...fields.keys()].toSorted()).toEqual(['A/Here/field', 'Development/auth-chain key/password']);
  expect(vaults.map(({ name }) => name)).toContain('New vault');
});
