import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app/open-app.ts';
import type { AgentRuns, RunGrant } from '../../src/broker/agent-runs/agent-runs.ts';
import { createLedger } from '../../src/broker/approvals/ledger.ts';
import type { Approval } from '../../src/broker/approvals/approval.ts';
import type { Caller } from '../../src/broker/contract.ts';
import { databaseFolder } from '../../src/broker/durable-database.ts';
import { type OpenBroker, openBroker } from '../../src/broker/open-broker.ts';
import { pageAddress } from '../../src/broker/people/page-address.ts';
import { writableItems } from '../../src/adapters/vaults/writable-items.ts';
import type { Database } from '../../src/durable/database/contract.ts';
import { openDatabase } from '../../src/durable/database/open-database.ts';
import { createValueGuard } from '../../src/durable/database/value-guard.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { stateFolder } from '../../src/foundation/state-folder.ts';
import { takeEnvironment } from '../../src/foundation/environment-variables.ts';
import { createSoftwarePasskey } from '../../src/laptop/software-passkey.ts';
import { createHome, type Home } from '../e2e/home.ts';

const page = pageAddress('http://localhost:7700');
const passkey = createSoftwarePasskey();
const { publicKey } = passkey.register({ ...page, challenge: Buffer.alloc(32) });
const policy = `approvers:
  ann: { passkeys: [{ id: ${passkey.id}, public-key: ${publicKey}, algorithm: ES256, added: 2026-11-29 }] }
agents:
  codex:
    flows: [login, bot-login, each-login, refund, both, hurry, by-hand]
    approve:
      - { flows: [login, bot-login], by: [ann], scope: run }
      - { flows: [each-login], by: [ann], scope: call }
      - { flows: [both], by: [ann], scope: call }
  bot: { flows: [bot-login] }
`;
const login = `description: Makes a login
inputs: { title: { type: string, description: its title } }
steps:
  - id: login
    uses: vault/create-login
    with: { vault: Accounts, title: '\${{ inputs.title }}', username: of-a-run }
`;
const refund = `description: Asks, then makes a login
inputs:
  title: { type: string, description: its title }
steps:
  - id: asked
    uses: approval/request
    with: { reason: 'Login \${{ inputs.title }}', approvers: ann, timeout: TIME }
  - id: login
    uses: vault/create-login
    with: { vault: Accounts, title: '\${{ inputs.title }}', username: of-a-run }
output: { by: '\${{ steps.asked.by }}' }
`;
const byHand = `description: Waits until a key is put into the vault
inputs:
  title: { type: string, description: what is made }
steps:
  - id: key
    uses: human/step
    with: { say: 'Make \${{ inputs.title }}', field: op://Accounts/By Hand/credential, wait: 1h }
output: { key: '\${{ steps.key.secret }}' }
`;

