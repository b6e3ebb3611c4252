import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app/open-app.ts';
import { type RunningStack } from '../../src/laptop/start-stack.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { parseInputs } from '../../src/folder/flows/inputs.ts';
import { createLocks } from '../../src/foundation/locks.ts';
import { stateFolder } from '../../src/foundation/state-folder.ts';
import { createHome, type Ended } from './home.ts';

const home = createHome();
const slowHome = createHome();
let stack: RunningStack;
let slow: Promise<Ended>;

function reading(reference: string): string {
  return `description: x\nenvironments: [development]\nsteps: [{ id: step, uses: vault/read, with: { reference: '${reference}' } }]\noutput: \${{ steps.step }}\n`;
}

function minting(changes: { readonly secret?: string; readonly audience?: string; readonly scope?: string }): string {
  const {
    secret = 'op://Agents/Orders M2M/credential',
    audience = 'https://orders.example',
    scope = 'orders:read',
  } = changes;
  return `description: x
environments: [development]
steps:
  - id: step
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Orders M2M/username
      client-secret: ${secret}
      audience: ${audience}
      scope: [${scope}]
output: \${{ steps.step }}
`;
}

beforeAll(async () => {
  const late = await slowHome.stack();
  late.vault.setDelay(120_000);
  slow = slowHome.flows(['read', 'op://Agents/OpenAI/credential']);
  stack = await home.stack();
  stack.vault.add('Agents', {
    title: 'Twin',
    fields: [{ label: 'credential', type: 'concealed', value: 'one-of-two' }],
  });
  stack.vault.add('Agents', {
    title: 'Twin',
    fields: [{ label: 'credential', type: 'concealed', value: 'two-of-two' }],
  });
  stack.vault.add('Agents', {
    title: 'Plain',
    fields: [{ label: 'code', type: 'concealed', value: 'not-a-seed-at-all!' }],
  });
  // flows that came after the stack was filled, so that it has not what they name
  const flows: Record<string, string> = {
    'no-vault': reading('op://Agnets/OpenAI/credential'),
    'no-item': reading('op://Agents/OpenIA/credential'),
    'no-field': reading('op://Agents/OpenAI/crednetial'),
    twin: reading('op://Agents/Twin/credential'),
    code: reading('op://Agents/Plain/code?attribute=otp'),
    'wrong-secret': minting({ secret: 'op://Agents/OpenAI/credential' }),
    'wrong-audience': minting({ audience: 'https://other.example' }),
    'wrong-scope': minting({ scope: 'orders:read, orders:delete' }),
  };
  for (const [name, text] of Object.entries(flows)) home.write(`flows/${name}.yaml`, text);
});
afterAll(async () => {
  await Promise.all([home.close(), slowHome.close()]);
});

/** Everything that must not be told. */
function values(): string[] {
  const { vault, scim, secretsManager } = stack.addresses;
  const inVault = stack.vault
    .dump()
    .flatMap(({ fields }) => fields.filter(({ kind }) => kind !== 'text').map(({ value }) => value));
  return [...inVault, vault.token.reveal(), scim.token.reveal(), secretsManager.secretAccessKey.reveal()].filter(
    ({ length }) => length > 8,
  );
}

interface Row {
  readonly what: string;
  readonly flow: string;
  readonly arrange?: () => void;
  readonly after?: () => void;
  readonly code: number;
  readonly told: readonly (string | RegExp)[];
}

/** Discovery is begun while the vault is asked, and asked for again where that failed. */
function twice(arrange: () => void): void {
  arrange();
  arrange();
}

/** What is the vault's own, and what counts on a vault that answers later than an issuer fails. */
const bySdk: readonly Row[] = [
  { what: 'no such vault', flow: 'no-vault', code: 66, told: ['op://Agnets/OpenAI/credential'] },
  { what: 'no such item', flow: 'no-item', code: 66, told: ['op://Agents/OpenIA/credential'] },
  { what: 'no such field', flow: 'no-field', code: 66, told: ['op://Agents/OpenAI/crednetial', /did you mean|one of/] },
  {
    what: 'two items of one name',
    flow: 'twin',
    code: 65,
    told: ['op://Agents/Twin/credential', /[a-z0-9]{26}.*[a-z0-9]{26}/],
  },
  { what: 'a field that is no one-time password', flow: 'code', code: 67, told: ['op://Agents/Plain/code'] },
  {
    what: 'the vault’s quota is used up',
    flow: 'orders-token',
    arrange: () => stack.vault.setLimits({ readsPerHour: 0 }),
    after: () => stack.vault.setLimits({}),
    code: 75,
    told: [],
  },
  {
    what: 'an issuer that breaks off',
    flow: 'orders-token',
    // what a connection takes and does not answer is sent once more
    arrange: () => twice(() => twice(() => stack.identityProvider.faults.nextDiscovery({ lose: true }))),
    code: 69,
    told: [],
  },
  {
    what: 'a discovery document that is none',
    flow: 'orders-token',
    arrange: () => twice(() => stack.identityProvider.faults.nextDiscovery({ status: 200, body: '<html>' })),
    code: 76,
    told: [],
  },
];

