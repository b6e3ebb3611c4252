import { expect, test } from 'vitest';
import { loadBrokerFiles } from '../../../src/folder/policy-and-registry.ts';
import { fieldKey, loadDevelopmentFile } from '../../../src/folder/development/read-development.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { load } from '../folder.ts';

const flow = `description: x
steps:
  - { id: host, uses: vault/read, with: { reference: op://A/Database/host name } }
  - { id: code, uses: totp/code, with: { reference: "op://A/Account/code?attribute=otp" } }
  - { id: item, uses: vault/set-one-time-password, with: { item: op://A/Shared } }
  - id: token
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: op://A/Robot/username, client-secret: op://A/Robot/credential }
  - id: other
    uses: oauth/client-credentials
    with: { issuer: "\${{ issuers.main }}", client-id: literal, client-secret: op://A/Robot/credential }
`;
const registry = 'secrets: { api.key: { reference: op://A/API/key } }\n';

/** development.yaml beside a flow and a registry. */
async function read(text: string | undefined, files: Readonly<Record<string, string>> = {}) {
  const own = text === undefined ? {} : { 'development.yaml': text };
  const folder = await load({ 'x.yaml': flow, 'registry.yaml': registry, ...own, ...files });
  const found = loadDevelopmentFile(folder, loadBrokerFiles(folder));
  const told = [...found.problems, ...found.warnings].map(({ line, column, length, message, hint }) => [
    `${line}:${column}+${length}`,
    message,
    hint,
  ]);
  return { ...found, told };
}

function keyOf(text: string): string {
  const reference = Reference.parse(text);
  if (!(reference instanceof Reference)) throw new TypeError(reference.problem);
  return fieldKey(reference);
}

test('a folder without one has the defaults', async () => {
  const { told, values, clients, users, ordersApi } = await read(undefined);
  expect([told, values.size, clients.size, users]).toEqual([[], 0, 0, []]);
  expect(ordersApi).toEqual({ audience: 'https://orders.example', scope: 'orders:read' });
});

test('what flows, registry and its own users name, however it is written', async () => {
  const { told, values, clients } = await read(`values:
  op://a/DATABASE/Host Name: db.example
  op://A/Account/code: JBSWY3DPEHPK3PXP
  op://A/API/key: x
  op://A/Robot/username: robot
  op://A/Ada/password: y
clients:
  robot: { token-ttl: 60 }
  literal: { scopes: [a, b], audiences: c }
users:
  - { username: ada, password: op://A/Ada/password }
`);
  expect(told).toEqual([]);
  expect(values.get(keyOf('op://A/Database/host name'))).toBe('db.example');
  expect(values.get(keyOf('op://A/Account/code?attribute=otp'))).toBe('JBSWY3DPEHPK3PXP');
  expect([...clients]).toEqual([
    ['robot', { tokenTtl: 60 }],
    ['literal', { scopes: ['a', 'b'], audiences: ['c'] }],
  ]);
});

test('all that is wrong at once, each at its place', async () => {
  const { told } = await read(`values:
  op://A/Database/host name: { a: 1 }
  op://A/API/key: '\${{ vars.x }}'
  op://A/Database: x
  plain: x
  op://A/api/KEY: x
clients:
  robot: { token-ttl: soon }
users:
  - { username: x, password: plain }
  - { username: x }
files: [plain]
vlues: {}
`);
  expect(told.map(([place, message]) => [place, message])).toEqual([
    ['2:30+8', expect.stringContaining('takes text')],
    ['3:20+13', expect.stringContaining('expressions are not taken')],
    ['4:3+15', '"op://A/Database" names an item'],
    ['5:3+5', '"plain" is not a secret reference'],
    ['6:3+14', expect.stringContaining('stands here twice')],
    ['8:23+4', expect.stringContaining('takes a whole number')],
    ['10:30+5', expect.stringContaining('takes a reference')],
    ['11:7+8', expect.stringContaining('"password" is missing')],
    ['12:9+5', expect.stringContaining('takes a reference')],
    ['13:1+5', expect.stringContaining('unknown key "vlues"')],
  ]);
});

