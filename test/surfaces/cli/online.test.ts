import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningStack } from '../../../src/laptop/start-stack.ts';
import { createHome } from '../../e2e/home.ts';

const home = createHome(true, 'onepassword-connect');
let stack: RunningStack;
beforeAll(async () => {
  home.write(
    'flows/development.yaml',
    `values: { op://Agents/Orders Database/username: orders-app, op://Agents/Orders TLS/ca.pem: a certificate }
files: [op://Agents/Orders TLS/ca.pem]
identity-providers: { realm: { type: keycloak } }
`,
  );
  home.write(
    'flows/deploy.yaml',
    `description: A deploy key, and the certificate of what it deploys to
steps:
  - { id: key, uses: vault/read, with: { reference: 'op://Agents/Deploy/private key?ssh-format=openssh' } }
  - { id: public, uses: vault/read, with: { reference: op://Agents/Deploy/public key } }
  - { id: certificate, uses: vault/read, with: { reference: op://Agents/Orders TLS/ca.pem } }
output: { key: '\${{ steps.key }}', public: '\${{ steps.public }}', certificate: '\${{ steps.certificate }}' }
`,
  );
  stack = await home.stack();
});
afterAll(() => home.close());

function stored(title: string, label: string): string {
  const item = stack.vault.dump().find((each) => each.title === title);
  return item?.fields.find((field) => field.label === label)?.value ?? '';
}

test('a token: bare, as JSON, as a header that the Orders API takes', async () => {
  const [bare, json, header] = await Promise.all([
    home.flows(['orders-token']),
    home.flows(['orders-token', '--json']),
    home.flows(['orders-token', '--header']),
  ]);
  expect(bare.stdout).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+\n$/);
  // where it came from, on stderr
  expect(bare.stderr).toBe(
    `orders-token: environment development, vault ${stack.addresses.vault.address}; nothing is kept between commands: \`flows serve\` does that\n`,
  );
  const token: unknown = JSON.parse(json.stdout);
  expect(token).toEqual({
    access_token: expect.stringMatching(/^ey/),
    token_type: 'Bearer',
    expires_in: expect.any(Number),
    expires_at: expect.any(Number),
    scope: 'orders:read',
    audience: ['https://orders.example'],
  });
  const { expires_in: left, expires_at: at } = token as { expires_in: number; expires_at: number };
  expect(at - left).toBeGreaterThan(Date.now() / 1000 - 30);
  expect(at - left).toBeLessThanOrEqual(Date.now() / 1000 + 1);
  expect(header.stdout).toMatch(/^Authorization: Bearer ey\S+\n$/);
  const orders = new URL('/orders', stack.addresses.ordersApi);
  const authorization = header.stdout.trim().slice('Authorization: '.length);
  expect((await fetch(orders, { headers: { authorization } })).status).toBe(200);
  expect((await fetch(orders)).status).toBe(401);
});

test('a mapping, piped: everything once, and as JSON', async () => {
  const asked = Date.now();
  const [text, json] = await Promise.all([home.flows(['break-glass']), home.flows(['run', 'break-glass', '--json'])]);
  const password = stored('Break Glass', 'password');
  expect(password).not.toBe('');
  expect(text.stdout.split('\n')).toEqual([
    `sign-in: ${stack.addresses.issuer}`,
    'username: break-glass@example.com',
    `password: ${password}`,
    expect.stringMatching(/^one-time-code: \d{6}$/),
    '',
  ]);
  const answer = JSON.parse(json.stdout) as { 'one-time-code': { valid_for: number } };
  expect(answer).toMatchObject({ password, 'one-time-code': { code: expect.stringMatching(/^\d{6}$/) } });
  // ten when it was made
  expect(answer['one-time-code'].valid_for).toBeGreaterThanOrEqual(10 - (Date.now() - asked) / 1_000);
  expect(answer['one-time-code'].valid_for).toBeLessThanOrEqual(30);
});