const byConnect: readonly Row[] = [
  { what: 'a wrong client secret', flow: 'wrong-secret', code: 77, told: ['op://Agents/OpenAI/credential'] },
  { what: 'an unknown audience', flow: 'wrong-audience', code: 77, told: ['audience'] },
  { what: 'a scope that is not granted', flow: 'wrong-scope', code: 76, told: ['orders:delete'] },
  {
    what: '429 with Retry-After',
    flow: 'orders-token',
    arrange: () => stack.identityProvider.faults.nextToken({ status: 429, headers: { 'retry-after': '77' }, body: {} }),
    code: 75,
    told: ['wait 77 s'],
  },
  ...(['issuer', 'audience', 'signature', 'expired'] as const).map((forgery): Row => ({
    what: `a JWT with a wrong ${forgery}`,
    flow: 'orders-token',
    arrange: () => stack.identityProvider.faults.forgeNextToken(forgery),
    code: 76,
    told: [],
  })),
];

async function goesWrong({ flow, arrange, after, code, told }: Row): Promise<void> {
  arrange?.();
  const ended = await home.flows([flow]);
  after?.();
  expect([ended.code, ended.stdout, ended.stderr]).toEqual([code, '', expect.stringMatching(/^error: .*\n$/)]);
  // where, what, and what to do
  expect(ended.stderr).toMatch(new RegExp(`^error: flow "${flow}", step "[a-z]+"(?:, [^:]+.*)?: .* \\(.+\\)\n$`));
  for (const part of told) expect(ended.stderr).toMatch(part);
  for (const value of values()) expect(ended.stderr).not.toContain(value);
}

describe('what goes wrong where the vault is asked by the SDK is one line, with its own exit code, and no value', () => {
  test.each(bySdk)('$what', goesWrong);

  // last: there is no way back
  test('the vault’s token is revoked', async () => {
    stack.vault.revoke(stack.addresses.vault.token);
    const ended = await home.flows(['orders-token']);
    expect([ended.code, ended.stdout]).toEqual([77, '']);
    expect(ended.stderr).toMatch(/^error: flow "orders-token", step "token".*\(.+\)\n$/);
    expect(ended.stderr).not.toContain(stack.addresses.vault.token.reveal());
  });
});

