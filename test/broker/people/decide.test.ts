import { describe, expect, it, test } from 'vitest';
import { checkDecision } from '../../../src/foundation/approval-statement.ts';
import type { Asked } from '../../../src/laptop/software-passkey.ts';
import { unlistedRun } from '../../../src/broker/agent-runs/unlisted-run.ts';
import { refusalOf } from '../arrange.ts';
import { codex, inRun } from '../approvals/stand.ts';
import { asked, peopled } from './stand.ts';

const rule = { names: ['openai.api_key'], by: ['ann', 'bo'], wait: '5m' };
const run = { names: ['github.*'], by: ['ann'], scope: 'run', uses: 5 };

async function arranged(...rules: readonly object[]) {
  const stand = await peopled('http://localhost:7700', ...(rules.length === 0 ? [rule] : rules));
  const ann = await stand.enrolled('ann');
  return {
    ...stand,
    ann,
    async decide(id: string, decision: 'approve' | 'deny', more: Partial<Asked> = {}, by = ann) {
      const { ticket, wanted } = await stand.decisions.challenge(by.person, id, { decision });
      const assertion = by.passkey.assert({ ...stand.page, challenge: stand.challengeIn(wanted), ...more });
      return stand.decisions.decide(asked, by.person, id, ticket, { assertion });
    },
  };
}

