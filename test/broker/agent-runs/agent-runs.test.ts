import { describe, expect, it, onTestFinished } from 'vitest';
import type { Caller } from '../../../src/broker/contract.ts';
import type { BrokerRefusal } from '../../../src/broker/refusal.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { as, codex, refusalOf } from '../arrange.ts';
import { emptiedDatabase } from '../../durable/database/fresh-database.ts';
import { schema } from '../approvals/stand.ts';
import { arrangeRuns } from './arrange-runs.ts';

describe('an agent run', () => {
  it('is begun by its agent, proven by its token, and stands on the trail with what it asks for', async () => {
    const { runs, callerOf, broker, trail } = await arrangeRuns();
    const grant = await runs.begin(as('codex', { reason: 'nightly report' }), {});
    expect(grant).toMatchObject({ root: grant.run, parent: undefined });
    expect(trail.last()).toMatchObject({
      action: 'agent-run.started',
      agent: 'codex',
      agentRun: grant.run,
      run: 'run-42',
    });
    const caller = await callerOf(grant);
    expect(caller).toMatchObject({
      agent: 'codex',
      by: 'agent-run',
      agentRun: { run: grant.run, reason: 'nightly report' },
    });
    await broker.secrets(caller, ['github.token']);
    expect(trail.last()).toMatchObject({ action: 'secrets.resolve', outcome: 'allowed', agentRun: grant.run });
  });

  it('has what its policy and its own list have, and no more', async () => {
    const { runs, callerOf, broker, trail } = await arrangeRuns();
    const caller = await callerOf(await runs.begin(codex, { allow: ['github.*', 'stripe.live_key', 'orders-token'] }));
    await expect(broker.secrets(caller, ['github.token'])).resolves.toBeDefined();
    await expect(broker.token(caller, 'orders-token', {})).resolves.toBeDefined();
    for (const name of ['openai.api_key', 'github.admin_token', 'stripe.live_key'])
      expect(await refusalOf(broker.secrets(caller, [name]))).toMatchObject({ code: 'not-allowed', names: [name] });
    expect(trail.events.find(({ what }) => what[0] === 'openai.api_key')).toMatchObject({
      outcome: 'denied',
      rule: expect.stringMatching(/^agent run ar-\w+ is narrowed to other names$/),
    });
    expect(broker.cachedSecrets(caller, ['openai.api_key'])).toBeUndefined();
    expect((await broker.flows(caller)).map(({ name }) => name)).toEqual(['orders-token']);
  });

  it('has tokens of its own where the issuer tells runs apart, and they are taken back when it ends, with those below', async () => {
    const { runs, callerOf, below, broker, issuer, trail } = await arrangeRuns();
    issuer.attribution = { claim: 'act.sub', parameter: 'agent', per: 'agent-run' };
    const [one, other] = [await runs.begin(codex, {}), await runs.begin(codex, {})];
    const child = await below(one, {});
    const callers = await Promise.all([one, other, child].map(callerOf));
    const ask = async () =>
      Promise.all(callers.map(async (caller) => (await broker.token(caller, 'orders-token', {})).access_token));
    const given = await ask();
    expect(new Set(given).size).toBe(3);
    expect(await ask()).toEqual(given);
    expect(callers.map((caller) => broker.cachedToken(caller, 'orders-token')?.token.access_token)).toEqual(given);
    expect(trail.last()).toMatchObject({ agentRun: child.run, jti: [expect.stringMatching(/^jti-/)] });
    await runs.finish(codex, one.run, 'succeeded');
    expect(issuer.endedRuns.toSorted()).toEqual([one.run, child.run].toSorted());
  });

  it('can give one below it less, and never more or longer', async () => {
    const { runs, callerOf, below, broker, clock } = await arrangeRuns();
    const root = await runs.begin(codex, { allow: ['github.*'], expires: 600 });
    const child = await below(root, { allow: ['github.token', 'openai.api_key'], expires: 86_400 });
    expect(child).toMatchObject({ root: root.run, parent: root.run, expires: root.expires });
    const caller = await callerOf(child);
    await expect(broker.secrets(caller, ['github.token'])).resolves.toBeDefined();
    for (const name of ['openai.api_key', 'github.write_token'])
      expect(await refusalOf(broker.secrets(caller, [name]))).toMatchObject({ code: 'not-allowed' });
    clock.pass(600);
    await expect(callerOf(child)).rejects.toThrow('unknown-token');
  });

  it('of another agent below it needs both policies', async () => {
    const { runs, callerOf, broker } = await arrangeRuns();
    const root = await runs.begin(codex, {});
    const child = await runs.begin(as('other'), { parent: root.token.reveal() });
    const caller = await callerOf(child);
    expect(caller.agentRun?.chain.map(({ agent }) => agent)).toEqual(['other', 'codex']);
    await expect(broker.secrets(caller, ['openai.api_key'])).resolves.toBeDefined();
    expect(await refusalOf(broker.secrets(caller, ['limited.key']))).toMatchObject({ code: 'not-allowed' });
    expect(await refusalOf(broker.secrets(caller, ['github.token']))).toMatchObject({ code: 'not-allowed' });
    const { resolved } = await broker.secrets(caller, ['openai.api_key']);
    // max-ttl of codex holds for what is below its run
    expect(Date.parse(resolved['openai.api_key']?.expiresAt ?? '')).toBeLessThanOrEqual(
      Date.UTC(2026, 10, 22) + 900_000,
    );
  });

  it('has at most five levels', async () => {
    const { runs, below } = await arrangeRuns();
    let grant = await runs.begin(codex, {});
    for (let depth = 2; depth <= 5; depth += 1) grant = await below(grant);
    expect(await refusalOf(below(grant))).toMatchObject({ code: 'run-too-deep' });
  });

  it('ends with all below it at once: what they ask from then on is refused', async () => {
    const { runs, callerOf, below, broker, trail, authenticator } = await arrangeRuns();
    const root = await runs.begin(codex, {});
    const child = await below(root);
    const [above, under] = [await callerOf(root), await callerOf(child)];
    await broker.token(under, 'orders-token', {});
    expect(authenticator.bearer(child.token.reveal())).toMatchObject({ agent: 'codex' });
    expect(broker.cachedToken(under, 'orders-token')).toBeDefined();
    expect(await runs.finish(above, root.run, 'succeeded')).toBe(2);
    expect(broker.cachedToken(under, 'orders-token')).toBeUndefined();
    for (const asked of [
      broker.token(under, 'orders-token', {}),
      broker.flows(under),
      broker.run(under, 'read-one', {}),
    ])
      expect(await refusalOf(asked)).toMatchObject({ code: 'run-ended', status: 401 });
    expect(authenticator.bearer(child.token.reveal())).toBeUndefined();
    await expect(callerOf(child)).rejects.toThrow('run-ended');
    const finished = trail.events.filter(({ action }) => action === 'agent-run.finished');
    expect(finished.map(({ agentRun, detail }) => [agentRun, detail])).toEqual([
      [child.run, 'cancelled'],
      [root.run, 'succeeded'],
    ]);
    expect(await refusalOf(runs.finish(codex, root.run, 'failed'))).toMatchObject({ code: 'run-ended' });
  });

  it('what waits for the vault while its run ends is not given', async () => {
    const { runs, callerOf, broker, vault } = await arrangeRuns();
    const root = await runs.begin(codex, {});
    const caller = await callerOf(root);
    let open: () => void = () => undefined;
    vault.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waiting = refusalOf(broker.secrets(caller, ['github.token']));
    await runs.finish(caller, root.run, 'cancelled');
    open();
    expect(await waiting).toMatchObject({ code: 'run-ended' });
  });

  it('is another’s to end only from above, or by its agent', async () => {
    const { runs, callerOf, below } = await arrangeRuns();
    const root = await runs.begin(codex, {});
    const [child, sibling] = [await below(root), await below(root)];
    const under = await callerOf(child);
    for (const [caller, run] of [
      [under, root.run],
      [under, sibling.run],
      [as('other'), root.run],
      [codex, 'ar-nothing'],
    ] as const)
      expect(await refusalOf(runs.finish(caller, run, 'cancelled'))).toMatchObject({ code: 'not-allowed' });
    expect(await runs.finish(codex, child.run, 'failed')).toBe(1);
  });

  it('goes on by a word of it, with another token, and is lost without', async () => {
    const { runs, callerOf, clock, trail } = await arrangeRuns();
    const grant = await runs.begin(codex, { expires: 7_200, silence: 60 });
    clock.pass(50);
    const next = await runs.heartbeat(await callerOf(grant), grant.run);
    expect(next.token.reveal()).not.toBe(grant.token.reveal());
    clock.pass(50);
    expect(await callerOf(next)).toMatchObject({ agent: 'codex' });
    clock.pass(120);
    await expect(callerOf(next)).rejects.toThrow('run-ended');
    await expect
      .poll(() => trail.events.find(({ detail }) => detail === 'lost'))
      .toMatchObject({
        action: 'agent-run.finished',
        agent: 'codex',
        agentRun: grant.run,
      });
  });

  it('that asks for things is heard without a heartbeat', async () => {
    const { runs, callerOf, clock } = await arrangeRuns();
    const grant = await runs.begin(codex, { expires: 7_200, silence: 60 });
    for (let minute = 0; minute < 5; minute += 1) {
      clock.pass(40);
      expect(await callerOf(grant)).toMatchObject({ agent: 'codex' });
      await expect.poll(async () => (await runs.tree(codex, grant.run))[0]?.heard).toBe(clock.now());
    }
  });

  it('that another broker ended gets nothing a second later', async () => {
    const { runs, callerOf, clock, database } = await arrangeRuns();
    const grant = await runs.begin(codex, {});
    await callerOf(grant);
    await database.query("update flows_agent_runs set ended = 1, outcome = 'cancelled' where id = $1", [grant.run]);
    clock.pass(0.9);
    await expect(callerOf(grant)).rejects.toThrow('run-ended');
  });

  it('that many ask with is looked for once, and before they would have to wait for it', async () => {
    const { runs, callerOf, clock, asked } = await arrangeRuns();
    const grant = await runs.begin(codex, {});
    await callerOf(grant);
    clock.pass(1);
    const before = asked.database;
    await Promise.all(Array.from({ length: 32 }, () => callerOf(grant)));
    expect(asked.database - before).toBe(1);
    const atOnce = () => runs.provenAtOnce(grant.token.reveal());
    clock.pass(0.5);
    expect([atOnce(), atOnce()]).not.toContain(undefined);
    expect(asked.database - before).toBe(2);
    // a second after the first look: the second one counts, once it is there
    clock.pass(0.5);
    await expect.poll(atOnce).toBeDefined();
  });

  it('of an agent that policy.yaml has no more proves nobody', async () => {
    const { runs, proven, rewrite } = await arrangeRuns();
    const { token } = await runs.begin(codex, {});
    rewrite({ policy: 'default: deny\nagents:\n  other: { allow: [openai.api_key] }\n' });
    await expect(proven(token.reveal())).rejects.toThrow('unknown-token');
  });

  it('costs a broker without any nothing: its database is not asked', async () => {
    const { broker, asked, clock } = await arrangeRuns();
    await broker.secrets(codex, ['github.token']);
    clock.pass(3_600);
    expect(asked.database).toBe(0);
  });

  it('is looked at by the operator, the newest first', async () => {
    const { runs, below, clock } = await arrangeRuns();
    const operator: Caller = { agent: 'local:ann', by: 'operator', request: 'r', address: '127.0.0.1' };
    const root = await runs.begin(codex, { allow: ['github.*'] });
    clock.pass(1);
    const child = await below(root);
    const all = await runs.list(operator, { most: 10 });
    expect(all.map(({ run }) => run)).toEqual([child.run, root.run]);
    expect(all[1]).toMatchObject({ agent: 'codex', provenBy: 'token', claimed: 'run-42', allow: ['github.*'] });
    expect((await runs.tree(operator, root.run)).map(({ run, parent }) => [run, parent])).toEqual([
      [root.run, undefined],
      [child.run, root.run],
    ]);
    expect(await runs.end(operator, root.run)).toBe(2);
    expect(await runs.list(operator, { state: 'running', most: 10 })).toEqual([]);
    expect(await runs.list(operator, { state: 'cancelled', agent: 'codex', most: 10 })).toHaveLength(2);
  });

  it('takes what it waited for with it when it ends, and leaves its root what that may still be given', async () => {
    const approve = [
      { names: ['openai.api_key'], by: ['ann'] },
      { names: ['github.token'], by: ['ann'], scope: 'run' },
    ];
    const codexMay = { allow: ['**'], flows: ['*'], approve };
    const policy = JSON.stringify({ approvers: { ann: {} }, agents: { codex: codexMay } });
    const database = await emptiedDatabase(schema);
    const { runs, callerOf, below, broker, trail } = await arrangeRuns({ 'policy.yaml': policy }, database, true);
    onTestFinished(() => broker.close());
    const ledger = await broker.approvals?.ledger();
    const stateOf = async (id: string) => (await ledger?.find(id))?.state;
    const cancelled = () => trail.events.filter(({ action }) => action === 'approval.cancelled');
    const ask = async (caller: Caller, name: string) =>
      (await refusalOf(broker.secrets(caller, [name]))).approval?.id ?? '';
    const root = await runs.begin(codex, {});
    const child = await below(root, {});
    const [parent, helper] = [await callerOf(root), await callerOf(child)];
    const ids = [
      await ask(helper, 'openai.api_key'),
      await ask(helper, 'github.token'),
      await ask(parent, 'openai.api_key'),
    ];
    const [own = '', shared = '', above = ''] = ids;
    const waits = broker.secrets({ ...helper, waits: 600 }, ['openai.api_key']);
    await runs.finish(helper, child.run, 'succeeded');
    // whoever waits for it is sent away
    expect(await refusalOf(waits)).toMatchObject({ code: 'run-ended' });
    await expect.poll(() => cancelled().length).toBe(1);
    expect(await Promise.all([own, shared, above].map(stateOf))).toEqual(['cancelled', 'pending', 'pending']);
    expect(cancelled()).toMatchObject([{ approval: own, agentRun: child.run, detail: 'its agent run has ended' }]);
    await runs.finish(parent, root.run, 'failed');
    await expect.poll(() => cancelled().length).toBe(3);
    expect(await Promise.all([shared, above].map(stateOf))).toEqual(['cancelled', 'cancelled']);
  });
});