test('a value: as it is, with or without a line break', async () => {
  const value = stored('OpenAI', 'credential');
  const [bare, exact, given] = await Promise.all([
    home.flows(['read', 'op://Agents/OpenAI/credential']),
    home.flows(['read', '--no-newline', 'op://agents/openai/CREDENTIAL']),
    home.flows(['read', 'op://Agents/Orders Database/username']),
  ]);
  expect([bare.stdout, bare.stderr, bare.code]).toEqual([`${value}\n`, '', 0]);
  expect([exact.stdout, exact.code]).toEqual([value, 0]);
  expect(given.stdout).toBe('orders-app\n');
});

test('an SSH key as OpenSSH writes it, and a file', async () => {
  const { stdout, code } = await home.flows(['deploy', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    key: expect.stringMatching(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/),
    public: expect.stringMatching(/^ssh-ed25519 [\w+/]{68}$/),
    certificate: 'a certificate',
  });
});

test('a finished account birth: nothing would change, and a further run changes nothing', async () => {
  const birth = ['new-user', '--email', 'ada@example.com'];
  const first = await home.flows([...birth, '--yes', '--json']);
  expect([first.code, first.stderr]).toEqual([
    0,
    expect.stringContaining('new-user: 2 changes, 1 step known after run'),
  ]);
  const item = () => stack.vault.dump().find(({ title }) => title === 'ada@example.com');
  const { version } = item() ?? {};
  const signIns = () => stack.identityProvider.user('ada@example.com')?.signIns;
  const before = signIns();

  const plan = await home.flows([...birth, '--plan', '--detailed-exitcode']);
  expect([plan.code, plan.stdout]).toEqual([0, expect.stringMatching(/^new-user: nothing would change\n/)]);
  expect(signIns()).toBe(before);

  const again = await home.flows([...birth, '--yes', '--json']);
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('new-user: nothing would change')]);
  const [one, other] = [first, again].map(({ stdout }) => JSON.parse(stdout) as Record<string, unknown>);
  expect({ ...other, 'signed-in': one?.['signed-in'] }).toEqual(one);
  expect(item()?.version).toBe(version);
  // the flow's own proof is a sign-in each time
  expect(signIns()).toBe((before ?? 0) + 1);
});

test('a request to an API: what would be sent, a yes, and what came of it', async () => {
  const plan = await home.flows(['create-order', '--quantity', '2', '--plan']);
  expect([plan.code, plan.stdout]).toEqual([
    0,
    `create-order: 1 change\n> order  send: POST ${stack.addresses.ordersApi}/orders ({"article":"A4 paper","quantity":2})\n`,
  ]);
  expect((await home.flows(['create-order'])).code).toBe(2);
  const made = await home.flows(['create-order', '--quantity', '2', '--yes', '--json']);
  expect([made.code, JSON.parse(made.stdout)]).toEqual([0, { id: expect.stringMatching(/^A-\d+$/), status: 'open' }]);
  const refused = await home.flows(['create-order', '--quantity', '1.5', '--yes']);
  expect([refused.code, refused.stderr]).toEqual([
    67,
    expect.stringMatching(/^error: flow "create-order", step "order", apis\.orders: answers 422 \(/m),
  ]);
  const online = await home.flows(['check', '--online']);
  expect(online.stdout).toMatch(/ok +apis\.orders: http:\S+: answers \d+ to HEAD without a credential/);
});

test('a push: what would change, a yes, and that nothing would change again', async () => {
  const names = ['dev/orders/database', 'dev/orders/environment', 'dev/orders/openai-api-key'];
  const plan = await home.flows(['seed-runtime', '--plan', '--detailed-exitcode']);
  expect([plan.code, plan.stdout]).toEqual([3, expect.stringMatching(/^seed-runtime: 3 changes\n(?:\+ .*\n){3}$/)]);
  expect(plan.stderr).toContain('AWS account 123456789012 in eu-west-1');
  expect((await home.flows(['seed-runtime', '--plan'])).code).toBe(0);
  expect(stack.secretsManager.dump()).toEqual([]);

  const run = await home.flows(['seed-runtime', '--yes', '--json']);
  expect(run.code).toBe(0);
  const answer = JSON.parse(run.stdout) as { secrets: unknown; changed: { name: string }[] };
  expect(answer.secrets).toEqual({ create: 3, adopt: 0, update: 0, none: 0 });
  expect(answer.changed.map(({ name }) => name)).toEqual(names);

  const again = await home.flows(['seed-runtime', '--plan', '--detailed-exitcode', '--json']);
  expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { wouldChange: false, conflicts: false }]);
  // nothing to ask about, so no yes is needed, but it is a write all the same
  expect((await home.flows(['seed-runtime'])).code).toBe(2);

  const database = stack.secretsManager.dump().find(({ name }) => name === 'dev/orders/database');
  expect(JSON.parse(database?.versions[0]?.value.reveal() ?? '')).toEqual({
    host: 'db.orders.example',
    port: 5432,
    username: 'orders-app',
    password: stored('Orders Database', 'password'),
  });
});

