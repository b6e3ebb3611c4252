import { describe, expect, it, test } from 'vitest';
import { as, refusalOf } from '../arrange.ts';
import { approving, codex, inRun } from './stand.ts';

const call = { names: ['openai.api_key'], flows: ['orders-token', 'read-one'], by: ['ann'], wait: '5m' };
const run = { names: ['github.*'], by: ['ann', 'bo'], scope: 'run', expires: '1h' };

describe('a call that a person must approve', () => {
  it('is refused with the approval that it waits for, and given once, to who brings it', async () => {
    const { broker, asked, answer, trail, vault } = await approving(call);
    const request = () => broker.secrets(codex(), ['openai.api_key']);
    const refusal = await refusalOf(request());
    expect(refusal).toMatchObject({ code: 'approval-required', status: 403, names: ['openai.api_key'] });
    const id = refusal.approval?.id ?? '';
    expect(refusal.approval?.url).toBe(`http://localhost:7700/#/approvals/${id}`);
    // whoever asks again waits for the same
    expect(await asked(request())).toBe(id);
    expect(vault.batches).toEqual([]);
    await answer(id, 'ann');
    // without its id it is not used up by accident
    expect(await asked(request())).toBe(id);
    const given = () => broker.secrets(codex({ approvals: [id] }), ['openai.api_key']);
    expect(Object.keys((await given()).resolved)).toEqual(['openai.api_key']);
    expect(trail.last()).toMatchObject({ action: 'secrets.resolve', outcome: 'allowed', approval: id });
    expect(await refusalOf(given())).toMatchObject({ code: 'approval-stale' });
    expect(await asked(request())).not.toBe(id);
    const actions = trail.events.map(({ action, outcome }) => `${action} ${outcome}`);
    expect(actions).toContain('approval.opened allowed');
    expect(actions).toContain('approval.redeemed allowed');
  });

  test.each<[string, (stand: Awaited<ReturnType<typeof approving>>) => Promise<unknown>]>([
    ['a token', ({ broker }) => broker.token(codex(), 'orders-token', {})],
    ['a flow', ({ broker }) => broker.run(codex(), 'read-one', {})],
  ])('may be %s', async (_, request) => {
    const stand = await approving(call);
    const id = await stand.asked(request(stand));
    await stand.answer(id, 'ann');
    const approved = { approvals: [id] };
    const { broker } = stand;
    const flow = (await stand.ledger.find(id))?.names[0];
    const given =
      flow === 'read-one' ? broker.run(codex(approved), flow, {}) : broker.token(codex(approved), 'orders-token', {});
    expect(await given).toBeDefined();
    expect(broker.cachedToken(codex(approved), 'orders-token')).toBeUndefined();
  });

  it('is worth nothing to another agent, for another name or with other inputs', async () => {
    const { broker, asked, answer, rewriteRules } = await approving({
      ...call,
      names: ['**'],
      flows: ['tenant-token'],
    });
    const id = await asked(broker.secrets(codex(), ['openai.api_key']));
    await answer(id, 'ann');
    const approvals = [id];
    expect(await refusalOf(broker.secrets(as('other', { approvals }), ['openai.api_key']))).toMatchObject({
      code: 'not-allowed',
    });
    expect(await asked(broker.secrets(codex({ approvals }), ['stripe.live_key']))).not.toBe(id);
    const flow = await asked(broker.token(codex(), 'tenant-token', { tenant: 'north' }));
    await answer(flow, 'ann');
    const other = broker.token(codex({ approvals: [flow] }), 'tenant-token', { tenant: 'south' });
    expect(await refusalOf(other)).toMatchObject({ code: 'approval-stale' });
    rewriteRules();
  });

  it('is held back while a person thinks, where the agent waits', async () => {
    const { broker, answer, waiting } = await approving(call);
    const held = broker.secrets(codex({ waits: 30 }), ['openai.api_key']);
    const { id } = await waiting();
    await answer(id, 'ann');
    expect((await held).resolved).toHaveProperty(['openai.api_key']);
  });

  it('waits no longer than the agent does, and is told what it waits for', async () => {
    const { broker, clock, waiting } = await approving(call);
    const held = refusalOf(broker.secrets(codex({ waits: 30 }), ['openai.api_key']));
    const { id } = await waiting();
    while (clock.timers() === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.pass(31);
    expect(await held).toMatchObject({ code: 'approval-required', approval: { id } });
  });
});

describe('what became of an approval', () => {
  test.each<[string, (stand: Awaited<ReturnType<typeof approving>>, id: string) => Promise<unknown>, string]>([
    ['no', ({ answer }, id) => answer(id, 'ann', { decision: 'deny' }), 'approval-denied'],
    ['nothing in time', async ({ clock, approvals }) => (clock.pass(301), approvals.sweep()), 'approval-expired'],
    ['that it was taken back', ({ approvals }, id) => approvals.cancel(codex(), id), 'approval-cancelled'],
    [
      'a yes that ran out',
      async ({ answer, clock, approvals }, id) => {
        await answer(id, 'ann');
        clock.pass(601);
        await approvals.sweep();
      },
      'approval-stale',
    ],
    [
      'a yes that was taken back',
      async ({ answer, ledger }, id) => {
        await answer(id, 'ann');
        await ledger.end(id, 'revoked');
      },
      'approval-stale',
    ],
    [
      'a yes to what the rules were before',
      async ({ answer, rewriteRules }, id) => {
        await answer(id, 'ann');
        rewriteRules({ ...call, by: ['ann', 'bo'], needs: 2 });
      },
      'approval-stale',
    ],
    [
      'a yes to what the name stood for before',
      async ({ answer, rewrite }, id) => {
        await answer(id, 'ann');
        rewrite({ registry: 'secrets: { openai.api_key: { reference: op://Agents/Other/credential } }\n' });
      },
      'approval-stale',
    ],
  ])('is told apart: %s', async (_, happens, code) => {
    const stand = await approving(call);
    const id = await stand.asked(stand.broker.secrets(codex(), ['openai.api_key']));
    await happens(stand, id);
    const refusal = await refusalOf(stand.broker.secrets(codex({ approvals: [id] }), ['openai.api_key']));
    expect(refusal).toMatchObject({ code, status: 403 });
    expect(stand.vault.batches).toEqual([]);
  });

  it('is still good after an edit of the files that is about something else', async () => {
    const { broker, asked, answer, rewriteRules } = await approving(call);
    const id = await asked(broker.secrets(codex(), ['openai.api_key']));
    await answer(id, 'ann');
    rewriteRules({ names: ['stripe.*'], by: ['bo'] }, call);
    expect(await broker.secrets(codex({ approvals: [id] }), ['openai.api_key'])).toBeDefined();
  });

  it('is a no to the same for ten minutes, and to nothing else', async () => {
    const { broker, asked, answer, clock } = await approving({ ...call, names: ['**'] });
    const request = () => broker.secrets(codex(), ['openai.api_key']);
    await answer(await asked(request()), 'ann', { decision: 'deny' });
    expect(await refusalOf(request())).toMatchObject({ code: 'approval-denied', retryAfter: 600 });
    await asked(broker.secrets(codex(), ['stripe.live_key']));
    clock.pass(601);
    await asked(request());
  });

  it('is for an agent to see of its own approvals alone', async () => {
    const { broker, asked, approvals } = await approving(call);
    const id = await asked(broker.secrets(codex(), ['openai.api_key']));
    expect(await approvals.look(codex(), id, 0)).toMatchObject({ id, state: 'pending' });
    for (const strange of [() => approvals.look(as('other'), id, 0), () => approvals.cancel(as('other'), id)])
      expect(await refusalOf(strange())).toMatchObject({ code: 'not-allowed' });
    expect(await refusalOf(approvals.look(codex(), 'a-0', 0))).toMatchObject({ code: 'not-allowed' });
  });

  it('is no decision where the broker stops: whoever waits is told to ask again', async () => {
    const { broker, waiting, ledger } = await approving(call);
    const held = refusalOf(broker.secrets(codex({ waits: 30 }), ['openai.api_key']));
    const { id } = await waiting();
    await broker.close();
    expect(await held).toMatchObject({ code: 'restarting', status: 503 });
    expect(await ledger.find(id)).toMatchObject({ state: 'pending' });
  });
});

describe('an agent', () => {
  it('has five approvals waiting at most', async () => {
    const { broker, asked } = await approving({ ...call, flows: ['tenant-token'] });
    const ask = (trace: string) => broker.token(codex(), 'tenant-token', { tenant: 'north', trace });
    for (const trace of ['a', 'b', 'c', 'd', 'e']) await asked(ask(trace));
    expect(await refusalOf(ask('f'))).toMatchObject({ code: 'approval-pending-limit', status: 429 });
  });

  it('keeps nobody busy by asking and taking back: twenty times in ten minutes at most', async () => {
    const { approvals, broker, asked, clock } = await approving(call);
    const ask = () => broker.secrets(codex(), ['openai.api_key']);
    for (let count = 0; count < 20; count += 1) await approvals.cancel(codex(), await asked(ask()));
    clock.pass(100);
    expect(await refusalOf(ask())).toMatchObject({ code: 'approval-pending-limit', status: 429, retryAfter: 500 });
    clock.pass(501);
    expect(await asked(ask())).toBeDefined();
  });
});

describe('an approval for a run', () => {
  it('is for all names of its rule, and for all runs below the same root', async () => {
    const { broker, asked, answer, ledger } = await approving(run);
    const id = await asked(broker.secrets(inRun('child-1'), ['github.token']));
    expect(await ledger.find(id)).toMatchObject({
      names: ['github.admin_token', 'github.token', 'github.write_token'],
      subject: 'run root',
      asked: { names: ['github.token'], agentRun: 'child-1' },
    });
    expect(await asked(broker.secrets(inRun('child-2'), ['github.write_token']))).toBe(id);
    await answer(id, 'bo');
    for (const child of ['child-1', 'child-2', 'child-3'])
      expect(await broker.secrets(inRun(child), ['github.token', 'github.write_token'])).toBeDefined();
    expect(await asked(broker.secrets(inRun('child-1', 'another-root'), ['github.token']))).not.toBe(id);
    expect(await ledger.find(id)).toMatchObject({ state: 'approved', used: 3 });
  });

  it('is for one call where the agent proves no run, whatever it says of one', async () => {
    const { broker, asked, answer } = await approving(run);
    const id = await asked(broker.secrets(codex({ run: 'claimed' }), ['github.token']));
    await answer(id, 'ann');
    const given = () => broker.secrets(codex({ run: 'claimed', approvals: [id] }), ['github.token']);
    await given();
    expect(await refusalOf(given())).toMatchObject({ code: 'approval-stale' });
  });

  it('is for as little as the one who approves says', async () => {
    const { broker, asked, answer, clock } = await approving({ ...run, uses: 5 });
    const id = await asked(broker.secrets(inRun('a'), ['github.token']));
    await answer(id, 'ann', { uses: 2, lasts: 60 });
    await broker.secrets(inRun('a'), ['github.token']);
    await broker.secrets(inRun('b'), ['github.token']);
    const next = await asked(broker.secrets(inRun('a'), ['github.token']));
    expect(next).not.toBe(id);
    await answer(next, 'ann', { scope: 'call', uses: 1 });
    expect(await asked(broker.secrets(inRun('a'), ['github.token']))).toBe(next);
    await broker.secrets(inRun('a', 'root', { approvals: [next] }), ['github.token']);
    const last = await asked(broker.secrets(inRun('a'), ['github.token']));
    await answer(last, 'ann', { lasts: 60 });
    clock.pass(61);
    expect(await asked(broker.secrets(inRun('a'), ['github.token']))).not.toBe(last);
  });

  it('is used no more often than it may be, however many ask at once', async () => {
    const { broker, asked, answer } = await approving({ ...run, uses: 3 });
    await answer(await asked(broker.secrets(inRun('a'), ['github.token'])), 'ann');
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => broker.secrets(inRun('a'), ['github.token'])));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });
});

