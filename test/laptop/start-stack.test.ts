import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { openApp } from '../../src/app/open-app.ts';
import { openFolder } from '../../src/app/open-folder.ts';
import { findStack } from '../../src/app/laptop-stack-file.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { type RunningStack, startStack } from '../../src/laptop/start-stack.ts';
import { createHome } from '../e2e/home.ts';

const home = createHome();
const dir = join(home.work, 'flows');
let stack: RunningStack;
beforeAll(async () => {
  stack = await home.stack();
});
afterAll(() => home.close());

const urls = () => {
  const { vault, issuer, scim, secretsManager, ordersApi } = stack.addresses;
  return [vault.address, issuer, scim.url, secretsManager.endpoint, ordersApi];
};

it('answers on this machine alone', async () => {
  for (const url of urls()) {
    expect(url).toMatch(/^http:\/\/(?:127\.0\.0\.1|localhost):\d+/);
    expect((await fetch(url)).status).toBeLessThan(500);
  }
});

it('holds what the flows of its folder name', () => {
  const titles = stack.vault.dump().map(({ title }) => title);
  expect(titles).toEqual(expect.arrayContaining(['Orders M2M', 'OpenAI', 'Orders Database']));
  expect(
    stack.vault
      .dump()
      .flatMap(({ fields }) => fields)
      .filter(({ value }) => value === ''),
  ).toEqual([]);
});

it('is found by others, with all that opens it', async () => {
  const found = await findStack(dir);
  const revealed = ({ vault, scim, secretsManager }: typeof found) =>
    [vault.token, scim.token, secretsManager.secretAccessKey].map((each) => each.reveal());
  expect(revealed(found)).toEqual(revealed(stack.addresses));
  expect(found).toMatchObject({ issuer: stack.addresses.issuer, ordersApi: stack.addresses.ordersApi });
});

it('does not start twice for a folder, and not over addresses of one’s own', async () => {
  await expect(openFolder(dir, {}).then(startStack)).rejects.toMatchObject({ code: 'conflict' });
  home.write('own/a.yaml', 'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/I/f } }]\n');
  home.write('own/service.yaml', 'environments: { development: { vault: { type: onepassword, account: acme } } }\n');
  await expect(openFolder(join(home.work, 'own'), {}).then(startStack)).rejects.toMatchObject({ code: 'refused' });
});

it('tells of a development.yaml that is wrong, at its place, and leaves nothing running', async () => {
  home.write('wrong/a.yaml', 'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/I/f } }]\n');
  home.write('wrong/development.yaml', 'valeus: {}\n');
  const place = { location: expect.stringMatching(/development\.yaml:1:1$/) };
  const wrong = join(home.work, 'wrong');
  await expect(openFolder(wrong, {}).then(startStack)).rejects.toMatchObject({ code: 'invalid', place });
  await expect(findStack(wrong)).rejects.toMatchObject({ code: 'unavailable' });
});

it('brings its vault what a changed folder names, and leaves what is there as it is', async () => {
  const stored = (title: string) => stack.vault.dump().find((each) => each.title === title);
  const before = stored('OpenAI');
  home.write(
    'flows/later.yaml',
    `description: x
environments: [development]
steps:
  - { id: a, uses: vault/read, with: { reference: op://agents/openai/organisation } }
  - { id: b, uses: vault/read, with: { reference: op://Later/Service/part/key } }
  - { id: c, uses: vault/read, with: { reference: 'op://Agents/Deploy/private key?ssh-format=openssh' } }
  - { id: d, uses: totp/code, with: { reference: op://Agents/OpenAI/code } }
  - id: e
    uses: oauth/client-credentials
    with: { issuer: '\${{ issuers.main }}', client-id: new-client, client-secret: op://Agents/New/credential }
`,
  );
  const { added, afterRestart } = stack.refill(await openFolder(dir, {}));
  expect(added.toSorted()).toEqual([
    'op://Agents/Deploy/private key',
    'op://Agents/New/credential',
    'op://Agents/OpenAI/code',
    'op://Agents/OpenAI/organisation',
    'op://Later/Service/part/key',
  ]);
  expect(afterRestart).toEqual(['new-client']);
  const after = stored('OpenAI');
  expect(after).toMatchObject({ id: before?.id, version: (before?.version ?? 0) + 1 });
  expect(after?.fields.slice(0, 1)).toEqual(before?.fields);
  expect(after?.fields.map(({ label, kind }) => [label, kind])).toEqual([
    ['credential', 'concealed'],
    ['code', 'one-time-password'],
    ['organisation', 'concealed'],
  ]);
  // once is enough
  expect(stack.refill(await openFolder(dir, {}))).toEqual({ added: [], afterRestart: [] });
  expect(stored('OpenAI')?.version).toBe(after?.version);
});

it('is gone when it is closed', async () => {
  const before = urls();
  await stack.close();
  for (const url of before) await expect(fetch(url)).rejects.toThrow('fetch failed');
  await expect(findStack(dir)).rejects.toMatchObject({ code: 'unavailable' });
});

it('has its vault asked by the API that development.yaml names', async () => {
  home.write(
    'connect/a.yaml',
    'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/I/f } }]\n',
  );
  home.write('connect/development.yaml', 'vault: { type: onepassword-connect }\nvalues: { op://A/I/f: plain }\n');
  const dir = join(home.work, 'connect');
  const other = await startStack(await openFolder(dir, {}));
  const variables = { XDG_STATE_HOME: process.env['XDG_STATE_HOME'] };
  const app = await openApp({ dir, environment: 'development', taken: takeEnvironment({}), variables });
  try {
    const { vault, read } = await app.connections();
    expect(vault.address).toBe(other.addresses.vault.address);
    expect((await read(Reference.of({ vault: 'A', item: 'I', field: 'f' }))).reveal()).toBe('plain');
    // the SDK's sign-in alone is more
    expect(other.vault.requests()).toBeLessThan(5);
  } finally {
    await app.close();
    await other.close();
  }
});

it('plays the identity provider that development.yaml names, with the same users, by the name that has it', async () => {
  home.write(
    'played/a.yaml',
    'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/I/f } }]\n',
  );
  home.write('played/development.yaml', 'identity-providers: { main: { type: keycloak } }\n');
  const played = join(home.work, 'played');
  const other = await startStack(await openFolder(played, {}));
  const variables = { XDG_STATE_HOME: process.env['XDG_STATE_HOME'] };
  const app = await openApp({ dir: played, environment: 'development', taken: takeEnvironment({}), variables });
  try {
    const { get } = await app.connections();
    const [main, rest] = ['main', 'rest'].map((name) => get('identity-providers', name) as IdentityProvider);
    expect([main?.traits.birth, rest?.traits.birth]).toEqual(['with-seed', 'password-alone']);
    const name = { givenName: 'Ada', familyName: 'Example' };
    const ada = { userName: 'ada@example.com', email: 'ada@example.com', ...name, mark: 'x' };
    const made = await main?.create({ ...ada, password: new Secret('correct horse battery') });
    expect(await rest?.find(ada.userName)).toEqual(made);
    expect(other.identityProvider.requests()).toMatchObject({ doubles: 2, scim: 1 });
  } finally {
    await app.close();
    await other.close();
  }
});