test('numbers and booleans of inputs stay so in a pushed JSON object; text that looks like them stays text', async () => {
  home.write(
    'flows/typed.yaml',
    `description: x
inputs: { db-port: number, tls: boolean, build: string }
steps:
  - id: push
    uses: secrets-manager/push
    with:
      store: \${{ stores.aws }}
      secrets:
        - name: dev/typed
          value: { build: "\${{ inputs.build }}", port: "\${{ inputs.db-port }}", tls: "\${{ inputs.tls }}", url: "x:\${{ inputs.db-port }}" }
`,
  );
  const { code } = await home.flows(['typed', '--db-port', '5432', '--tls', '--build', '5432', '--yes']);
  expect(code).toBe(0);
  const pushed = stack.secretsManager.dump().find(({ name }) => name === 'dev/typed');
  expect(pushed?.versions[0]?.value.reveal()).toBe('{"build":"5432","port":5432,"tls":true,"url":"x:5432"}');
});

test('what someone else wrote is a conflict, and stays', async () => {
  const flow = readFileSync(join(home.work, 'flows/seed-runtime.yaml'), 'utf8');
  home.write('flows/mine.yaml', flow.replaceAll('/orders/', '/taken/'));
  const pushed = await home.flows(['mine', '--yes']);
  expect(pushed.code).toBe(0);
  // another writer: a version that carries no mark of ours
  const { SecretsManagerClient, PutSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  const { endpoint, region, accessKeyId, secretAccessKey } = stack.addresses.secretsManager;
  const client = new SecretsManagerClient({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() },
  });
  await client.send(new PutSecretValueCommand({ SecretId: 'dev/taken/database', SecretString: 'theirs' }));
  client.destroy();
  const plan = await home.flows(['mine', '--plan', '--detailed-exitcode', '--strict']);
  expect([plan.code, plan.stdout]).toEqual([73, expect.stringMatching(/! push +conflict: .*"dev\/taken\/database"/)]);
  const refused = await home.flows(['mine', '--yes', '--strict']);
  expect([refused.code, refused.stdout]).toEqual([73, '']);
  expect(refused.stderr).toMatch(/^error: flow "mine", step "push".*$/m);
  const forced = await home.flows(['mine', '--yes', '--strict', '--overwrite', '--json']);
  expect([forced.code, JSON.parse(forced.stdout)]).toMatchObject([0, { secrets: { update: 1, none: 2 } }]);
});