describe('a use that may come again after a crash', () => {
  it('is counted once, and needs no other yes', async () => {
    const { broker, approvals, asked, answer, waiting, ledger } = await approving(call);
    const held = broker.secrets(codex({ use: 'run-1', waits: 30 }), ['openai.api_key']);
    const { id } = await waiting();
    await answer(id, 'ann');
    await held;
    expect(await ledger.find(id)).toMatchObject({ state: 'used', used: 1 });
    expect(await broker.secrets(codex({ use: 'run-1' }), ['openai.api_key'])).toBeDefined();
    expect(await ledger.find(id)).toMatchObject({ used: 1 });
    expect(await asked(broker.secrets(codex({ use: 'run-2' }), ['openai.api_key']))).not.toBe(id);
    await approvals.sweep();
  });
});

describe('people', () => {
  it('are counted once each, for every rule that names them', async () => {
    const both = [
      { names: ['openai.api_key'], by: ['ann', 'bo'], needs: 2 },
      { names: ['openai.*'], by: ['bo', 'cy'] },
    ];
    const { broker, asked, answer, ledger } = await approving(...both);
    const id = await asked(broker.secrets(codex(), ['openai.api_key']));
    expect(await answer(id, 'ann')).toMatchObject({ result: 'taken', approval: { state: 'pending' } });
    expect(await answer(id, 'ann')).toMatchObject({ result: 'again' });
    expect(await answer(id, 'cy')).toMatchObject({ approval: { state: 'pending' } });
    expect(await answer(id, 'bo')).toMatchObject({ approval: { state: 'approved' } });
    expect(await answer(id, 'bo', { decision: 'deny' })).toMatchObject({ result: 'over' });
    expect(await ledger.find(id)).toMatchObject({ state: 'approved' });
  });

  it('end it with one no', async () => {
    const { broker, asked, answer } = await approving({ ...call, by: ['ann', 'bo'], needs: 2 });
    const id = await asked(broker.secrets(codex(), ['openai.api_key']));
    await answer(id, 'ann');
    expect(await answer(id, 'bo', { decision: 'deny' })).toMatchObject({ approval: { state: 'denied' } });
  });

  it('who answer at once are told who was first: one answer decides', async () => {
    const { broker, asked, answer } = await approving({ ...call, by: ['ann', 'bo', 'cy'] });
    const id = await asked(broker.secrets(codex(), ['openai.api_key']));
    const all = await Promise.all([answer(id, 'ann'), answer(id, 'bo', { decision: 'deny' }), answer(id, 'cy')]);
    expect(all.map(({ result }) => result).toSorted()).toEqual(['over', 'over', 'taken']);
  });

  it('whose passkey was copied are not taken: its counter must grow', async () => {
    const { broker, asked, ledger } = await approving({ ...call, flows: ['tenant-token'] });
    const ask = async (trace: string, counter: number) => {
      const id = await asked(broker.token(codex(), 'tenant-token', { tenant: 'north', trace }));
      const answer = { approver: 'ann', decision: 'approve', scope: 'call', uses: 1, lasts: 60 } as const;
      return ledger.answer(id, answer, { credential: 'k', counter });
    };
    expect(await ask('a', 7)).toMatchObject({ result: 'taken' });
    expect(await ask('b', 7)).toEqual({ result: 'counter' });
    expect(await ask('b', 6)).toEqual({ result: 'counter' });
    expect(await ask('b', 0)).toEqual({ result: 'counter' });
    expect(await ask('b', 8)).toMatchObject({ result: 'taken' });
  });
});
