import type { JWTPayload } from 'jose';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { checkIssuerDecision } from '../../../src/broker/people/issuer-decision.ts';
import type { Trust } from '../../../src/folder/policy/policy.ts';
import type { IssuerDecision } from '../../../src/foundation/approval-statement.ts';
import {
  type HostileIssuer,
  type IssuerOptions,
  startHostileIssuer,
} from '../../adapters/identity/sign-in-pages/hostile-issuer.ts';
import { refusalOf } from '../arrange.ts';
import { codex } from '../approvals/stand.ts';
import { asked, peopled } from './stand.ts';

const rule = { names: ['openai.api_key'], by: ['ann', 'bo'], wait: '5m' };
const other = { flows: ['orders-token'], by: ['ann'] };

/** What a test makes the issuer say, and when. */
interface Lie {
  metadata?: object;
  claims?: (claims: JWTPayload) => JWTPayload;
  unsigned?: boolean;
  foreignKey?: boolean;
}

/** Ann is proven by an issuer that lies on demand, and signed in to the page by it. */
async function arranged() {
  const stand = await peopled('http://localhost:7700', rule, other);
  // the issuer's tokens are of now
  stand.clock.setWall((Date.now() - stand.clock.now()) / 1_000);
  const lie: Lie = {};
  const seconds = () => Math.floor(Date.now() / 1_000);
  const options: IssuerOptions = {
    routes: {},
    metadata: () => lie.metadata ?? {},
    claims: (claims) => lie.claims?.({ ...claims, auth_time: seconds() }) ?? { ...claims, auth_time: seconds() },
    get unsigned() {
      return lie.unsigned === true;
    },
    get foreignKey() {
      return lie.foreignKey === true;
    },
  };
  const issuer: HostileIssuer = await startHostileIssuer(options);
  onTestFinished(() => issuer.close());
  const trustOf = (sub: string): Trust => ({ issuer: issuer.url, audience: 'flows-page', claims: { sub } });
  stand.trust.set('ann', [trustOf('ada')]).set('bo', [trustOf('bob')]);
  const place = { issuer: issuer.url, client: 'flows-page' };

  /** As a browser goes there, and is sent back. @returns the query */
  async function visit(authorize: string): Promise<string> {
    await fetch(authorize);
    const back = await fetch(`${issuer.url}/login`, { method: 'POST', redirect: 'manual' });
    return new URL(back.headers.get('location') ?? '').search.slice(1);
  }
  async function signIn() {
    const { ticket, authorize } = await stand.people.authorize(place);
    return stand.people.loginByIssuer(asked, ticket, await visit(authorize));
  }
  const { person } = await signIn();
  async function ask(id: string, decision: 'approve' | 'deny' = 'approve', who = person) {
    const { ticket, wanted, statement } = await stand.decisions.challenge(who, id, { decision });
    if (!('authorize' in wanted)) throw new Error('a passkey is wanted');
    return { ticket, statement, authorize: wanted.authorize };
  }
  return {
    ...stand,
    lie,
    issuer,
    place,
    trustOf,
    visit,
    signIn,
    person,
    ask,
    async decide(id: string, decision: 'approve' | 'deny' = 'approve') {
      const { ticket, authorize } = await ask(id, decision);
      return stand.decisions.decide(asked, person, id, ticket, { callback: await visit(authorize) });
    },
    secret: () => stand.asked(stand.broker.secrets(codex(), ['openai.api_key'])),
    signed() {
      const found = stand.trail.events.find(({ signed }) => signed !== undefined)?.signed;
      if (found === undefined || !('idToken' in found)) throw new Error('nothing was signed');
      return found;
    },
  };
}