test('check --online: all there, and what is missing', async () => {
  const good = await home.flows(['check', '--online']);
  expect([good.code, good.stderr]).toEqual([0, '']);
  const lines = good.stdout.trimEnd().split('\n');
  expect(lines.every((line) => line.startsWith('ok  '))).toBe(true);
  for (const what of ['op://Agents/Orders M2M/credential', 'issuers.main', 'identity-providers.main', 'stores.aws'])
    expect(good.stdout).toContain(what);
  const there = stack.secretsManager.dump().length;
  const store = 'stores.aws: AWS account 123456789012 in eu-west-1';
  expect(lines).toContain(`ok  ${store}: ${there} of ${there} secrets to push exist`);

  // a flow that came after the stack was filled
  home.write(
    'flows/later.yaml',
    'description: x\nenvironments: [development]\nsteps:\n' +
      '  - { id: a, uses: vault/read, with: { reference: op://Agents/OpenAI/no-field } }\n' +
      '  - { id: b, uses: vault/read, with: { reference: op://Agents/No Item/field } }\n' +
      '  - { id: c, uses: vault/read, with: { reference: op://No Vault/Item/field } }\n' +
      '  - { id: d, uses: secrets-manager/push, with: { store: "${{ stores.aws }}", secrets: [{ name: dev/later, value: op://Agents/OpenAI/credential }] } }\n',
  );
  const bad = await home.flows(['check', '--online']);
  expect([bad.code, bad.stderr]).toEqual([66, expect.stringMatching(/^error: 3 of \d+ missing .*\n$/)]);
  const missing = bad.stdout.match(/^missing .*$/gm);
  expect(missing).toHaveLength(3);
  expect(missing).toContainEqual(expect.stringMatching(/^missing {2}op:\/\/Agents\/No Item\/field: there is no item /));
  expect(bad.stdout).toContain(`${store}: ${there} of ${there + 1} secrets to push exist\n`);
  const json = await home.flows(['check', '--online', '--json']);
  const findings = JSON.parse(json.stdout) as { what: string; ok: boolean; code?: string }[];
  expect(findings.filter(({ ok }) => !ok).map(({ what, code }) => [what, code])).toEqual([
    ['op://Agents/OpenAI/no-field', 'not-found'],
    ['op://Agents/No Item/field', 'not-found'],
    ['op://No Vault/Item/field', 'not-found'],
  ]);
});

test('check --online: a store that refuses is told of by what service.yaml knows of it', async () => {
  home.write(
    'asked/push.yaml',
    `description: x
inputs: { name: string }
steps:
  - id: push
    uses: secrets-manager/push
    with: { store: "\${{ stores.aws }}", secrets: [{ name: "\${{ inputs.name }}", value: op://A/B/c }] }
`,
  );
  const { secretsManager } = await home.stack('asked');
  const asked = () => home.flows(['check', '--online', '--dir', 'asked', '--environment', 'development']);
  const where = 'stores.aws: AWS account 123456789012 in eu-west-1';
  expect((await asked()).stdout).toContain(`ok  ${where}: answers; what is pushed there is known when a flow runs\n`);
  secretsManager.faults.deny('ListSecrets');
  secretsManager.faults.deny('DescribeSecret');
  const { code, stdout } = await asked();
  expect(stdout.match(/^missing .*$/gm)).toEqual([expect.stringContaining(`${where}: AWS does not allow this`)]);
  expect(code).toBe(77);
});

test('check --online: each issuer at which approvers sign in is asked where it sends people', async () => {
  const trust = (issuer: string) => `{ trust: { issuer: "${issuer}", audience: flows-page, claims: { sub: x } } }`;
  const there = stack.addresses.issuer;
  home.write(
    'people/one.yaml',
    'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://Agents/OpenAI/credential } }]\n',
  );
  home.write(
    'people/policy.yaml',
    `approvers: { ann: ${trust(there)}, bo: ${trust('http://127.0.0.1:1')} }\nagents: {}\n`,
  );
  await home.stack('people');
  const { code, stdout } = await home.flows(['check', '--online', '--dir', 'people', '--environment', 'development']);
  expect(code).toBe(69);
  expect(stdout).toContain(`ok       sign-in of approvers: ${there}: people are sent to ${new URL(there).origin}\n`);
  expect(stdout).toMatch(/^missing {2}sign-in of approvers: http:\/\/127\.0\.0\.1:1: .*cannot be reached/m);
});