describe('a decision on the page', () => {
  it('is what was signed, and stands on the trail so that anyone can check it', async () => {
    const { broker, asked: askedFor, decide, trail, keys } = await arranged();
    const id = await askedFor(broker.secrets(codex({ reason: 'refund 7' }), ['openai.api_key']));
    expect(await decide(id, 'approve')).toMatchObject({ state: 'approved' });
    const line = trail.events.find(({ action }) => action === 'approval.approved');
    expect(line).toMatchObject({ agent: 'codex', approver: 'ann', approval: id, outcome: 'allowed' });
    if (line?.signed === undefined || !('credential' in line.signed)) throw new Error('nothing was signed');
    const checked = checkDecision(line.signed, (name) => keys.get(name) ?? []);
    expect(checked).toMatchObject({ statement: { approval: id, decision: 'approve', approver: 'ann', scope: 'call' } });
    expect(JSON.parse(line.signed.bound)).toMatchObject({
      agent: 'codex',
      installation: 'test',
      what: [{ name: 'openai.api_key', is: 'op://Agents/OpenAI/credential' }],
    });
    expect(await broker.secrets(codex({ approvals: [id] }), ['openai.api_key'])).toBeDefined();
  });

  it('is told from one by a software key, which proves nobody', async () => {
    const { broker, asked: askedFor, decide, trail, keys } = await arranged();
    keys.set(
      'ann',
      (keys.get('ann') ?? []).map((passkey) => ({ ...passkey, software: true })),
    );
    await decide(await askedFor(broker.secrets(codex(), ['openai.api_key'])), 'approve');
    const line = trail.events.find(({ action }) => action === 'approval.approved');
    expect(line).toMatchObject({ detail: 'software key', signed: { credential: { software: true } } });
  });

  test.each<[string, Partial<Asked>]>([
    ['another port of this machine', { origin: 'http://localhost:7701' }],
    ['another relying party', { rpId: 'example.com' }],
    ['nobody verified', { claims: { flags: 0x01 } }],
    ['another challenge', { challenge: Buffer.alloc(32) }],
    ['a frame', { claims: { client: { crossOrigin: true } } }],
    ['a passkey that is backed up of a sudden', { claims: { flags: 0x1d } }],
  ])('is none that is signed for %s', async (_, forged) => {
    const { broker, asked: askedFor, decide, ledger, trail } = await arranged();
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    expect(await refusalOf(decide(id, 'approve', forged))).toMatchObject({ code: 'not-authenticated' });
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
    expect(trail.last()).toMatchObject({ action: 'authenticate', outcome: 'denied', approval: id });
  });

  it('is made with a challenge that is good once, for two minutes, for this person and this approval', async () => {
    const {
      broker,
      asked: askedFor,
      decisions,
      ann,
      page,
      challengeIn,
      clock,
      enrolled,
      ledger,
      trail,
    } = await arranged({
      ...rule,
      flows: ['orders-token'],
    });
    const bo = await enrolled('bo');
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    const other = await askedFor(broker.token(codex(), 'orders-token', {}));
    const begin = async () => {
      const { ticket, wanted } = await decisions.challenge(ann.person, id, { decision: 'approve' });
      return { ticket, given: { assertion: ann.passkey.assert({ ...page, challenge: challengeIn(wanted) }) } };
    };
    const [first, second, third] = [await begin(), await begin(), await begin()];
    const stolen = decisions.decide(asked, bo.person, id, first.ticket, first.given);
    expect(await refusalOf(stolen)).toMatchObject({ code: 'not-authenticated' });
    const turned = decisions.decide(asked, ann.person, other, second.ticket, second.given);
    expect(await refusalOf(turned)).toMatchObject({ code: 'not-authenticated' });
    clock.pass(121);
    const late = decisions.decide(asked, ann.person, id, third.ticket, third.given);
    expect(await refusalOf(late)).toMatchObject({ code: 'not-authenticated' });
    const last = await begin();
    await decisions.decide(asked, ann.person, id, last.ticket, last.given);
    const again = decisions.decide(asked, ann.person, id, last.ticket, last.given);
    expect(await refusalOf(again)).toMatchObject({ code: 'not-authenticated' });
    expect(await ledger.find(other)).toMatchObject({ state: 'pending' });
    // whoever is signed in may have taken it from somebody
    const refused = trail.events.filter(({ action }) => action === 'authenticate');
    expect(refused.map(({ agent, approval, outcome }) => [agent, approval, outcome])).toEqual([
      ['bo', id, 'denied'],
      ['ann', other, 'denied'],
      ['ann', id, 'denied'],
      ['ann', id, 'denied'],
    ]);
  });

  it('of no cannot be made a yes', async () => {
    const { broker, asked: askedFor, decisions, ann, page, challengeIn, ledger } = await arranged();
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    const yes = await decisions.challenge(ann.person, id, { decision: 'approve' });
    const no = await decisions.challenge(ann.person, id, { decision: 'deny' });
    const signedNo = ann.passkey.assert({ ...page, challenge: challengeIn(no.wanted) });
    expect(await refusalOf(decisions.decide(asked, ann.person, id, yes.ticket, { assertion: signedNo }))).toMatchObject(
      {
        code: 'not-authenticated',
      },
    );
    expect(await ledger.find(id)).toMatchObject({ state: 'pending' });
  });

  it('of the same person is the same when they say it again, before and after it is decided', async () => {
    const { broker, asked: askedFor, decide, enrolled, ledger, trail } = await arranged({ ...rule, needs: 2 });
    const bo = await enrolled('bo');
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    for (const _ of ['first', 'again']) expect(await decide(id, 'approve')).toMatchObject({ state: 'pending' });
    for (const _ of ['first', 'again'])
      expect(await decide(id, 'approve', {}, bo)).toMatchObject({ state: 'approved' });
    expect(await decide(id, 'approve')).toMatchObject({ state: 'approved' });
    expect(await refusalOf(decide(id, 'deny'))).toMatchObject({ code: 'approval-over' });
    expect((await ledger.find(id))?.answers.map(({ approver }) => approver)).toEqual(['ann', 'bo']);
    expect(trail.events.filter(({ action }) => action === 'approval.approved')).toHaveLength(2);
  });

  it('of no ends it also for who has said yes, while others are waited for', async () => {
    const { broker, asked: askedFor, decide, ledger, trail } = await arranged({ ...rule, needs: 2 });
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    await decide(id, 'approve');
    for (const _ of ['first', 'again']) expect(await decide(id, 'deny')).toMatchObject({ state: 'denied' });
    expect(await refusalOf(decide(id, 'approve'))).toMatchObject({ code: 'approval-over' });
    expect((await ledger.find(id))?.answers).toMatchObject([{ approver: 'ann', decision: 'deny' }]);
    expect(trail.events.filter(({ action }) => action.startsWith('approval.')).map(({ action }) => action)).toEqual([
      'approval.opened',
      'approval.approved',
      'approval.denied',
    ]);
  });

  it('may be for less than was asked, and not for more', async () => {
    const { broker, asked: askedFor, decisions, ann } = await arranged(run);
    const id = await askedFor(broker.secrets(inRun('a'), ['github.token']));
    const statementOf = async (choice: object) => {
      const { statement } = await decisions.challenge(ann.person, id, { decision: 'approve', ...choice });
      const { scope, uses, lasts } = JSON.parse(statement) as Record<string, unknown>;
      return { scope, uses, lasts };
    };
    expect(await statementOf({})).toEqual({ scope: 'run', uses: 5, lasts: 28_800 });
    expect(await statementOf({ scope: 'call' })).toEqual({ scope: 'call', uses: 1, lasts: 28_800 });
    expect(await statementOf({ uses: 2, lasts: 60 })).toEqual({ scope: 'run', uses: 2, lasts: 60 });
    for (const more of [{ scope: 'session' }, { uses: 6 }, { lasts: 28_801 }])
      expect(await refusalOf(statementOf(more))).toMatchObject({ code: 'invalid-request' });
  });

  it('is made by whom the rule names, by no owner of the agent, and by nobody who only looks', async () => {
    const { broker, asked: askedFor, decisions, enrolled, ownerOf, people, link, ann, decide } = await arranged();
    const cy = await enrolled('cy');
    const bo = await enrolled('bo');
    ownerOf.set('bo', ['codex']);
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    const { person } = await people.loginByLink(asked, link('page'));
    for (const who of [cy.person, person, bo.person])
      expect(await refusalOf(decisions.challenge(who, id, { decision: 'approve' }))).toMatchObject({
        code: 'not-allowed',
      });
    // who owns it may still say no
    expect(await decisions.challenge(bo.person, id, { decision: 'deny' })).toBeDefined();
    await decide(id, 'approve', {}, ann);
    expect(await refusalOf(decisions.challenge(bo.person, id, { decision: 'deny' }))).toMatchObject({
      code: 'approval-over',
    });
  });

  it('is made by no owner of an agent whose run is above, unless the rule lets owners', async () => {
    const stand = await arranged(run, { ...rule, self: true });
    stand.ownerOf.set('ann', ['other']);
    const agentRun = {
      ...unlistedRun('below'),
      root: 'root',
      chain: [
        { run: 'below', agent: 'codex', allow: undefined },
        { run: 'root', agent: 'other', allow: undefined },
      ],
    };
    const ask = async (name: string) => stand.asked(stand.broker.secrets(codex({ agentRun }), [name]));
    const id = await ask('github.token');
    expect(await refusalOf(stand.decide(id, 'approve'))).toMatchObject({ code: 'not-allowed' });
    expect(await stand.decide(id, 'deny')).toMatchObject({ state: 'denied', asked: { above: ['other'] } });
    expect(await stand.decide(await ask('openai.api_key'), 'approve')).toMatchObject({ state: 'approved' });
  });

  it('is not taken from a passkey that was taken out of policy.yaml meanwhile', async () => {
    const { broker, asked: askedFor, decisions, ann, page, challengeIn, keys } = await arranged();
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    const { ticket, wanted } = await decisions.challenge(ann.person, id, { decision: 'approve' });
    keys.set('ann', []);
    const assertion = ann.passkey.assert({ ...page, challenge: challengeIn(wanted) });
    expect(await refusalOf(decisions.decide(asked, ann.person, id, ticket, { assertion }))).toMatchObject({
      code: 'not-authenticated',
    });
  });

  it('fails where the counter of the passkey goes back, and the passkey stays', async () => {
    const { broker, asked: askedFor, decide, ledger, trail } = await arranged({ ...rule, flows: ['orders-token'] });
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    await decide(id, 'approve', { claims: { counter: 40 } });
    const next = await askedFor(broker.token(codex(), 'orders-token', {}));
    expect(await refusalOf(decide(next, 'approve', { claims: { counter: 12 } }))).toMatchObject({
      code: 'passkey-counter',
    });
    expect(trail.last()).toMatchObject({ action: 'approval.counter', code: 'passkey-counter', approver: 'ann' });
    expect(await ledger.find(next)).toMatchObject({ state: 'pending' });
    await decide(next, 'approve', { claims: { counter: 41 } });
  });

  it('does not count where the trail cannot be written', async () => {
    const { broker, asked: askedFor, decide, ledger, trail } = await arranged();
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    trail.broken = true;
    await expect(decide(id, 'approve')).rejects.toThrow('disk full');
    trail.broken = false;
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
  });

  it('is by the clock of the broker, whatever the clock of the one who decides says', async () => {
    const { broker, asked: askedFor, decisions, ann, clock } = await arranged();
    const id = await askedFor(broker.secrets(codex(), ['openai.api_key']));
    const { statement } = await decisions.challenge(ann.person, id, { decision: 'approve' });
    expect(JSON.parse(statement)).toMatchObject({ asked: new Date(clock.now()).toISOString() });
  });
});