describe('what goes wrong is one line, with its own exit code, and no value', () => {
  beforeAll(() => home.askBy('onepassword-connect'));

  test.each(byConnect)('$what', goesWrong);

  test('AWS refuses one secret: named, the others stay, and a second run completes', async () => {
    const { faults } = stack.secretsManager;
    faults.refuse('CreateSecret', 'EncryptionFailure', { secret: 'dev/orders/environment', status: 400 });
    const first = await home.flows(['seed-runtime', '--yes']);
    expect([first.code, first.stdout]).toEqual([expect.any(Number), '']);
    expect(first.code).not.toBe(0);
    expect(first.stderr).toMatch(/^error: flow "seed-runtime", step "push".*dev\/orders\/environment.*\n$/m);
    const pushed = stack.secretsManager.dump().map(({ name }) => name);
    expect(pushed).toEqual(expect.arrayContaining(['dev/orders/database', 'dev/orders/openai-api-key']));
    expect(pushed).toHaveLength(2);
    expect(first.stderr).toMatch(/^warning: .*pushed: dev\/orders\/database, dev\/orders\/openai-api-key$/m);

    faults.deny('CreateSecret');
    const denied = await home.flows(['seed-runtime', '--yes']);
    expect([denied.code, denied.stdout]).toEqual([77, '']);
    expect(denied.stderr).toMatch(/^error: flow "seed-runtime", step "push".*dev\/orders\/environment.*--setup.*\n$/m);
    faults.deny('CreateSecret', false);

    const second = await home.flows(['seed-runtime', '--yes', '--json']);
    expect([second.code, JSON.parse(second.stdout)]).toMatchObject([0, { secrets: { create: 1, none: 2 } }]);
    for (const { stderr } of [first, denied, second]) for (const value of values()) expect(stderr).not.toContain(value);
  });

  test('AWS has the secret pending deletion', async () => {
    const { SecretsManagerClient, DeleteSecretCommand } = await import('@aws-sdk/client-secrets-manager');
    const { endpoint, region, accessKeyId, secretAccessKey } = stack.addresses.secretsManager;
    const credentials = { accessKeyId, secretAccessKey: secretAccessKey.reveal() };
    const client = new SecretsManagerClient({ endpoint, region, credentials });
    await client.send(new DeleteSecretCommand({ SecretId: 'dev/orders/database' }));
    client.destroy();
    const ended = await home.flows(['seed-runtime', '--yes']);
    expect([ended.code === 0, ended.stdout]).toEqual([false, '']);
    expect(ended.stderr).toMatch(/dev\/orders\/database.*delet/);
  });

  test('a user or an item that someone else made is refused, by name', async () => {
    const { scim } = stack.addresses;
    const made = await fetch(`${scim.url.replace(/\/$/, '')}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${scim.token.reveal()}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'taken@example.com' }),
    });
    expect(made.status).toBe(201);
    stack.vault.add('Accounts', { title: 'owned@example.com', fields: [] });
    for (const [email, told] of [
      ['taken@example.com', /! user +conflict: .*"taken@example\.com"/],
      ['owned@example.com', /! login +conflict: .*"owned@example\.com"/],
    ] as const) {
      const items = stack.vault.dump().length;
      const plan = await home.flows(['new-user', '--email', email, '--plan']);
      expect([email, plan.code, plan.stdout]).toEqual([email, 73, expect.stringMatching(told)]);
      const run = await home.flows(['new-user', '--email', email, '--yes']);
      expect([email, run.code, run.stdout]).toEqual([email, 73, '']);
      expect(run.stderr).toMatch(new RegExp(`^error: flow "new-user", step "[a-z]+".*${email}`, 'm'));
      expect(stack.vault.dump()).toHaveLength(items);
    }
  });

  test('a run that waits for another one is stopped', async () => {
    const options = { folder: stateFolder(home.env), sleep: () => Promise.resolve() };
    const [stop, done] = [new AbortController(), Promise.withResolvers<void>()];
    const other = createLocks(options)('development item development accounts/waits@example.com', () => done.promise);
    const app = await openApp({
      dir: `${home.work}/flows`,
      taken: takeEnvironment({}),
      variables: home.env,
      signal: stop.signal,
      // it would wait for ever
      sleep: () => {
        stop.abort();
        return new Promise(() => undefined);
      },
    });
    try {
      const flow = app.flow('new-user');
      const inputs = parseInputs(flow, { email: 'waits@example.com', 'given-name': 'W', 'family-name': 'Aits' });
      await expect(app.run(flow, inputs)).rejects.toMatchObject({ code: 'aborted', place: { step: 'login' } });
    } finally {
      done.resolve();
      await other;
      await app.close();
    }
  });

  test('a wrong token is never cached', async () => {
    const app = await openApp({ dir: `${home.work}/flows`, taken: takeEnvironment({}), variables: home.env });
    try {
      const flow = app.flow('orders-token');
      for (const forgery of ['issuer', 'audience', 'signature'] as const) {
        stack.identityProvider.faults.forgeNextToken(forgery);
        const failure: unknown = await app.run(flow, {}).catch((error: unknown) => error);
        expect(failure instanceof FlowError && failure.code).toBe('protocol');
      }
    } finally {
      await app.close();
    }
  });

  test('an issuer at which nothing listens', async () => {
    home.write(
      'far/service.yaml',
      `default-environment: far
environments:
  far:
    development: true
    vault: { type: onepassword-connect, url: '${stack.addresses.vault.address}', token: { env: TEAM_TOKEN } }
    issuers: { main: { url: 'http://127.0.0.1:9' } }
`,
    );
    home.write('far/token.yaml', minting({}).replace('environments: [development]\n', ''));
    const env = { TEAM_TOKEN: stack.addresses.vault.connectToken.reveal() };
    const ended = await home.flows(['token', '--dir', 'far'], { env });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      69,
      '',
      expect.stringMatching(/^error: flow "token", step "step".*127\.0\.0\.1:9.*\(.+\)\n$/),
    ]);
    // and with --debug what the others said of it
    const more = await home.flows(['token', '--dir', 'far', '--debug'], { env });
    expect([more.code, more.stdout]).toEqual([69, '']);
    expect(more.stderr.startsWith(ended.stderr)).toBe(true);
    expect(more.stderr).toMatch(/\n {2}TypeError: fetch failed\n {2}Error: bad port\n$/);
  });

  test('the vault is slow: a deadline', async () => {
    const ended = await slow;
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      74,
      '',
      expect.stringMatching(/^error: op:\/\/Agents\/OpenAI\/credential: .*\(.+\)\n$/),
    ]);
  });
});
