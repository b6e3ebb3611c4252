import { describe, expect, it, test } from 'vitest';
import { createSoftwarePasskey } from '../../../src/laptop/software-passkey.ts';
import { refusalOf } from '../arrange.ts';
import { asked, peopled } from './stand.ts';

const outcomeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    ({ code }: { code: string }) => code,
  );

describe('an approver', () => {
  it('enrols a passkey by a link for them alone, once, and the trail says who made the link', async () => {
    const { people, link, challengeIn, page, keys, trail } = await peopled();
    const once = link('enrol ann');
    expect(await refusalOf(people.enrolOptions(asked, 'bo', once))).toMatchObject({ code: 'not-authenticated' });
    const { ticket, options } = await people.enrolOptions(asked, 'ann', once);
    expect(options).toMatchObject({
      rp: { id: 'localhost' },
      attestation: 'none',
      authenticatorSelection: { userVerification: 'required' },
      pubKeyCredParams: [{ alg: -7 }, { alg: -8 }, { alg: -257 }],
    });
    expect(await refusalOf(people.enrolOptions(asked, 'ann', once))).toMatchObject({ code: 'not-authenticated' });
    const passkey = createSoftwarePasskey();
    const registration = passkey.register({ ...page, challenge: challengeIn(options) });
    expect(await people.enrol(asked, ticket, registration)).toMatchObject({ person: { approver: 'ann' } });
    expect(await refusalOf(people.enrol(asked, ticket, registration))).toMatchObject({ code: 'not-authenticated' });
    expect(keys.get('ann')).toMatchObject([{ id: passkey.id, algorithm: 'ES256', added: '2026-11-22' }]);
    expect(trail.events.find(({ action }) => action === 'approver.key-added')).toMatchObject({
      agent: 'local:op',
      approver: 'ann',
      detail: `passkey ${passkey.id.slice(0, 12)}… (ES256, on one device), by a link of op`,
    });
  });

  test.each<[string, string]>([
    ['a link that is over', 'late'],
    ['a link for another thing', 'page'],
    ['no link', 'none'],
    ['somebody who is not in policy.yaml', 'zoe'],
  ])('is not made by %s', async (_, which) => {
    const { people, link, clock } = await peopled();
    const name = which === 'zoe' ? 'zoe' : 'ann';
    const given = which === 'none' ? 'flows-operator_x.y' : link(which === 'page' ? 'page' : `enrol ${name}`);
    if (which === 'late') clock.pass(901);
    expect(await refusalOf(people.enrolOptions(asked, name, given))).toMatchObject({ code: 'not-authenticated' });
  });

  it('who is nobody, again and again, has a line a second on the trail, which counts', async () => {
    const { people, trail, clock } = await peopled();
    const lines = () => trail.events.filter(({ code }) => code === 'not-authenticated');
    const refused = Array.from({ length: 300 }, () => refusalOf(people.loginByLink(asked, 'flows-operator_x.y')));
    await expect.poll(() => lines().length).toBe(100);
    clock.pass(1);
    for (const each of await Promise.all(refused)) expect(each).toMatchObject({ code: 'not-authenticated' });
    expect(lines()).toHaveLength(101);
    expect(lines().at(-1)?.detail).toMatch(/^200 requests were refused /);
  });

  it('is not enrolled with a passkey that somebody has, or that was made without its user', async () => {
    const { people, enrolled, link, page, challengeIn } = await peopled();
    const { passkey } = await enrolled('ann');
    for (const claims of [{}, { flags: 0x01 }]) {
      const { ticket, options } = await people.enrolOptions(asked, 'bo', link('enrol bo'));
      const made = claims.flags === undefined ? passkey : createSoftwarePasskey();
      const registration = made.register({ ...page, challenge: challengeIn(options), claims });
      expect(await refusalOf(people.enrol(asked, ticket, registration))).toMatchObject({ code: 'not-authenticated' });
    }
  });

  it('is nobody where the trail cannot be written', async () => {
    const { people, link, challengeIn, page, keys, trail } = await peopled();
    const { ticket, options } = await people.enrolOptions(asked, 'ann', link('enrol ann'));
    trail.broken = true;
    const registration = createSoftwarePasskey().register({ ...page, challenge: challengeIn(options) });
    await expect(people.enrol(asked, ticket, registration)).rejects.toThrow('disk full');
    expect(keys.get('ann')).toBeUndefined();
  });
});

