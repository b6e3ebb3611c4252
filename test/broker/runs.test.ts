import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import { unlistedRun } from '../../src/broker/agent-runs/unlisted-run.ts';
import { databaseFolder } from '../../src/broker/durable-database.ts';
import type { Caller } from '../../src/broker/contract.ts';
import { type OpenBroker, openBroker } from '../../src/broker/open-broker.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { formsOf } from '../../src/foundation/value-forms.ts';
import { stateFolder } from '../../src/foundation/state-folder.ts';
import type { RunningStack } from '../../src/laptop/start-stack.ts';
import { createHome, type Home } from '../e2e/home.ts';
import { refusalOf } from './arrange.ts';

const policy = `agents:
  codex: { flows: [new-user, seed-runtime, with-token, orders-token, late] }
  reader: { flows: ['*'] }
  other: { flows: [new-user] }
`;
const withToken = `description: Writes, and gives a token and a secret
steps:
  - id: token
    uses: oauth/client-credentials
    with:
      issuer: \${{ issuers.main }}
      client-id: op://Agents/Orders M2M/username
      client-secret: op://Agents/Orders M2M/credential
      audience: https://orders.example
  - id: login
    uses: vault/create-login
    with: { vault: Accounts, title: Of a run, username: of-a-run }
  - id: secret
    uses: vault/read
    with: { reference: '\${{ steps.login.password }}' }
output: { token: '\${{ steps.token }}', secret: '\${{ steps.secret }}', item: '\${{ steps.login.item }}' }
`;

