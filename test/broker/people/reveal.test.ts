import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, test } from 'vitest';
import type { AuditLine } from '../../../src/audit/read-trail.ts';
import type { FlowAnswer } from '../../../src/broker/contract.ts';
import type { Person } from '../../../src/broker/people/sessions.ts';
import { checkDecision, type PasskeyDecision } from '../../../src/foundation/approval-statement.ts';
import { codeAt, parseOneTimePassword } from '../../../src/foundation/totp.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { createSoftwarePasskey } from '../../../src/laptop/software-passkey.ts';
import { verifyApprovals } from '../../../src/surfaces/cli/audit/verify-approvals.ts';
import type { Terminal } from '../../../src/surfaces/cli/terminal.ts';
import { folderWith } from '../../folder/folder.ts';
import { refusalOf } from '../arrange.ts';
import { codex } from '../approvals/stand.ts';
import { asked, peopled } from './stand.ts';

const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const rule = { names: ['openai.api_key'], by: ['ann'] };
const wish = { inputs: {}, reason: 'the issuer is down' };

/** Ann, who may have the code of `glass` revealed, and bo, who may not. */
async function arranged() {
  const stand = await peopled(undefined, rule);
  const { vault, reveals, page, challengeIn } = stand;
  const canary = vault.value;
  vault.value = (reference) => (reference.endsWith('one-time password') ? seed : canary(reference));
  const { passkey, person } = await stand.enrolled('ann');
  const bo = await stand.enrolled('bo');
  stand.trail.events.length = 0;
  async function ask(who: Person = person, flow = 'glass', what = wish, by = passkey) {
    const { ticket, wanted, statement, bound } = await reveals.challenge(asked, who, flow, what);
    const assertion = by.assert({ ...page, challenge: challengeIn(wanted) });
    return { ticket, statement, bound, proof: { assertion } };
  }
  return {
    ...stand,
    passkey,
    ann: person,
    bo,
    ask,
    async reveal(who: Person = person, flow = 'glass'): Promise<FlowAnswer> {
      const { ticket, proof } = await ask(who, flow);
      return reveals.reveal(asked, who, flow, ticket, proof);
    },
    signed: () => stand.trail.events.flatMap(({ signed }) => signed ?? []) as PasskeyDecision[],
  };
}