describe('a sign-in at an issuer', () => {
  it('opens the page for the person whom policy names, once, and approves nothing', async () => {
    const { people, person, place, visit, secret, decisions, ask, ledger, trail, issuer } = await arranged();
    expect(person).toEqual({ approver: 'ann', name: 'ann', by: 'oidc', place });
    expect(trail.last()).toMatchObject({ action: 'approver.signed-in', detail: `by a sign-in at ${issuer.url}` });
    const { ticket, authorize } = await people.authorize(place);
    const callback = await visit(authorize);
    await people.loginByIssuer(asked, ticket, callback);
    expect(await refusalOf(people.loginByIssuer(asked, ticket, callback))).toMatchObject({ code: 'not-authenticated' });
    const id = await secret();
    const pending = await ask(id);
    const reused = decisions.decide(asked, person, id, pending.ticket, { callback });
    expect(await refusalOf(reused)).toMatchObject({ code: 'not-authenticated' });
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
  });

  it('that proves nobody takes no room of those that do', async () => {
    const { sharing, place, visit, database } = await arranged();
    const { people } = sharing();
    const used = async () => (await database.query(`select from flows_kept where kind = 'used'`)).length;
    const before = await used();
    const { ticket, authorize } = await people.authorize(place);
    const strange = people.loginByIssuer(asked, ticket, 'code=x&state=y');
    expect(await refusalOf(strange)).toMatchObject({ code: 'not-authenticated' });
    expect(await used()).toBe(before);
    await people.loginByIssuer(asked, ticket, await visit(authorize));
    expect(await used()).toBe(before + 1);
  });

  it('is begun at one broker and ended at another, where they share what they keep', async () => {
    const { sharing, place, visit, person, secret } = await arranged();
    const [one, other] = [sharing(), sharing()];
    const { ticket, authorize } = await one.people.authorize(place);
    const callback = await visit(authorize);
    expect((await other.people.loginByIssuer(asked, ticket, callback)).person).toEqual(person);
    const id = await secret();
    const challenge = await one.decisions.challenge(person, id, { decision: 'approve' });
    if (!('authorize' in challenge.wanted)) throw new Error('a passkey is wanted');
    const proof = { callback: await visit(challenge.wanted.authorize) };
    expect(await other.decisions.decide(asked, person, id, challenge.ticket, proof)).toMatchObject({
      state: 'approved',
    });
  });

  it.each<[string, Lie]>([
    ['somebody whom policy does not name', { claims: (claims) => ({ ...claims, sub: 'mallory' }) }],
    ['another sign-in', { claims: (claims) => ({ ...claims, nonce: 'x'.repeat(43) }) }],
    ['another client', { claims: (claims) => ({ ...claims, aud: 'other' }) }],
    ['another issuer', { claims: (claims) => ({ ...claims, iss: 'https://evil.example' }) }],
    ['nobody who signed it', { unsigned: true }],
    ['another key', { foreignKey: true }],
  ])('opens it for nobody by the ID token of %s', async (_, said) => {
    const { lie, signIn, trail } = await arranged();
    Object.assign(lie, said);
    expect(await refusalOf(signIn())).toMatchObject({ code: 'not-authenticated' });
    expect(trail.last()).toMatchObject({ action: 'authenticate', outcome: 'denied' });
  });

  it.each(['javascript:alert(1)', 'flows:x'])('sends no browser to %s', async (address) => {
    const stand = await arranged();
    stand.lie.metadata = { authorization_endpoint: address };
    // policy is another, and so the issuer is asked again
    stand.trust.set('ann', [{ ...stand.trustOf('ada'), claims: { sub: 'ada', iss: stand.issuer.url } }]);
    await expect(stand.people.authorize(stand.place)).rejects.toMatchObject({ code: 'refused' });
  });

  it('is begun at no issuer or client that policy does not name', async () => {
    const { people, place } = await arranged();
    for (const wrong of [{ issuer: 'https://evil.example' }, { client: 'other' }])
      expect(await refusalOf(people.authorize({ ...place, ...wrong }))).toMatchObject({ code: 'not-allowed' });
  });

  it('is a failure of a service where the issuer does not answer, and no decision', async () => {
    const { ask, secret, visit, decisions, person, issuer, ledger } = await arranged();
    const id = await secret();
    const { ticket, authorize } = await ask(id);
    const callback = await visit(authorize);
    issuer.close();
    await expect(decisions.decide(asked, person, id, ticket, { callback })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
  });
});

describe('a decision by a sign-in', () => {
  it('is made anew for what it decides, and the trail says that it was no passkey', async () => {
    const { decide, secret, issuer, trail, signed, ledger, broker, trustOf, clock } = await arranged();
    const id = await secret();
    expect(await decide(id)).toMatchObject({ state: 'approved' });
    expect(Object.fromEntries(issuer.request())).toMatchObject({
      prompt: 'login',
      max_age: '0',
      scope: 'openid',
      code_challenge_method: 'S256',
    });
    expect(trail.events.find(({ action }) => action === 'approval.approved')).toMatchObject({
      approver: 'ann',
      detail: `by a sign-in at ${issuer.url}, not by a passkey`,
    });
    expect(await ledger.find(id)).toMatchObject({ answers: [{ approver: 'ann', decision: 'approve', by: 'oidc' }] });
    expect(await checkIssuerDecision(signed(), () => [trustOf('ada')], clock.now())).toMatchObject({
      statement: { approval: id, approver: 'ann', decision: 'approve' },
    });
    expect(await broker.secrets(codex({ approvals: [id] }), ['openai.api_key'])).toBeDefined();
  });

  const stale = (ago: number) => (claims: JWTPayload) => ({ ...claims, auth_time: Number(claims.iat) - ago });
  test.each<[string, Lie, string]>([
    ['another person of policy', { claims: (claims) => ({ ...claims, sub: 'bob' }) }, 'it is that of "bo"'],
    ['somebody else', { claims: (claims) => ({ ...claims, sub: 'mallory' }) }, 'claim "sub" is not that of'],
    ['another issuer', { claims: (claims) => ({ ...claims, iss: 'https://evil.example' }) }, 'not valid'],
    ['another audience', { claims: (claims) => ({ ...claims, aud: 'other' }) }, 'not valid'],
    ['many audiences', { claims: (claims) => ({ ...claims, aud: ['flows-page', 'other'] }) }, ''],
    ['a sign-in from before the question', { claims: stale(3_600) }, 'auth-time'],
    ['no time of the sign-in', { claims: (claims) => ({ ...claims, auth_time: undefined }) }, 'auth-time'],
    ['a time that is text', { claims: (claims) => ({ ...claims, auth_time: String(claims.iat) }) }, ''],
    ['no nonce', { claims: (claims) => ({ ...claims, nonce: undefined }) }, 'not valid'],
    ['an end that is over', { claims: (claims) => ({ ...claims, exp: 1 }) }, 'not valid'],
    ['nobody who signed it', { unsigned: true }, ''],
    ['a key that is not the issuer’s', { foreignKey: true }, ''],
  ])('is none by an ID token of %s', async (_, said, why) => {
    const { lie, decide, secret, ledger, trail } = await arranged();
    const id = await secret();
    Object.assign(lie, said);
    expect(await refusalOf(decide(id))).toMatchObject({ code: 'not-authenticated' });
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
    expect(trail.last()).toMatchObject({ action: 'authenticate', outcome: 'denied', approval: id, approver: 'ann' });
    expect(trail.last()?.detail).toContain(why);
  });

  it('is for this approval, this answer and this person, and good once', async () => {
    const { ask, visit, secret, asked: askedFor, decisions, person, broker, ledger, lie, clock } = await arranged();
    const id = await secret();
    const next = await askedFor(broker.token(codex(), 'orders-token', {}));
    const [yes, no, elsewhere] = [await ask(id), await ask(id, 'deny'), await ask(next)];
    const tried = async (which: string, given: { ticket: string; authorize: string }, nonceOf: typeof yes) => {
      // an issuer that puts into the token what was asked for by another request
      const nonce = new URL(nonceOf.authorize).searchParams.get('nonce') ?? '';
      lie.claims = (claims) => ({ ...claims, nonce });
      return refusalOf(
        decisions.decide(asked, person, which, given.ticket, { callback: await visit(given.authorize) }),
      );
    };
    expect(await tried(id, yes, no)).toMatchObject({ code: 'not-authenticated' });
    expect(await tried(next, elsewhere, yes)).toMatchObject({ code: 'not-authenticated' });
    delete lie.claims;
    const bo = { ...person, approver: 'bo', name: 'bo' };
    const stolen = decisions.decide(asked, bo, id, no.ticket, { callback: await visit(no.authorize) });
    expect(await refusalOf(stolen)).toMatchObject({ code: 'not-authenticated' });
    const late = await ask(id);
    clock.pass(601);
    const tooLate = decisions.decide(asked, person, id, late.ticket, { callback: await visit(late.authorize) });
    expect(await refusalOf(tooLate)).toMatchObject({
      code: expect.stringMatching(/^(?:not-authenticated|approval-over)$/),
    });
    expect((await ledger.find(id))?.answers).toEqual([]);
  });

  it('is replayed by nobody', async () => {
    const { ask, visit, secret, decisions, person } = await arranged();
    const id = await secret();
    const { ticket, authorize } = await ask(id, 'deny');
    const callback = await visit(authorize);
    expect(await decisions.decide(asked, person, id, ticket, { callback })).toMatchObject({ state: 'denied' });
    expect(await refusalOf(decisions.decide(asked, person, id, ticket, { callback }))).toMatchObject({
      code: 'not-authenticated',
    });
  });

  it('is not taken where policy lost the issuer meanwhile, nor by a passkey that was not asked for', async () => {
    const { ask, visit, secret, decisions, person, trust, enrolled, page, ledger } = await arranged();
    const { passkey } = await enrolled('ann');
    const id = await secret();
    const [first, second] = [await ask(id), await ask(id)];
    const assertion = passkey.assert({ ...page, challenge: Buffer.alloc(32) });
    const byPasskey = decisions.decide(asked, person, id, first.ticket, { assertion });
    expect(await refusalOf(byPasskey)).toMatchObject({ code: 'not-authenticated' });
    const callback = await visit(second.authorize);
    trust.delete('ann');
    expect(await refusalOf(decisions.decide(asked, person, id, second.ticket, { callback }))).toMatchObject({
      code: 'not-authenticated',
    });
    expect(await refusalOf(ask(id))).toMatchObject({ code: 'not-allowed' });
    expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
  });
});

describe('a decision by a sign-in, on the trail', () => {
  it('can be checked without the issuer, and is none where anything of it is another', async () => {
    const { decide, secret, signed, trustOf, clock } = await arranged();
    await decide(await secret());
    const good = signed();
    const at = clock.now();
    const check = (change: Partial<IssuerDecision>, trust = [trustOf('ada')], when = at) =>
      checkIssuerDecision({ ...good, ...change }, () => trust, when);
    const [head = '', body = '', signature = ''] = good.idToken.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const spoken = JSON.parse(good.statement) as Record<string, unknown>;
    const cases: readonly [Promise<unknown>, string][] = [
      [check({ bound: good.bound.replace('openai', 'github') }), 'digest'],
      [check({ statement: JSON.stringify({ ...spoken, decision: 'deny' }) }), 'nonce'],
      [check({ statement: 'yes' }), 'statement'],
      [check({ idToken: `${head}.${encoded({ ...claims, sub: 'eve' })}.${signature}` }), 'signature'],
      [check({ idToken: `${encoded({ alg: 'none' })}.${body}.` }), 'algorithm'],
      [check({ issuerKey: { kty: 'EC' } }), 'key'],
      [check({}, [trustOf('bob')]), 'subject'],
      [check({}, [{ ...trustOf('ada'), audience: 'other' }]), 'audience'],
      [check({}, [{ ...trustOf('ada'), issuer: 'https://evil.example' }]), 'issuer'],
      [check({}, []), 'issuer'],
      [check({}, undefined, at + 3_600_000), 'expired'],
    ];
    for (const [found, problem] of cases) expect(await found).toEqual({ problem });
    expect(await check({})).toHaveProperty('statement');
  });
});