describe('a run that waits for people', () => {
  let home: Home;
  let app: App;
  let opened: OpenBroker;
  const gone = new AbortController().signal;
  const as = (agent: string): Caller => ({ agent, by: 'token', request: randomUUID(), address: 'socket' });

  async function open(): Promise<void> {
    opened = await openBroker({
      app,
      anchor: () => undefined,
      onProblems([problem]) {
        throw new TypeError(problem?.message);
      },
      warn: () => undefined,
      variables: home.env,
    });
    opened.pageAt(page);
  }

  beforeAll(async () => {
    home = createHome(true, 'onepassword-connect');
    home.write('flows/policy.yaml', policy);
    home.write('flows/registry.yaml', 'secrets: {}\n');
    home.write('flows/login.yaml', login);
    home.write('flows/bot-login.yaml', login);
    home.write('flows/each-login.yaml', login);
    home.write('flows/refund.yaml', refund.replace('TIME', '10m'));
    home.write('flows/both.yaml', refund.replace('TIME', '10m'));
    home.write('flows/hurry.yaml', refund.replace('TIME', '1s'));
    home.write('flows/by-hand.yaml', byHand);
    await home.stack();
    app = await openApp({ dir: join(home.work, 'flows'), environment: 'development', taken: takeEnvironment({}) });
    await open();
  });

  afterAll(async () => {
    await opened?.close();
    await app?.close();
    await home?.close();
  });

  const agentRuns = () => opened.broker.agentRuns as AgentRuns;
  async function callerOf({ token }: RunGrant): Promise<Caller> {
    const proven = await opened.authenticator.authenticate(`Bearer ${token.reveal()}`);
    return { agent: '', by: 'agent-run', ...proven, request: randomUUID(), address: 'socket' };
  }
  /** an agent run below this one. @param agent another one's, by its own proof */
  async function below(root: RunGrant, agent?: string): Promise<Caller> {
    const child =
      agent === undefined
        ? agentRuns().begin(await callerOf(root), {})
        : agentRuns().begin(as(agent), { parent: root.token.reveal() });
    return callerOf(await child);
  }
  const start = async (caller: Caller, title: string, flow = 'login') =>
    (await opened.broker.runs.start(caller, flow, { inputs: { title } })).id;
  const over = async (id: string, caller = as('codex')) => opened.broker.runs.look(caller, id, 30, gone);
  const approvalsOf = async (subject: string) => (await opened.approvals.ledger()).list({ subject: `run ${subject}` });
  async function pending(subject: string): Promise<Approval> {
    const found = async () => (await approvalsOf(subject)).find(({ state }) => state === 'pending');
    await expect.poll(found).toBeDefined();
    return (await found()) as Approval;
  }
  async function decide(id: string, decision: 'approve' | 'deny'): Promise<void> {
    const ann = { name: 'ann', approver: 'ann', by: 'passkey' } as const;
    const { ticket, wanted } = await opened.decisions.challenge(ann, id, { decision });
    const options = 'options' in wanted ? wanted.options : {};
    const challenge = Buffer.from(String(options['challenge']), 'base64url');
    const asked = { request: randomUUID(), address: 'socket' };
    const assertion = passkey.assert({ ...page, challenge });
    await opened.decisions.decide(asked, ann, id, ticket, { assertion });
  }

  test('shares a yes to its root agent run with the runs of every agent run below it', async () => {
    const root = await agentRuns().begin(as('codex'), {});
    const first = await start(await below(root), 'First');
    const { id } = await pending(root.run);
    await decide(id, 'approve');
    expect(await over(first)).toMatchObject({ state: 'succeeded' });
    const second = await start(await below(root), 'Second');
    expect(await over(second)).toMatchObject({ state: 'succeeded' });
    expect(await approvalsOf(root.run)).toMatchObject([{ id, used: 2 }]);
  });

  test('of an agent below another one waits for what the rules of the one above want', async () => {
    const root = await agentRuns().begin(as('codex'), {});
    const run = await start(await below(root, 'bot'), 'Below', 'bot-login');
    const { id, agent } = await pending(root.run);
    expect(agent).toBe('bot');
    await expect
      .poll(() => opened.broker.runs.look(as('bot'), run, 0, gone))
      .toMatchObject({ state: 'waiting', approval: { id, url: `${page.origin}/#/approvals/${id}` } });
    await decide(id, 'deny');
    expect(await over(run, as('bot'))).toMatchObject({ state: 'failed', code: 'approval-denied' });
  });

  test('goes on with a yes that is given after the broker began again', async () => {
    const root = await agentRuns().begin(as('codex'), {});
    const run = await start(await below(root), 'Later');
    const { id } = await pending(root.run);
    await opened.close();
    await open();
    await decide(id, 'approve');
    expect(await over(run)).toMatchObject({ state: 'succeeded' });
    expect(await approvalsOf(root.run)).toMatchObject([{ id, used: 1 }]);
  });

  /** the approval that a run waits for, as its agent is told */
  async function namedBy(run: string, caller = as('codex')): Promise<Approval> {
    const named = async () => (await opened.broker.runs.look(caller, run, 0, gone)).approval?.id;
    await expect.poll(named).toBeDefined();
    return (await (await opened.approvals.ledger()).find((await named()) ?? '')) as Approval;
  }

  test('names its approval to the agent and to the operator, and to which run it is bound', async () => {
    const run = await start(as('codex'), 'Named', 'each-login');
    const { id, bound } = await namedBy(run);
    const approval = { id, url: `http://localhost:7700/#/approvals/${id}` };
    expect(await opened.broker.runs.look(as('codex'), run, 0, gone)).toMatchObject({ state: 'waiting', approval });
    expect(await opened.broker.operator.run(as('local:ann'), run)).toMatchObject({ state: 'waiting', approval });
    expect(JSON.parse(bound)).toMatchObject({ run, inputs: { title: 'Named' } });
    await decide(id, 'approve');
    expect(await over(run)).toMatchObject({ state: 'succeeded', approval: { id } });
  });

  test('for one call has a yes of its own, however much another run is the same', async () => {
    const runs = [await start(as('codex'), 'Twin', 'each-login'), await start(as('codex'), 'Twin', 'each-login')];
    const [one, two] = await Promise.all(runs.map(async (run) => namedBy(run)));
    expect(one?.id).not.toBe(two?.id);
    for (const each of [one, two]) await decide(each?.id ?? '', 'approve');
    for (const run of runs) expect(await over(run)).toMatchObject({ state: 'succeeded' });
  });

  test('is not asked for again in another run right after a no', async () => {
    const first = await start(as('codex'), 'No', 'each-login');
    await decide((await namedBy(first)).id, 'deny');
    expect(await over(first)).toMatchObject({ state: 'failed', code: 'approval-denied' });
    const again = await over(await start(as('codex'), 'No', 'each-login'));
    expect(again).toMatchObject({ state: 'failed', code: 'approval-denied' });
    expect(again).not.toHaveProperty('approval');
  });

  test('takes back what it alone waited for when it is cancelled, and nothing that others wait for', async () => {
    const root = await agentRuns().begin(as('codex'), {});
    const caller = await below(root);
    const [own, shared] = [await start(caller, 'Given up', 'each-login'), await start(caller, 'Given up')];
    const approvals = [await namedBy(own, caller), await namedBy(shared, caller)];
    for (const run of [own, shared]) {
      await opened.broker.runs.cancel(caller, run);
      expect(await over(run, caller)).toMatchObject({ state: 'cancelled' });
    }
    const found = await Promise.all(approvals.map(async ({ id }) => (await opened.approvals.ledger()).find(id)));
    expect(found.map((each) => [each?.scope, each?.state])).toEqual([
      ['call', 'cancelled'],
      ['run', 'pending'],
    ]);
    await opened.approvals.deny(as('local:ann'), approvals[1]?.id ?? '');
  });

  test('to put a value into the vault ends when it is cancelled, and goes on in another one when they have', async () => {
    const run = await start(as('codex'), 'a key', 'by-hand');
    await expect
      .poll(() => opened.broker.operator.run(as('local:ann'), run))
      .toMatchObject({ state: 'running', steps: [{ step: 'key', state: 'started' }] });
    await opened.broker.runs.cancel(as('codex'), run);
    expect(await over(run)).toMatchObject({ state: 'cancelled' });
    const items = writableItems((await app.connections()).vault);
    const [item] = (await items.list('Accounts')).filter(({ title }) => title === 'By Hand');
    const found = await items.get(Reference.of({ vault: 'Accounts', item: item?.id ?? '' }));
    await items.setFields(found, [{ field: { label: 'credential (next)' }, value: new Secret('by hand') }]);
    expect(await over(await start(as('codex'), 'a key', 'by-hand'))).toMatchObject({ state: 'succeeded' });
  });

  const waiting = async (run: string) =>
    (await (await opened.approvals.ledger()).list({ states: ['pending'] })).find(({ bound }) => bound.includes(run));

  async function asking(title: string): Promise<{ readonly run: string; readonly approval: Approval }> {
    const run = await start(as('codex'), title, 'refund');
    await expect.poll(async () => waiting(run)).toBeDefined();
    return { run, approval: (await waiting(run)) as Approval };
  }

  test('by a step of its own writes once somebody says yes, and says who', async () => {
    const { run, approval } = await asking('Asked');
    expect(approval).toMatchObject({ kind: 'step', agent: 'codex', names: ['refund'], uses: 1 });
    expect(JSON.parse(approval.bound)).toMatchObject({ inputs: { reason: 'Login Asked' } });
    await expect
      .poll(() => opened.broker.operator.run(as('local:ann'), run))
      .toMatchObject({ state: 'waiting', steps: [{ step: 'asked', state: 'started' }] });
    await opened.close();
    await open();
    await decide(approval.id, 'approve');
    expect(await over(run)).toMatchObject({ state: 'succeeded' });
    expect((await opened.broker.runs.output(as('codex'), run)).output).toEqual({ by: 'ann' });
  });

  /** what becomes of the database while no broker runs */
  async function meanwhile(change: (database: Database) => Promise<unknown>): Promise<void> {
    await opened.close();
    const guard = createValueGuard();
    const folder = databaseFolder(app, stateFolder(home.env));
    const database = await openDatabase({ address: undefined, folder, schema: [], guard });
    await change(database);
    await database.close();
    guard.close();
    await open();
  }

  test('ends by what became of its approval while no broker ran, asks nobody anew, and asks again where it is resumed', async () => {
    const denied = await start(as('codex'), 'Long denied', 'each-login');
    const { id } = await namedBy(denied);
    const { run: late, approval } = await asking('Long over');
    const hourAgo = Date.now() - 3_600_000;
    await meanwhile(async (database) => {
      await createLedger(database, () => hourAgo).end(id, 'denied');
      await database.query('update flows_approvals set until = $2 where id = $1', [approval.id, hourAgo]);
    });
    expect(await over(denied)).toMatchObject({ state: 'failed', code: 'approval-denied', approval: { id } });
    expect(await over(late)).toMatchObject({ state: 'failed', step: 'asked', code: 'approval-expired' });
    expect([await waiting(denied), await waiting(late)]).toEqual([undefined, undefined]);
    await opened.broker.operator.resumeRun(as('local:ann'), denied);
    await expect.poll(async () => waiting(denied)).toBeDefined();
    await decide((await waiting(denied))?.id ?? '', 'approve');
    expect(await over(denied)).toMatchObject({ state: 'succeeded' });
  });

  test('asks for its step, whatever became of what was asked for all of it', async () => {
    const run = await start(as('codex'), 'Both', 'both');
    const { id, kind } = await namedBy(run);
    expect(kind).toBe('run');
    await meanwhile(async (database) => {
      await database.query('update flows_approvals set until = 0 where id = $1', [id]);
      home.write('flows/policy.yaml', policy.replace('      - { flows: [both], by: [ann], scope: call }\n', ''));
    });
    await expect.poll(async () => waiting(run)).toMatchObject({ kind: 'step' });
    await decide((await waiting(run))?.id ?? '', 'approve');
    expect(await over(run)).toMatchObject({ state: 'succeeded' });
  });

  test('by a step of its own writes nothing after a no, or without an answer', async () => {
    const { run, approval } = await asking('Refused');
    await decide(approval.id, 'deny');
    const late = await start(as('codex'), 'Late', 'hurry');
    expect(await over(run)).toMatchObject({ state: 'failed', step: 'asked', code: 'approval-denied' });
    expect(await over(late)).toMatchObject({ state: 'failed', step: 'asked', code: 'approval-expired' });
    for (const id of [run, late]) {
      const { steps } = await opened.broker.operator.run(as('local:ann'), id);
      expect(steps).toMatchObject([{ step: 'asked', state: 'failed' }]);
    }
  });
});
