import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Notice } from '../../src/adapters/channels/contract.ts';
import { agentRunSchema } from '../../src/broker/agent-runs/schema.ts';
import { approvalSchema } from '../../src/broker/approvals/schema.ts';
import type { Kept } from '../../src/broker/kept/contract.ts';
import { keptInDatabase } from '../../src/broker/kept/in-database.ts';
import { keptSchema } from '../../src/broker/kept/schema.ts';
import { peopleSchema } from '../../src/broker/people/schema.ts';
import { openDatabase } from '../../src/durable/database/open-database.ts';
import { createValueGuard } from '../../src/durable/database/value-guard.ts';
import { enqueue } from '../../src/durable/outbox/enqueue.ts';
import { createOutbox } from '../../src/durable/outbox/outbox.ts';
import { outboxSchema } from '../../src/durable/outbox/schema.ts';
import { systemClock } from '../../src/foundation/clocks.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createClock, refusalOf } from '../broker/arrange.ts';
import { asked as asPage, peopledOn } from '../broker/people/stand.ts';
import { keptContract } from '../contracts/kept.ts';
import { approvingOn, codex, inRun } from '../broker/approvals/approving-on.ts';
import { startPostgresql } from './postgresql.ts';

const guard = createValueGuard();
const server = await startPostgresql();
afterAll(async () => {
  guard.close();
  await server.close();
});

const schema = [...agentRunSchema, ...approvalSchema, ...outboxSchema, ...peopleSchema, ...keptSchema];
const rule = { names: ['openai.api_key'], by: ['ann', 'bo'], wait: '5m' };

/** Connections of two brokers to one database of their own. */
async function twoDatabases() {
  const address = new Secret(server.fresh());
  const open = async () => {
    const database = await openDatabase({ address, folder: '', schema, guard });
    onTestFinished(() => database.close());
    return database;
  };
  return [await open(), await open()] as const;
}

async function twoBrokers(...rules: readonly object[]) {
  const [one, other] = await twoDatabases();
  return [await approvingOn(one, ...rules), await approvingOn(other, ...rules)] as const;
}

describe('approvals of two brokers on one PostgreSQL', () => {
  test('are one card and one notice, whichever of them is asked, however many at once', async () => {
    const brokers = await twoBrokers(rule);
    const asking = Array.from({ length: 16 }, async (_, index) => {
      const { asked, broker } = brokers[index % 2 === 0 ? 0 : 1];
      return asked(broker.secrets(codex(), ['openai.api_key']));
    });
    expect(new Set(await Promise.all(asking)).size).toBe(1);
    const told = await brokers[0].database.query<{ channel: string }>('select channel from flows_outbox');
    expect(told.map(({ channel }) => channel).toSorted()).toEqual(['ops', 'phone']);
  });

  test('that are answered at one wake who waits at the other', async () => {
    const [one, other] = await twoBrokers(rule);
    const held = one.broker.secrets(codex({ waits: 60 }), ['openai.api_key']);
    const { id } = await other.waiting();
    await other.answer(id, 'ann');
    await expect(held).resolves.toMatchObject({ resolved: { 'openai.api_key': expect.anything() } });
  });

  test('are used once, wherever they are brought at the same moment', async () => {
    const brokers = await twoBrokers(rule);
    for (let round = 0; round < 5; round += 1) {
      const id = await brokers[0].asked(brokers[0].broker.secrets(codex(), ['openai.api_key']));
      await brokers[1].answer(id, 'ann');
      const brought = Array.from({ length: 12 }, async (_, index) =>
        brokers[index % 2 === 0 ? 0 : 1].broker.secrets(codex({ approvals: [id] }), ['openai.api_key']),
      );
      const outcomes = await Promise.allSettled(brought);
      const refused = outcomes.filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(11);
      for (const each of refused) expect(each).toMatchObject({ reason: { code: 'approval-stale' } });
    }
  });

  test('of an agent run are good for so many calls, at both together', async () => {
    const brokers = await twoBrokers({ ...rule, scope: 'run', uses: 7 });
    const id = await brokers[0].asked(brokers[0].broker.secrets(inRun('a'), ['openai.api_key']));
    await brokers[1].answer(id, 'ann');
    const calls = Array.from({ length: 20 }, async (_, index) =>
      brokers[index % 2 === 0 ? 0 : 1].broker.secrets(inRun(`run-${index}`), ['openai.api_key']),
    );
    const given = (await Promise.allSettled(calls)).filter(({ status }) => status === 'fulfilled');
    expect(given).toHaveLength(7);
  });

  test('that two people answer at the same moment end one way: one no, or both yes', async () => {
    const [one, other] = await twoBrokers({ ...rule, needs: 2 });
    for (const decision of ['approve', 'deny'] as const) {
      const caller = codex({ reason: decision });
      const id = await one.asked(one.broker.secrets(caller, ['openai.api_key']));
      const answers = [one.answer(id, 'ann'), other.answer(id, 'bo', { decision }), other.answer(id, 'ann')];
      const results = (await Promise.all(answers)).map(({ result }) => result);
      const state = (await one.ledger.find(id))?.state;
      expect([decision, state]).toEqual([decision, decision === 'approve' ? 'approved' : 'denied']);
      // ann's second answer is no second vote
      expect(results.filter((result) => result === 'taken').length).toBeLessThanOrEqual(2);
      if (decision === 'approve') await one.broker.secrets(codex({ approvals: [id] }), ['openai.api_key']);
    }
  });

  test('whose passkey counter comes twice are taken once', async () => {
    const brokers = await twoBrokers(rule, { names: ['github.token'], by: ['ann'] });
    const ids = await Promise.all([
      brokers[0].asked(brokers[0].broker.secrets(codex(), ['openai.api_key'])),
      brokers[1].asked(brokers[1].broker.secrets(codex(), ['github.token'])),
    ]);
    const passkey = { credential: 'copied', counter: 7 };
    const answer = { approver: 'ann', decision: 'approve', scope: 'call', uses: 1, lasts: 60 } as const;
    const results = await Promise.all(
      ids.map(async (id, index) => brokers[index === 0 ? 0 : 1].ledger.answer(id, answer, passkey)),
    );
    expect(results.map(({ result }) => result).toSorted()).toEqual(['counter', 'taken']);
  });

  test('are swept once', async () => {
    const brokers = await twoBrokers(rule);
    await brokers[0].asked(brokers[0].broker.secrets(codex(), ['openai.api_key']));
    for (const { clock } of brokers) clock.pass(301);
    await Promise.all([...brokers, ...brokers].map(({ approvals }) => approvals.sweep()));
    const told = brokers.flatMap(({ trail }) => trail.events).filter(({ action }) => action === 'approval.expired');
    expect(told).toHaveLength(1);
    expect(await refusalOf(brokers[1].broker.secrets(codex(), ['openai.api_key']))).toMatchObject({
      code: 'approval-required',
    });
  });
});