describe('the ledger of agent runs', () => {
  it('goes on with another broker: what one began, the next one proves, and tells of', async () => {
    const first = await arrangeRuns();
    const root = await first.runs.begin(codex, { allow: ['github.*'], silence: 60 });
    const child = await first.below(root);
    await first.broker.close();
    const next = await arrangeRuns({}, first.database);
    const caller = await next.callerOf(child);
    await expect(next.broker.secrets(caller, ['github.token'])).resolves.toBeDefined();
    expect(await refusalOf(next.broker.secrets(caller, ['openai.api_key']))).toMatchObject({ code: 'not-allowed' });
    const last = await arrangeRuns({}, first.database);
    last.clock.pass(120);
    const operator: Caller = { agent: 'local:ann', by: 'operator', request: 'r', address: '127.0.0.1' };
    const outcomes = (await last.runs.tree(operator, root.run)).map(({ run, outcome }) => [run, outcome]);
    const ended = [
      [root.run, 'lost'],
      [child.run, 'cancelled'],
    ];
    expect(outcomes).toEqual(ended);
    const told = last.trail.events.filter(({ action }) => action === 'agent-run.finished');
    expect(told.map(({ agentRun, detail }) => [agentRun, detail])).toEqual(expect.arrayContaining(ended));
    expect(told).toHaveLength(2);
  });

  it('ends a run once, whoever says so and however often', async () => {
    const { runs, callerOf, trail, database } = await arrangeRuns();
    const other = await arrangeRuns({}, database);
    const root = await runs.begin(codex, {});
    const caller = await callerOf(root);
    const ends = [
      runs.finish(caller, root.run, 'succeeded'),
      other.runs.finish(codex, root.run, 'failed'),
      runs.finish(codex, root.run, 'cancelled'),
    ];
    const came = await Promise.allSettled(ends);
    expect(came.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = came.flatMap((each) => (each.status === 'rejected' ? [(each.reason as BrokerRefusal).code] : []));
    expect(refused).toEqual(['run-ended', 'run-ended']);
    const told = [...trail.events, ...other.trail.events].filter(({ action }) => action === 'agent-run.finished');
    expect(told.filter(({ outcome }) => outcome === 'allowed')).toHaveLength(1);
  });

  it('is swept by two brokers, and tells of each end once', async () => {
    const { runs, trail, clock, database } = await arrangeRuns();
    const other = await arrangeRuns({}, database);
    const lost = [await runs.begin(codex, { silence: 10 }), await other.runs.begin(codex, { silence: 10 })];
    clock.pass(60);
    other.clock.pass(60);
    const told = () => [...trail.events, ...other.trail.events].filter(({ detail }) => detail === 'lost');
    await expect.poll(() => told().length).toBe(2);
    const operator: Caller = { agent: 'local:ann', by: 'operator', request: 'r', address: '127.0.0.1' };
    await Promise.all([runs.list(operator, { most: 1 }), other.runs.list(operator, { most: 1 })]);
    expect(told()).toHaveLength(2);
    expect(new Set(told().map(({ agentRun }) => agentRun))).toEqual(new Set(lost.map(({ run }) => run)));
  });

  it('gives nothing to what is over and was not swept yet', async () => {
    const { runs, clock, database } = await arrangeRuns();
    const run = await runs.begin(codex, { expires: 20 });
    const proof = run.token.reveal();
    clock.pass(20);
    expect(await refusalOf(runs.heartbeat(codex, run.run))).toMatchObject({ code: 'run-ended' });
    expect(await refusalOf(runs.begin(as('other'), { parent: proof }))).toMatchObject({ code: 'not-allowed' });
    expect(await database.query('select ended from flows_agent_runs')).toEqual([{ ended: null }]);
  });

  it('lets none begin below one that ended, and ends what did at that very moment', async () => {
    const { runs, callerOf, below, clock, database, trail } = await arrangeRuns();
    const root = await runs.begin(codex, {});
    const caller = await callerOf(root);
    const child = await below(root);
    // as where the two crossed at two brokers
    await database.query("update flows_agent_runs set ended = 1, outcome = 'succeeded' where id = $1", [root.run]);
    expect(await refusalOf(runs.begin(caller, {}))).toMatchObject({ code: 'run-ended' });
    await expect(callerOf(child)).rejects.toThrow('run-ended');
    clock.pass(30);
    await expect.poll(() => trail.last()).toMatchObject({ agentRun: child.run, detail: 'cancelled' });
  });

  it('holds as many of an agent as it may have, and makes room again', async () => {
    const { runs, clock, database } = await arrangeRuns();
    await runs.begin(codex, { silence: 10 });
    await database.query(`insert into flows_agent_runs (id, root, depth, agent, begun_by, proven_by, begun, expires, silence, heard)
      select 'ar-' || n, 'ar-' || n, 1, agent, begun_by, proven_by, begun, expires, silence, heard
      from flows_agent_runs, generate_series(1, 499) n`);
    const next = await arrangeRuns({}, database);
    expect(await refusalOf(next.runs.begin(codex, {}))).toMatchObject({ code: 'rate-limited', retryAfter: 60 });
    await expect(next.runs.begin(as('other'), {})).resolves.toBeDefined();
    next.clock.pass(60);
    clock.pass(60);
    await expect
      .poll(async () => (await database.query('select 1 from flows_agent_runs where ended is null')).length)
      .toBe(1);
    await expect(next.runs.begin(codex, {})).resolves.toBeDefined();
  });

  it('that cannot be asked refuses runs alone, and says so to the operator', async () => {
    const { runs, proven, callerOf, broker, clock, asked, vault, trail } = await arrangeRuns();
    const run = await runs.begin(codex, {});
    const gate = Promise.withResolvers<void>();
    vault.gate = gate.promise;
    const waiting = refusalOf(broker.secrets(await callerOf(run), ['github.token']));
    asked.away = new FlowError('unavailable', "the runs' database does not answer");
    clock.pass(1);
    // nobody can tell whether it goes on
    gate.resolve();
    expect(await waiting).toMatchObject({ code: 'upstream-unavailable', status: 503 });
    await expect(proven(run.token.reveal())).rejects.toThrow('run-unknown');
    const refused = await refusalOf(runs.begin(codex, {}));
    expect(refused).toMatchObject({ code: 'upstream-unavailable', status: 503 });
    expect(trail.last()).toMatchObject({ action: 'agent-run.started', outcome: 'failed' });
    await expect(broker.secrets(codex, ['github.token'])).resolves.toBeDefined();
    asked.away = undefined;
    await expect(callerOf(run)).resolves.toMatchObject({ agent: 'codex' });
  });
});

describe('what is given to an agent run', () => {
  it('is said to last no longer than the run', async () => {
    const { runs, callerOf, below, broker, clock } = await arrangeRuns();
    const root = await runs.begin(codex, { expires: 120 });
    const caller = await callerOf(await below(root, { expires: 600 }));
    const ends = async () => {
      const { resolved } = await broker.secrets(caller, ['openai.api_key']);
      return Date.parse(resolved['openai.api_key']?.expiresAt ?? '');
    };
    const end = clock.now() + 120_000;
    expect([await ends(), await ends()]).toEqual([end, end]);
    const { resolved } = await broker.secrets(codex, ['openai.api_key']);
    expect(Date.parse(resolved['openai.api_key']?.expiresAt ?? '')).toBeGreaterThan(end);
  });

  it('is not what came from the vault after another broker ended it', async () => {
    const { runs, callerOf, broker, vault, clock, database } = await arrangeRuns();
    const other = await arrangeRuns({}, database);
    for (const ask of [
      (caller: Caller) => broker.secrets(caller, ['github.token']),
      (caller: Caller) => broker.run(caller, 'read-one', {}),
    ]) {
      const root = await runs.begin(codex, {});
      const gate = Promise.withResolvers<void>();
      vault.gate = gate.promise;
      const waiting = refusalOf(ask(await callerOf(root)));
      expect(await other.runs.finish(codex, root.run, 'cancelled')).toBe(1);
      clock.pass(0.8);
      gate.resolve();
      expect(await waiting).toMatchObject({ code: 'run-ended', status: 401 });
    }
  });
});

describe('policy wants a proven run', () => {
  const files = {
    'policy.yaml':
      'default: deny\nagents:\n  codex: { allow: [github.*], flows: [orders-token], require-run: proven }\n',
  };

  it('and takes one, but no claimed one', async () => {
    const { runs, callerOf, broker } = await arrangeRuns(files);
    expect(await refusalOf(broker.secrets(codex, ['github.token']))).toMatchObject({
      code: 'run-required',
      status: 403,
    });
    expect(await refusalOf(broker.token(codex, 'orders-token', {}))).toMatchObject({ code: 'run-required' });
    expect(await refusalOf(broker.secrets(codex, ['openai.api_key']))).toMatchObject({ code: 'not-allowed' });
    const caller = await callerOf(await runs.begin(codex, {}));
    await expect(broker.secrets(caller, ['github.token'])).resolves.toBeDefined();
  });
});
