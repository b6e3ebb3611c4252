import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { drillOf, runDrill } from '../../src/app/drill.ts';
import { type App, openApp } from '../../src/app/open-app.ts';
import type { Run, RunStep } from '../../src/durable/runs/contract.ts';
import { createDrilledRuns } from '../../src/broker/runs/drilled-runs.ts';
import { checkEvidence, type DrillEvidence, evidenceIn } from '../../src/foundation/drill-evidence.ts';
import { ed25519KeyOf, ed25519Text } from '../../src/foundation/ed25519.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { newOneTimePassword } from '../../src/foundation/totp.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { startReceiver } from '../adapters/channels/receiver.ts';
import { createHome } from '../e2e/home.ts';

// each has an account of its own, since a provider takes a code of one account once
const accounts = [
  'good',
  'again',
  'seed',
  'disabled',
  'locked',
  'expired',
  'no-code',
  'clock',
  'alert',
  'scheduled',
] as const;
type Account = (typeof accounts)[number];
const usernameOf = (name: Account) => `${name}@example.com`;

const home = createHome(false, 'onepassword-connect');
const statuses = new Map<string, number>();
const receiver = await startReceiver(({ body }) => {
  const { data } = JSON.parse(body) as { data: { names: string[] } };
  return { status: statuses.get(data.names[0] ?? '') ?? 204 };
});
let stack: RunningStack;
let app: App;
// a wait for the next code moves this clock, and what the provider says of its own, and nobody waits
let ahead = 0;
// seconds that the provider is ahead of it all the same
let skew = 0;
const now = () => Date.now() + ahead;
function setClocks(to: { readonly ahead?: number; readonly skew?: number }): void {
  ({ ahead, skew } = { ahead, skew, ...to });
  stack.identityProvider.faults.skewDate(skew + ahead / 1_000);
}

beforeAll(async () => {
  home.write(
    'flows/service.yaml',
    `default-environment: development
environments:
  development:
    notify: { ops: { type: webhook, url: '${receiver.url}', secret: op://Agents/ops webhook/password } }
`,
  );
  for (const name of accounts) {
    const item = `op://Accounts/${name}`;
    home.write(
      `flows/${name}.yaml`,
      `description: the way in
break-glass: { notify: ops }
steps:
  - { id: password, uses: vault/read, with: { reference: ${item}/password } }
output: \${{ steps.password }}
`,
    );
    home.write(
      `flows/${name}-drill.yaml`,
      `description: whether it works
schedule: { cron: '0 3 * * 1', time-zone: Europe/Berlin }
steps:
  - id: sign-in
    uses: idp/sign-in
    with:
      provider: \${{ identity-providers.main }}
      username: ${usernameOf(name)}
      password: ${item}/password
      one-time-password: ${item}/one-time password
output: \${{ steps.sign-in.at }}
`,
    );
  }
  stack = await home.stack();
  app = await openApp({
    dir: join(home.work, 'flows'),
    taken: takeEnvironment({}),
    variables: home.env,
    now,
    sleep: async (milliseconds) => setClocks({ ahead: ahead + milliseconds }),
  });
});
afterAll(async () => {
  await app.close();
  await receiver.close();
  await home.close();
});

function drilled(name: Account) {
  const drill = drillOf(app, `${name}-drill`);
  if (drill === undefined) throw new Error('no drill');
  setClocks({ ahead: 0 });
  return runDrill(app, drill, { id: `id-${name}`, by: 'local:ann', now });
}

async function provider(): Promise<IdentityProvider> {
  return (await app.connections()).get('identity-providers', 'main') as IdentityProvider;
}

async function publicKey(): Promise<string> {
  const [seed] = await (await app.connections()).derivedKeys('drill');
  return ed25519Text(ed25519KeyOf(seed).public);
}

test('a drill that holds leaves signed evidence of all that was proven, and no value', async () => {
  expect(app.folder.problems).toEqual([]);
  const { found, signed } = await drilled('good');
  expect(found).toMatchObject({
    v: 1,
    drill: 'good-drill',
    environment: 'development',
    id: 'id-good',
    by: 'local:ann',
    schedule: null,
    held: true,
    broken: [],
    accounts: [
      { username: usernameOf('good'), provider: 'main', address: (await provider()).address, step: 'sign-in' },
    ],
    steps: [{ step: 'sign-in', uses: 'idp/sign-in', outcome: 'done', code: null }],
    alerts: [{ channel: 'ops', delivered: true, code: null }],
  });
  const [account] = found.accounts;
  expect(account?.password).toMatch(/^[\w-]{22}$/);
  expect(account?.seed).toMatch(/^[\w-]{22}$/);
  expect(account?.password).not.toBe(account?.seed);
  expect(Date.parse(account?.proven ?? '')).toBeGreaterThanOrEqual(Date.parse(found.began) - 1);
  expect(Math.abs(found.skew ?? NaN)).toBeLessThan(10);
  expect(JSON.parse(receiver.posts().at(-1)?.body ?? '')).toMatchObject({
    type: 'break-glass.drill',
    data: { environment: 'development', agent: 'local:ann', names: ['good-drill'] },
  });
  const secrets = stack.vault
    .dump()
    .flatMap(({ fields }) => fields)
    .filter(({ kind }) => kind === 'concealed' || kind === 'one-time-password')
    .map(({ value }) => value);
  expect(secrets.length).toBeGreaterThan(accounts.length);
  expect(secrets.filter((value) => JSON.stringify([found, signed]).includes(value))).toEqual([]);
  expect(checkEvidence(signed, [await publicKey()])).toEqual({ evidence: found });
});