test('check --online: a vault that gives nothing is told of once', async () => {
  home.write(
    'unset/service.yaml',
    'environments:\n  production:\n    vault: { type: onepassword, token: { env: NOT_SET_ANYWHERE } }\n',
  );
  home.write(
    'unset/a.yaml',
    'description: x\nsteps:\n' +
      '  - { id: a, uses: vault/read, with: { reference: op://A/B/c } }\n' +
      '  - { id: b, uses: vault/set-one-time-password, with: { item: op://A/C } }\n',
  );
  const { code, stdout } = await home.flows(['check', '--online', '--dir', 'unset', '--environment', 'production']);
  expect(stdout).toMatch(/^missing +vault https:\S+: the vault's token is missing.*; 2 references not asked for\n$/);
  expect(code).not.toBe(0);
});

test('check --online: of several vaults each that gives nothing has a line, and what was not asked for is not missing', async () => {
  const entry = (vault: string) =>
    `      - { type: onepassword, vaults: [${vault}], token: { file: /nowhere/${vault} } }\n`;
  home.write(
    'several/service.yaml',
    `environments:\n  production:\n    vault:\n${entry('A')}${entry('B')}` +
      '    issuers: { main: { url: https://issuer.invalid, token-endpoint: https://issuer.invalid/t, jwks-uri: https://issuer.invalid/k } }\n' +
      '    identity-providers: { main: { type: scim, url: https://scim.invalid, token-flow: a } }\n',
  );
  home.write(
    'several/a.yaml',
    'description: x\nsteps: [{ id: t, uses: oauth/client-credentials, with: { issuer: "${{ issuers.main }}", client-id: x, client-secret: op://A/B/c, audience: y } }]\noutput: ${{ steps.t }}\n',
  );
  home.write(
    'several/b.yaml',
    'description: x\nsteps:\n  - { id: a, uses: vault/read, with: { reference: op://B/B/c } }\n  - { id: b, uses: vault/read, with: { reference: op://B/B/d } }\n  - { id: d, uses: idp/disable-user, with: { provider: "${{ identity-providers.main }}", user: x } }\n',
  );
  const asked = (...words: string[]) =>
    home.flows(['check', '--online', '--dir', 'several', '--environment', 'production', ...words]);
  const { stdout, stderr } = await asked();
  const file = (vault: string) =>
    `the vault's token is missing: file /nowhere/${vault} cannot be read \\(ENOENT\\) \\(see .*\\)`;
  const [, ...lines] = stdout.split('\n').toSorted();
  expect(lines).toEqual([
    expect.stringMatching(new RegExp(`^missing +issuers.main: https://issuer.invalid`)),
    expect.stringMatching(new RegExp(`^missing +vault https:\\S+ \\(A\\): ${file('A')}; 1 reference not asked for$`)),
    expect.stringMatching(new RegExp(`^missing +vault https:\\S+ \\(B\\): ${file('B')}; 2 references not asked for$`)),
    expect.stringMatching(/^not asked +identity-providers.main: https:\/\/scim.invalid: needs vault https:\S+ \(A\)$/),
  ]);
  expect(stderr).toBe('error: 3 of 7 missing, 4 not asked for, in environment production\n');
  const findings = JSON.parse((await asked('--json')).stdout) as { what: string; ok: boolean; unasked?: string }[];
  expect(
    findings
      .filter(({ unasked }) => unasked !== undefined)
      .map(({ what, ok }) => `${what} ${ok}`)
      .toSorted(),
  ).toEqual(['identity-providers.main false', 'op://A/B/c false', 'op://B/B/c false', 'op://B/B/d false']);
});

test('flows rotate: how old the secrets are that say when, with owner, and those that are due', async () => {
  const [all, none] = await Promise.all([home.flows(['rotate']), home.flows(['rotate', '--due'])]);
  expect(all).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^openai\.api_key +in 59d +\dm of 60d +orders team\n$/),
  });
  expect(none).toMatchObject({ code: 0, stdout: '' });
  expect(none.stderr).toMatch(/^nothing is due$/m);
  const registry = readFileSync(join(home.work, 'flows/registry.yaml'), 'utf8');
  home.write('flows/registry.yaml', registry.replace('rotate: 60d', 'rotate: 1s'));
  const [due, json] = await Promise.all([home.flows(['rotate', '--due']), home.flows(['rotate', '--due', '--json'])]);
  expect(due.stdout).toMatch(/^openai\.api_key +due +\dm of 1s +orders team\n$/);
  expect(JSON.parse(json.stdout)).toEqual([
    { name: 'openai.api_key', owner: 'orders team', age: expect.any(Number), rotate: 1, due: true, stage: 'at rest' },
  ]);
  home.write('flows/registry.yaml', registry);
});
