import { describe, expect, it } from 'vitest';
import type { Notice } from '../../../src/adapters/channels/contract.ts';
import { refusalOf } from '../arrange.ts';
import { peopled } from '../people/stand.ts';
import { approving, codex, database } from './stand.ts';

const rule = { names: ['openai.api_key'], by: ['ann', 'bo'], wait: '5m' };

const outbox = async () =>
  database.query<{ channel: string; notice: Notice }>(
    `select channel, notice from flows_outbox order by notice ->> 'type', channel`,
  );

describe('those who may answer', () => {
  it('are told of an approval that is opened, once, by their channels of this environment', async () => {
    const { broker, asked } = await approving(rule);
    const request = () => broker.secrets(codex({ reason: 'refund\n7 \u202E', run: 'run-42' }), ['openai.api_key']);
    const id = await asked(request());
    expect(await asked(request())).toBe(id);
    const told = await outbox();
    expect(told.map(({ channel }) => channel)).toEqual(['ops', 'phone']);
    expect(told[0]?.notice).toMatchObject({
      type: 'approval.opened',
      environment: 'development',
      agent: 'codex',
      names: ['openai.api_key'],
      approval: id,
      url: `http://localhost:7700/#/approvals/${id}`,
      claimed: { reason: 'refund 7', run: 'run-42' },
    });
    expect(told[0]?.notice.expires).toBe((told[0]?.notice.at ?? 0) + 300_000);
    expect(told[1]?.notice.id).toBe(told[0]?.notice.id);
  });

  it('are told of nothing where nothing is opened', async () => {
    const { broker } = await approving({ ...rule, by: ['cy'] });
    expect(await refusalOf(broker.secrets(codex(), ['openai.api_key']))).toMatchObject({ code: 'approval-required' });
    // cy has no channel here
    expect(await outbox()).toEqual([]);
  });

  it('are told when the owner of an agent approves by themselves', async () => {
    const stand = await peopled('http://localhost:7700', { ...rule, self: true });
    stand.ownerOf.set('ann', ['codex']);
    const ann = await stand.enrolled('ann');
    const id = await stand.asked(stand.broker.secrets(codex(), ['openai.api_key']));
    const { ticket, wanted } = await stand.decisions.challenge(ann.person, id, { decision: 'approve' });
    const assertion = ann.passkey.assert({ ...stand.page, challenge: stand.challengeIn(wanted) });
    await stand.decisions.decide({ request: 'r', address: 'here' }, ann.person, id, ticket, { assertion });
    const told = await outbox();
    expect(told.map(({ channel, notice }) => `${notice.type} ${channel}`)).toEqual([
      'approval.opened ops',
      'approval.opened phone',
      'approval.self-approved ops',
      'approval.self-approved phone',
    ]);
  });
});