interface Broken {
  readonly account: Account;
  readonly breakIt: () => unknown;
  readonly mend?: () => unknown;
  /** what a person is told */
  readonly why: RegExp;
  readonly also?: Partial<DrillEvidence>;
}

const failed = (code: string) => ({ steps: [expect.objectContaining({ outcome: 'failed', code })] });

test.each<readonly [string, Broken]>([
  [
    'a wrong seed',
    {
      account: 'seed',
      async breakIt() {
        const { items } = (await app.connections()).vault;
        const item = await items?.get(Reference.of({ vault: 'Accounts', item: 'seed' }));
        if (item === undefined) throw new Error('no items');
        await items?.setOneTimePassword(item, (await newOneTimePassword()).secret, { previous: 'drop' });
      },
      why: /refuses the one-time code of user "seed@example.com"/,
      also: failed('denied'),
    },
  ],
  [
    'a disabled user',
    {
      account: 'disabled',
      breakIt: async () => (await provider()).disable(stack.identityProvider.user(usernameOf('disabled'))?.id ?? ''),
      why: /refuses the account of user "disabled@example.com": it is disabled/,
      also: failed('denied'),
    },
  ],
  [
    'an account that is locked',
    {
      account: 'locked',
      async breakIt() {
        const wrong = { username: usernameOf('locked'), password: new Secret('somebody guesses') };
        for (let tries = 0; tries < 6; tries += 1) await (await provider()).signIn?.begin(wrong);
      },
      why: /refuses the account of user "locked@example.com": it is locked/,
      also: failed('denied'),
    },
  ],
  [
    'an expired password',
    {
      account: 'expired',
      breakIt: () => stack.identityProvider.expirePassword(usernameOf('expired')),
      why: /demands a new password of user "expired@example.com"/,
      also: failed('denied'),
    },
  ],
  [
    'a second factor that is no longer asked for',
    {
      account: 'no-code',
      breakIt: () => stack.identityProvider.faults.askNoCode(true),
      mend: () => stack.identityProvider.faults.askNoCode(false),
      why: /lets user "no-code@example.com" in without a one-time code/,
      also: failed('protocol'),
    },
  ],
  [
    'a clock that is wrong',
    {
      account: 'clock',
      breakIt: () => setClocks({ skew: -95 }),
      mend: () => setClocks({ skew: 0 }),
      why: /^the local clock is (?:9[4-9]|1\d\d) s ahead of the provider's: set it$/,
      also: { steps: [expect.objectContaining({ outcome: 'done' })] },
    },
  ],
  [
    'a channel that is dead',
    {
      account: 'alert',
      breakIt: () => statuses.set('alert-drill', 503),
      why: /^people are not told: channel "ops" answers 503/,
      also: { alerts: [{ channel: 'ops', delivered: false, code: 'unavailable' }] },
    },
  ],
])('a drill is red, and says why, by %s', async (_, { account, breakIt, mend, why, also }) => {
  await breakIt();
  try {
    const { found, signed } = await drilled(account);
    expect(found).toMatchObject({ held: false, broken: [{ why: expect.stringMatching(why) }], ...also });
    expect(found.broken).toHaveLength(1);
    expect(checkEvidence(signed, [await publicKey()])).toEqual({ evidence: found });
  } finally {
    await mend?.();
  }
});

test('a run by schedule leaves the same evidence, of what its steps have left', async () => {
  const steps: RunStep[] = [
    {
      step: 'sign-in',
      uses: 'idp/sign-in',
      state: 'done',
      code: undefined,
      inputs: {},
      started: 1_000,
      finished: 3_000,
    },
  ];
  const output = { at: '2026-11-02T02:00:03.000Z', passwordVersion: 'p', seedVersion: 's' };
  const story = () => Promise.resolve({ steps, kept: new Map([['sign-in', output]]) });
  const run = {
    id: 'run-1',
    flow: 'scheduled-drill',
    agent: 'schedule',
    by: 'schedule',
    created: 500,
    state: 'succeeded',
  };
  const prove = createDrilledRuns(app, { now: () => 4_000 });
  const held = await prove(run as Run, story);
  expect(held).toMatchObject({
    action: 'drill.finished',
    outcome: 'allowed',
    what: ['scheduled-drill', usernameOf('scheduled')],
  });
  expect(evidenceIn(held?.evidence?.evidence ?? '')).toMatchObject({
    id: 'run-1',
    by: 'schedule',
    schedule: '0 3 * * 1 Europe/Berlin',
    took: 3_500,
    held: true,
    accounts: [{ proven: output.at, password: 'p', seed: 's' }],
    steps: [{ outcome: 'done', milliseconds: 2_000 }],
    alerts: [{ channel: 'ops', delivered: true }],
  });
  const ended = { ...run, state: 'failed', step: 'sign-in', code: 'denied', told: 'it says no' };
  const red = await prove(ended as Run, () => Promise.resolve({ steps: [], kept: new Map() }));
  expect(red).toMatchObject({ outcome: 'failed' });
  expect(evidenceIn(red?.evidence?.evidence ?? '')).toMatchObject({
    held: false,
    broken: [{ step: 'sign-in', why: 'it says no' }],
    accounts: [{ proven: null }],
    steps: [{ outcome: 'not-run' }],
  });
  expect(await prove({ ...run, flow: 'scheduled' } as Run, story)).toBeUndefined();
  // what cannot be signed ends its run all the same, and proves nothing
  const gone = () => Promise.reject(new FlowError('not-found', 'there is no such run'));
  expect(await prove(run as Run, gone)).toMatchObject({ outcome: 'failed', code: 'not-found' });
  const down = () => Promise.reject(new FlowError('unavailable', 'the database is down'));
  await expect(prove(run as Run, down)).rejects.toMatchObject({ code: 'unavailable' });
});