describe('the code of a break-glass flow', () => {
  it('is revealed with its user and no password, and is on the trail before that, with who, why and the proof', async () => {
    const { reveal, trail, ran, clock, keys, signed, vault } = await arranged();
    const { output, as } = await reveal();
    const code = (await codeAt(await parseOneTimePassword(new Secret(seed)), clock.now())).reveal();
    expect(output).toEqual({ username: 'admin', code: { code, valid_for: 30 } });
    expect(as).toEqual({ username: 'plain', code: 'one-time-code' });
    expect(ran).toEqual([{ flow: 'glass', agent: 'ann', reason: wish.reason, events: 0 }]);
    const [line, ...others] = trail.events;
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      agent: 'ann',
      approver: 'ann',
      action: 'break-glass.revealed',
      what: ['glass'],
      outcome: 'allowed',
      reason: wish.reason,
      rule: expect.stringMatching(/^policy\.yaml:\d+:\d+ reveal glass$/),
      approval: expect.stringMatching(/^r-[0-9a-f]{18}$/),
    });
    const [proof] = signed();
    if (proof === undefined) throw new TypeError('nothing was signed');
    expect(checkDecision(proof, (name) => keys.get(name) ?? [])).toMatchObject({
      statement: { decision: 'reveal', approver: 'ann', approval: line?.approval, lasts: 120, uses: 1 },
    });
    expect(JSON.parse(proof.bound)).toMatchObject({
      kind: 'reveal',
      for: 'ann',
      what: [{ name: 'glass' }],
      reads: ['op://Agents/Glass/one-time password', 'op://Agents/Glass/password'],
      inputs: {},
      reason: wish.reason,
      until: new Date(clock.now() + 120_000).toISOString(),
    });
    const written = JSON.stringify(trail.events);
    for (const value of [code, seed, vault.value('op://Agents/Glass/password')]) expect(written).not.toContain(value);
  });

  it('is for whom policy names, who learns of no other: what is missing is refused alike', async () => {
    const { reveals, ask, ann, bo, people, link, trail } = await arranged();
    expect(reveals.list(ann)).toMatchObject([{ name: 'glass', close: 'glass-close', accounts: [] }]);
    expect(reveals.list(bo.person)).toEqual([]);
    const looks = await people.loginByLink(asked, link('page'));
    trail.events.length = 0;
    const refused = [
      await refusalOf(ask(bo.person, 'glass', wish, bo.passkey)),
      await refusalOf(ask(bo.person, 'nothing', wish, bo.passkey)),
      await refusalOf(ask(ann, 'orders-token')),
      await refusalOf(ask(ann, 'nothing')),
      await refusalOf(ask(looks.person, 'glass')),
    ];
    expect(new Set(refused.map((each) => JSON.stringify(each)))).toEqual(
      new Set(['{"code":"not-allowed","status":403}']),
    );
    expect(trail.events).toHaveLength(5);
    expect(trail.events[0]).toMatchObject({ agent: 'bo', outcome: 'denied', code: 'not-allowed', reason: wish.reason });
  });

  test.each<[string, string]>([
    ['comes a second time', 'replay'],
    ['comes from somebody else', 'bo'],
    ['takes longer than two minutes', 'late'],
    ['was made for another reason', 'other'],
    ['was made for an approval', 'approval'],
    ['is by a passkey that is not theirs', 'passkey'],
  ])('is not given for a proof that %s', async (_, how) => {
    const stand = await arranged();
    const { reveals, ask, ann, bo, clock, ran, page, challengeIn, decisions, broker } = stand;
    let { ticket, proof } = await ask();
    let who: Person = ann;
    if (how === 'replay') await reveals.reveal(asked, ann, 'glass', ticket, proof);
    if (how === 'bo') who = bo.person;
    if (how === 'late') clock.pass(121);
    if (how === 'other') ({ ticket } = await ask(ann, 'glass', { ...wish, reason: 'another' }));
    if (how === 'approval') {
      const id = await stand.asked(broker.secrets(codex(), ['openai.api_key']));
      const challenge = await decisions.challenge(ann, id, { decision: 'approve' });
      ticket = challenge.ticket;
      proof = { assertion: stand.passkey.assert({ ...page, challenge: challengeIn(challenge.wanted) }) };
    }
    if (how === 'passkey') ({ ticket, proof } = await ask(ann, 'glass', wish, createSoftwarePasskey()));
    const before = ran.length;
    expect(await refusalOf(reveals.reveal(asked, who, 'glass', ticket, proof))).toMatchObject({
      code: 'not-authenticated',
    });
    expect(ran).toHaveLength(before);
  });

  it('is no answer to an approval', async () => {
    const { decisions, ask, ann, asked: askFor, broker, ledger } = await arranged();
    const id = await askFor(broker.secrets(codex(), ['openai.api_key']));
    const { ticket, proof } = await ask();
    expect(await refusalOf(decisions.decide(asked, ann, id, ticket, proof))).toMatchObject({
      code: 'not-authenticated',
    });
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
  });

  it('is not given where policy took it away meanwhile, or a passkey was copied', async () => {
    const { reveals, ask, ann, rewrite, ran, ledger, passkey, trail } = await arranged();
    const copied = await ask();
    await ledger.counts({ credential: passkey.id, counter: 1_000_000 });
    expect(await refusalOf(reveals.reveal(asked, ann, 'glass', copied.ticket, copied.proof))).toMatchObject({
      code: 'passkey-counter',
    });
    expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'passkey-counter', reason: wish.reason });
    expect(trail.last()?.signed).toBeDefined();
    const { ticket, proof } = await ask();
    rewrite({ policy: 'approvers: { ann: {} }\nagents: {}\n' });
    expect(await refusalOf(reveals.reveal(asked, ann, 'glass', ticket, proof))).toMatchObject({ code: 'not-allowed' });
    expect(ran).toEqual([]);
  });

  it('is not given where what was signed is not the same any more', async () => {
    const { reveals, ask, ann, app, ran } = await arranged();
    const { ticket, proof } = await ask();
    const flow = app.folder.flows.get('glass');
    if (flow === undefined) throw new TypeError('no flow');
    const source = { ...flow.source, text: `${flow.source.text}# another\n` };
    (app.folder.flows as Map<string, typeof flow>).set('glass', { ...flow, source });
    expect(await refusalOf(reveals.reveal(asked, ann, 'glass', ticket, proof))).toMatchObject({
      code: 'approval-stale',
    });
    expect(ran).toEqual([]);
  });

  it('is not given where the trail cannot be written', async () => {
    const { reveals, ask, ann, trail } = await arranged();
    const { ticket, proof } = await ask();
    trail.broken = true;
    await expect(reveals.reveal(asked, ann, 'glass', ticket, proof)).rejects.toThrow(/disk full|internal/);
  });

  it('is asked for with inputs that the flow takes, and not too often', async () => {
    const { reveals, ann, clock, trail } = await arranged();
    const wrong = { ...wish, inputs: { door: 'window' } };
    expect(await refusalOf(reveals.challenge(asked, ann, 'glass', wrong))).toMatchObject({ code: 'invalid-request' });
    for (let index = 1; index < 10; index += 1) await reveals.challenge(asked, ann, 'glass', wish);
    const beyond = await refusalOf(reveals.challenge(asked, ann, 'glass', wish));
    expect(beyond).toMatchObject({ code: 'rate-limited', retryAfter: 60 });
    expect(trail.last()).toMatchObject({ outcome: 'denied', code: 'rate-limited' });
    clock.pass(60);
    await expect(reveals.challenge(asked, ann, 'glass', wish)).resolves.toBeDefined();
  });
});