describe('runs of a broker', () => {
  let home: Home;
  let stack: RunningStack;
  let app: App;
  let opened: OpenBroker;
  const gone = new AbortController().signal;
  const as = (agent: string, more: Partial<Caller> = {}): Caller => ({
    agent,
    by: 'token',
    request: randomUUID(),
    address: 'socket',
    ...more,
  });
  const lines = () =>
    readFileSync(opened.trailFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  const open = () =>
    openBroker({
      app,
      anchor: () => undefined,
      onProblems: () => undefined,
      warn: () => undefined,
      variables: home.env,
    });

  beforeAll(async () => {
    home = createHome(true, 'onepassword-connect');
    home.write('flows/policy.yaml', policy);
    home.write('flows/registry.yaml', 'secrets: {}\n');
    home.write('flows/with-token.yaml', withToken);
    home.write(
      'flows/late.yaml',
      withToken.replace('description', 'output-window: 1s\ndescription').replace('Of a run', 'Late'),
    );
    stack = await home.stack();
    app = await openApp({ dir: join(home.work, 'flows'), environment: 'development', taken: takeEnvironment({}) });
    opened = await open();
  });

  afterAll(async () => {
    await opened?.close();
    await app?.close();
    await home?.close();
  });

  const over = async (id: string, agent = 'codex') => opened.broker.runs.look(as(agent), id, 30, gone);

  test('a flow that writes is planned without titles, begun, waited for, and gives its output to who began it', async () => {
    const inputs = { email: 'ada@example.com' };
    const plan = await opened.broker.runs.plan(as('codex'), 'new-user', inputs);
    expect(plan).toMatchObject({ wouldChange: true, conflicts: false });
    expect(plan.steps.map(({ step, changes }) => [step, changes])).toEqual([
      ['login', ['create']],
      ['user', expect.anything()],
      ['totp', expect.anything()],
      ['proof', expect.anything()],
    ]);
    expect(JSON.stringify(plan)).not.toMatch(/Accounts|ada@/);

    const begun = await opened.broker.runs.start(as('codex', { reason: 'ticket 7' }), 'new-user', {
      inputs,
      plan: plan.hash,
      key: 'k-1',
    });
    expect(begun).toMatchObject({ flow: 'new-user', state: 'planned' });
    expect(
      await opened.broker.runs.start(as('codex'), 'new-user', { inputs, plan: plan.hash, key: 'k-1' }),
    ).toMatchObject({ id: begun.id });
    const run = await over(begun.id);
    expect(run).toMatchObject({ state: 'succeeded' });
    expect(JSON.stringify(run)).not.toMatch(/Accounts|ada@/);
    const { output } = await opened.broker.runs.output(as('codex'), begun.id);
    expect(output).toMatchObject({ item: expect.stringMatching(/^op:/), 'signed-in': expect.any(String) });
    const refused = [
      over(begun.id, 'other'),
      opened.broker.runs.output(as('other'), begun.id),
      opened.broker.runs.cancel(as('other'), begun.id),
    ];
    for (const each of refused) expect((await refusalOf(each)).code).toBe('no-such-run');
    const seen = lines().filter(({ detail }) => detail === `run ${begun.id}`);
    expect(seen.map(({ agent, action, outcome }) => [agent, action, outcome].join(' '))).toEqual([
      'codex run.started allowed',
      'codex run.started allowed',
      'codex run.finished allowed',
      'codex run.read allowed',
      'codex run.output allowed',
    ]);
    expect(seen[0]).toMatchObject({ reason: 'ticket 7', what: ['new-user'] });
  });

  test('secrets of an output are read when they are asked for, within the window, under the rules of then', async () => {
    const { id } = await opened.broker.runs.start(as('codex'), 'with-token', { inputs: {} });
    expect((await refusalOf(opened.broker.runs.output(as('codex'), id))).code).toBe('run-not-over');
    expect(await over(id)).toMatchObject({ state: 'succeeded' });
    const { output, as: kinds } = await opened.broker.runs.output(as('codex'), id);
    expect(kinds).toEqual({ token: 'token', secret: 'secret', item: 'reference' });
    expect(output).toMatchObject({ token: { token_type: 'Bearer' }, secret: expect.stringMatching(/^.{20,}$/) });
    const rows = await (await opened.database()).query('select * from flows_run_steps');
    expect(JSON.stringify(rows)).not.toContain((output as { secret: string }).secret);

    const late = await opened.broker.runs.start(as('codex'), 'late', { inputs: {} });
    await over(late.id);
    await expect
      .poll(async () =>
        opened.broker.runs.output(as('codex'), late.id).then(
          () => 'given',
          ({ code }) => code,
        ),
      )
      .toBe('no-output');
  });

  test.each([
    ['a flow that is not named in full', 'reader', 'new-user', {}, 'not-allowed'],
    ['a flow that only reads', 'codex', 'orders-token', {}, 'not-a-run'],
    ['inputs that do not fit', 'codex', 'new-user', { email: 'nobody' }, 'invalid-request'],
    ['a flow that is not there', 'codex', 'nothing', {}, 'not-allowed'],
  ])('no run is begun of %s', async (_, agent, flow, inputs, code) => {
    expect((await refusalOf(opened.broker.runs.start(as(agent), flow, { inputs }))).code).toBe(code);
    expect((await refusalOf(opened.broker.runs.plan(as(agent), flow, inputs))).code).toBe(code);
    expect(lines().at(-1)).toMatchObject({ agent, action: 'run.planned', code, what: [flow] });
  });

  test('no run is begun for an agent run that ended while the flow was read, and no plan given', async () => {
    const agentRun = { ...unlistedRun('ar-gone'), goesOn: () => Promise.resolve(false) };
    const inputs = { email: 'gone@example.com' };
    const caller = as('codex', { agentRun });
    expect((await refusalOf(opened.broker.runs.plan(caller, 'new-user', inputs))).code).toBe('run-ended');
    expect((await refusalOf(opened.broker.runs.start(caller, 'new-user', { inputs }))).code).toBe('run-ended');
    const { runs } = await opened.broker.operator.runs(as('local:ann'), { flow: 'new-user' });
    expect(runs.filter((run) => run.agentRun === 'ar-gone')).toEqual([]);
  });

  test('a key is for one run', async () => {
    const begin = (email: string) =>
      opened.broker.runs.start(as('codex'), 'new-user', { inputs: { email }, key: 'k-2' });
    const { id } = await begin('one@example.com');
    expect((await refusalOf(begin('two@example.com'))).code).toBe('key-reused');
    expect((await refusalOf(opened.broker.runs.cancel(as('codex'), 'nothing'))).code).toBe('no-such-run');
    expect(await over(id)).toMatchObject({ state: 'succeeded' });
    expect((await refusalOf(opened.broker.runs.cancel(as('codex'), id))).code).toBe('run-over');
  });

  test('an input that holds a value of the vault begins no run', async () => {
    const { output } = await opened.broker.run(as('codex'), 'orders-token', {});
    const { access_token: token } = output as { access_token: string };
    const inputs = { email: 'a@b.example', 'given-name': token };
    expect((await refusalOf(opened.broker.runs.start(as('codex'), 'new-user', { inputs }))).code).toBe(
      'invalid-request',
    );
  });

  test('the operator sees every run with its steps, and lets one go on that failed', async () => {
    const ann = as('local:ann', { by: 'operator' });
    const { runs } = await opened.broker.operator.runs(ann, { flow: 'with-token' });
    expect(runs.map(({ agent, state }) => [agent, state])).toEqual([['codex', 'succeeded']]);
    const { steps } = await opened.broker.operator.run(ann, runs[0]?.id ?? '');
    expect(steps.map(({ step, state }) => [step, state])).toEqual([
      ['token', 'done'],
      ['login', 'done'],
      ['secret', 'done'],
    ]);
    const { id } = await opened.broker.runs.start(as('codex'), 'with-token', { inputs: {}, plan: 'f'.repeat(64) });
    await over(id);
    expect(await opened.broker.operator.run(ann, id)).toMatchObject({
      state: 'failed',
      code: 'aborted',
      told: expect.stringContaining('not what was agreed to'),
    });
    await opened.broker.operator.resumeRun(ann, id);
    expect((await refusalOf(opened.broker.operator.resumeRun(ann, 'nothing'))).code).toBe('no-such-run');
  });

  test('what was left in the middle goes on at the next broker', async () => {
    const { id } = await opened.broker.runs.start(as('codex'), 'new-user', { inputs: { email: 'later@example.com' } });
    await opened.close();
    opened = await open();
    expect(await over(id)).toMatchObject({ state: 'succeeded' });
  });

  test('no value of the vault is in any page or log of the database', async () => {
    await opened.close();
    const values = stack.vault
      .dump()
      .flatMap(({ fields }) => fields)
      .filter(({ kind, label, value }) => (kind === 'concealed' || label === 'password') && value.length >= 12)
      .map(({ value }) => value);
    expect(values.length).toBeGreaterThan(5);
    const folder = databaseFolder(app, stateFolder(home.env));
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    // half of it is zeros at the ends of logs, and files of which there are copies
    const contents = files.map(({ name, parentPath }) => withoutZeros(readFileSync(join(parentPath, name))));
    const whole = Buffer.from([...new Set(contents)].join('\0'), 'latin1');
    // what runs were begun with is there: it is the database that is looked at
    expect(whole.includes('later@example.com')).toBe(true);
    const found = values.filter((value) => formsOf(value).some((form) => form.length >= 8 && whole.includes(form)));
    expect(found.length).toBe(0);
    opened = await open();
  });
});

/** The bytes of a file, as latin1, but the zeros at its end. */
function withoutZeros(bytes: Buffer): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.toString('latin1', 0, end);
}