describe('a session of the page', () => {
  it('begins with a passkey, and each challenge is good once, for two minutes', async () => {
    const { people, enrolled, page, challengeIn, clock } = await peopled();
    const { passkey } = await enrolled('ann');
    const { ticket, options } = people.loginOptions();
    expect(options).toMatchObject({ rpId: 'localhost', userVerification: 'required', allowCredentials: [] });
    const assertion = passkey.assert({ ...page, challenge: challengeIn(options) });
    const { session } = await people.login(asked, ticket, assertion);
    expect(await people.person(session)).toEqual({ approver: 'ann', name: 'ann', by: 'passkey' });
    expect(await refusalOf(people.login(asked, ticket, assertion))).toMatchObject({ code: 'not-authenticated' });
    const late = people.loginOptions();
    clock.pass(121);
    const slow = passkey.assert({ ...page, challenge: challengeIn(late.options) });
    expect(await refusalOf(people.login(asked, late.ticket, slow))).toMatchObject({ code: 'not-authenticated' });
    clock.pass(8 * 3_600);
    expect(await people.person(session)).toBeUndefined();
  });

  it('is kept from nobody by who comes with nothing: what was used is kept of those alone who are proven', async () => {
    const { sharing, enrolled, page, challengeIn, database } = await peopled();
    const { passkey } = await enrolled('ann');
    const { people } = sharing();
    const used = async () => (await database.query(`select from flows_kept where kind = 'used'`)).length;
    const before = await used();
    const { ticket, options } = people.loginOptions();
    for (const key of [createSoftwarePasskey(), passkey]) {
      const forged = key.assert({ ...page, challenge: Buffer.alloc(32) });
      expect(await refusalOf(people.login(asked, ticket, forged))).toMatchObject({ code: 'not-authenticated' });
    }
    expect(await used()).toBe(before);
    const assertion = passkey.assert({ ...page, challenge: challengeIn(options) });
    expect(await people.login(asked, ticket, assertion)).toMatchObject({ person: { name: 'ann' } });
    expect(await used()).toBe(before + 1);
  });

  it('ends with its owner in policy.yaml, and with a word of theirs', async () => {
    const { people, enrolled, rewrite } = await peopled();
    const ann = await enrolled('ann');
    const bo = await enrolled('bo');
    await people.logout(ann.session);
    expect(await people.person(ann.session)).toBeUndefined();
    rewrite({ policy: 'approvers: { ann: {} }\nagents: {}\n' });
    expect(await people.person(bo.session)).toBeUndefined();
  });

  it('is not begun at another broker by a link that was used at this one', async () => {
    const { people, elsewhere, link } = await peopled();
    const [look, enrol] = [link('page'), link('enrol ann')];
    await people.loginByLink(asked, look);
    await people.enrolOptions(asked, 'ann', enrol);
    const other = elsewhere();
    for (const again of [other.loginByLink(asked, look), other.enrolOptions(asked, 'ann', enrol)])
      expect(await refusalOf(again)).toMatchObject({ code: 'not-authenticated' });
    await expect(other.loginByLink(asked, link('page'))).resolves.toMatchObject({ person: { by: 'link' } });
  });

  it('and each challenge is of all brokers that share what they keep, and is used at one of them', async () => {
    const { sharing, enrolled, page, challengeIn, link } = await peopled();
    const { passkey } = await enrolled('ann');
    const [{ people: one }, { people: other }] = [sharing(), sharing()];
    const { ticket, options } = one.loginOptions();
    const assertion = passkey.assert({ ...page, challenge: challengeIn(options) });
    const signedIn = await Promise.all([one, other].map((each) => outcomeOf(each.login(asked, ticket, assertion))));
    expect(signedIn.toSorted()).toEqual(['done', 'not-authenticated']);
    const { session } = await other.loginByLink(asked, link('page'));
    expect(await one.person(session)).toMatchObject({ name: 'local:op', by: 'link' });
    await one.logout(session);
    expect(await other.person(session)).toBeUndefined();
    const once = link('page');
    const opened = await Promise.all([one, other].map((each) => outcomeOf(each.loginByLink(asked, once))));
    expect(opened.toSorted()).toEqual(['done', 'not-authenticated']);
  });

  it('is kept by no more than the hash of its bearer', async () => {
    const { sharing, link, database } = await peopled();
    const { people } = sharing();
    const { session } = await people.loginByLink(asked, link('page'));
    const rows = await database.query('select * from flows_kept');
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain(session.slice('flows-page_'.length));
  });

  it('may be begun by a link of the operator, to look', async () => {
    const { people, link } = await peopled();
    const once = link('page');
    const { session, person } = await people.loginByLink(asked, once);
    expect(person).toEqual({ approver: undefined, name: 'local:op', by: 'link' });
    expect(await people.person(session)).toEqual(person);
    expect(await refusalOf(people.loginByLink(asked, once))).toMatchObject({ code: 'not-authenticated' });
  });
});