describe('people at two brokers', () => {
  keptContract(async (most) => {
    const [one, other] = await twoDatabases();
    const clock = createClock();
    const kept = [one, other].map((each) => keptInDatabase(() => Promise.resolve(each), clock.now, most));
    return { clock, kept: [kept[0], kept[1]] as [Kept, Kept] };
  });

  test('are asked at one, answer at the other, and have one session at both', async () => {
    const [one, other] = (await twoBrokers(rule)).map((stand) => peopledOn(stand));
    if (one === undefined || other === undefined) throw new TypeError('no brokers');
    const { passkey, session: first } = await one.enrolled('ann');
    other.keys.set('ann', one.keys.get('ann') ?? []);
    const [here, there] = [one.sharing(), other.sharing()];
    const { ticket, options } = here.people.loginOptions();
    const assertion = passkey.assert({ ...one.page, challenge: one.challengeIn(options) });
    const { session, person } = await there.people.login(asPage, ticket, assertion);
    expect(await here.people.person(session)).toEqual(person);
    expect(await there.people.person(first)).toBeUndefined();

    const id = await one.asked(one.broker.secrets(codex(), ['openai.api_key']));
    const challenge = await here.decisions.challenge(person, id, { decision: 'approve' });
    const proof = { assertion: passkey.assert({ ...one.page, challenge: one.challengeIn(challenge.wanted) }) };
    const answers = await Promise.allSettled(
      [here, there].map(({ decisions }) => decisions.decide(asPage, person, id, challenge.ticket, proof)),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('open a link at one of them', async () => {
    const [one, other] = (await twoBrokers(rule)).map((stand) => peopledOn(stand));
    if (one === undefined || other === undefined) throw new TypeError('no brokers');
    for (let round = 0; round < 10; round += 1) {
      const link = one.link('page');
      const opened = await Promise.allSettled(
        [one, other, one, other].map(({ people }) => people.loginByLink(asPage, link)),
      );
      expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  });
});

test('of two brokers one tells each notice, once', async () => {
  const databases = await twoDatabases();
  const told: string[] = [];
  const outboxes = await Promise.all(
    databases.map((database) =>
      createOutbox({
        database,
        clock: systemClock,
        send: (channel: string, { id }: Notice) => Promise.resolve(void told.push(`${channel} ${id}`)),
        failed: ({ error }) => void told.push(error.code),
        gaveUp: ({ error }) => Promise.resolve(void told.push(error.code)),
      }),
    ),
  );
  onTestFinished(async () => {
    await Promise.all(outboxes.map((outbox) => outbox.close()));
  });
  const facts = { type: 'approval.opened', environment: 'production', agent: 'codex', names: ['x'] } as const;
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      (databases[index % 2] ?? databases[0]).transaction((tx) =>
        enqueue(tx, { channels: ['ops', 'phone'], facts, at: Date.now() }),
      ),
    ),
  );
  const left = async () => (await databases[0].query('select from flows_outbox')).length;
  await expect.poll(left).toBe(0);
  expect(told).toHaveLength(120);
  expect(new Set(told).size).toBe(120);
});