it('stands on a trail that can be checked later, and not with another reason or flow', async () => {
  const { reveal, trail, keys } = await arranged();
  await reveal();
  const [event] = trail.events;
  const dir = folderWith({});
  const [passkey] = keys.get('ann') ?? [];
  if (event === undefined || passkey === undefined) throw new TypeError('nothing was revealed');
  const { id, publicKey, algorithm } = passkey;
  const ann = { passkeys: [{ id, 'public-key': publicKey, algorithm }], reveal: ['glass'] };
  const file = join(dir, 'policy.yaml');
  writeFileSync(file, JSON.stringify({ approvers: { ann }, agents: {} }));
  async function doubts(change: Partial<AuditLine>): Promise<unknown> {
    let told = '';
    const terminal = {
      out: (text: string) => void (told += text),
      paint: (_: string, text: string) => text,
    } as Terminal;
    const line = { seq: 1, at: '2026-11-22T00:00:00.000Z', prev: '', mac: '', ...event, ...change } as AuditLine;
    await verifyApprovals(Readable.from([line]), { file, laptop: false }, terminal, true);
    return JSON.parse(told);
  }
  expect(await doubts({})).toMatchObject({ signed: 1, unsigned: 0, doubts: [] });
  expect(await doubts({ outcome: 'denied', signed: undefined })).toMatchObject({ signed: 0, unsigned: 0, doubts: [] });
  for (const change of [{ reason: 'a drill' }, { what: ['other'] }, { approver: 'bo' }, { signed: undefined }])
    expect(await doubts(change)).toMatchObject({ signed: 0, doubts: [{ problem: 'line' }] });
});