test('a line that nothing reads, with the nearest name', async () => {
  const text = `values:
  op://A/Databse/host name: x
  op://Elsewhere/entirely/other: x
  op://A/Shared/password: x
  op://A/Robot/username: robot
clients:
  robto: { token-ttl: 60 }
files: [op://A/API/key, op://A/API/kye]
`;
  const { told } = await read(text);
  expect(told).toEqual([
    [
      '2:3+24',
      expect.stringContaining('reads "op://A/Databse/host name"'),
      'did you mean "op://A/Database/host name"?',
    ],
    [
      '3:3+29',
      expect.stringContaining('reads "op://Elsewhere/entirely/other"'),
      expect.stringContaining('leave it out'),
    ],
    ['4:3+22', expect.stringContaining('reads "op://A/Shared/password"'), expect.anything()],
    ['7:3+5', expect.stringContaining('client id "robto"'), 'did you mean "robot"?'],
    ['8:25+14', expect.stringContaining('reads "op://A/API/kye"'), 'did you mean "op://A/API/key"?'],
  ]);
  // nor where a variable is not set, as in CI: the reference that is meant may be another
  const service = 'environments: { development: { vars: { item: "${{ env.FLOWS_TEST_UNSET }}" } } }\n';
  expect((await read(text, { 'service.yaml': service })).told).toEqual([]);
  // of what cannot be read nobody knows what it names
  expect((await read(text, { 'y.yaml': 'description: x\n' })).told).toEqual([]);
  expect((await read(text, { 'registry.yaml': 'secrets: []\n' })).told).toEqual([]);
});

test.each([
  ['', 'the file is empty'],
  ['- a\n', 'development.yaml takes keys, and this is a list'],
  ['values: [\n', 'not valid YAML'],
])('%j is told of once', async (text, message) => {
  expect((await read(text)).told.map(([, said]) => said)).toEqual([expect.stringContaining(message)]);
});

test('the laptop’s issuer says which agent a token is for as written, else as the first issuer of service.yaml that does', async () => {
  const service = `environments:
  development: {}
  production:
    vault: { type: onepassword, account: acme }
    issuers:
      main: { url: https://a.example/ }
      other: { url: https://b.example/, attribution: { claim: act.sub, parameter: agent } }
`;
  const own = { claim: 'https://orders.example/agent', parameter: 'on_behalf' };
  expect((await read(undefined)).attribution).toBeUndefined();
  expect((await read(undefined, { 'service.yaml': service })).attribution).toEqual({
    claim: 'act.sub',
    parameter: 'agent',
    per: 'agent',
  });
  const text = `attribution: { claim: '${own.claim}', parameter: ${own.parameter} }\n`;
  expect((await read(text, { 'service.yaml': service })).attribution).toEqual({ ...own, per: 'agent' });
});

const step = (uses: string, further = '') => `description: x
steps:
  - id: a
    uses: ${uses}
    with: { provider: "\${{ identity-providers.main }}", username: ada, password: op://A/Ada/password${further} }
`;
const signIn = step('idp/sign-in', ', one-time-password: op://A/Ada/code');

test('the laptop plays the identity provider that it names, and the flows are checked against what that can', async () => {
  const files = { 'y.yaml': signIn };
  const { told } = await read('identity-providers: { main: { type: keycloak } }\n', files);
  expect(told).toEqual([]);
  const folder = await load({ 'development.yaml': 'identity-providers: { main: { type: keycloak } }\n', ...files });
  const environment = folder.settings.environments.get('development');
  expect([...(environment?.played['identity-providers'] ?? [])]).toEqual([['main', 'keycloak']]);
});

test('the laptop’s vault is asked by the API that it names', async () => {
  const text = 'vault: { type: onepassword-connect }\n';
  expect((await read(text)).told).toEqual([]);
  const { settings } = await load({ 'development.yaml': text });
  expect(settings.environments.get('development')?.played.vault).toBe('onepassword-connect');
  const { told } = await read('vault: { type: onepassword-conect }\n');
  const hint = 'did you mean "onepassword-connect"?';
  expect(told).toEqual([['1:16+18', 'the laptop does not play "onepassword-conect"', hint]]);
});

test('an identity provider that the laptop does not play is told at its place', async () => {
  const { told } = await read('identity-providers: { main: { type: keyclaok } }\n');
  expect(told).toEqual([['1:37+8', 'the laptop does not play "keyclaok"', 'did you mean "keycloak"?']]);
});
