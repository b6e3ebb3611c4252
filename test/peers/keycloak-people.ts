import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ClientCredentials } from '../../src/adapters/issuers/client.ts';
import { checkIssuerDecision } from '../../src/broker/people/issuer-decision.ts';
import type { Trust } from '../../src/folder/policy/policy.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { asBrowser, openTab } from '../adapters/identity/sign-in-pages/as-browser.ts';
import { codex } from '../broker/approvals/stand.ts';
import { refusalOf } from '../broker/arrange.ts';
import { asked, peopled } from '../broker/people/stand.ts';
import type { Realm } from './keycloak-realm.ts';

const rule = { names: ['openai.api_key'], by: ['ann', 'bo'] };
const origin = 'http://localhost:7700';
const redirectUris = [`${origin}/`];
const password = randomBytes(18).toString('base64url');
const reference = Reference.of({ vault: 'Agents', item: 'Page', field: 'credential' });
const at = reference.toString();
const [bySecret, byKey] = ['flows-page', 'flows-page-key'];

/** Approvers whom a real Keycloak proves, by confidential clients of the page. */
export function keycloakPeople(realm: () => Realm): void {
  describe('an approver who signs in at Keycloak', () => {
    const ids = new Map<string, string>();
    const usernames = new Map<string, string>();
    beforeAll(async () => {
      const client = { publicClient: false, standardFlowEnabled: true, redirectUris };
      const pkce = { 'pkce.code.challenge.method': 'S256' };
      const { admin, clientSecret, addUser } = realm();
      await admin('POST', '/clients', { ...client, clientId: bySecret, secret: clientSecret, attributes: pkce });
      const orders = (await (await admin('GET', '/clients?clientId=orders-key')).json()) as [{ attributes: object }];
      await admin('POST', '/clients', {
        ...client,
        clientId: byKey,
        clientAuthenticatorType: 'client-jwt',
        attributes: { ...orders[0].attributes, ...pkce },
      });
      for (const name of ['ann', 'bo']) {
        const username = `${name}-${randomBytes(6).toString('hex')}@example.com`;
        usernames.set(name, username);
        ids.set(name, await addUser({ username, password }));
      }
    });

    /** The page, whose client at Keycloak is this one, and the approver's browser. */
    async function arranged(client = bySecret, written: Partial<ClientCredentials> = { 'client-secret': [reference] }) {
      const stand = await peopled(origin, rule);
      const { issuer, clientSecret, clientKey } = realm();
      // Keycloak's tokens are of now
      stand.clock.setWall((Date.now() - stand.clock.now()) / 1_000);
      const trustOf = (name: string): Trust => ({ issuer, audience: client, claims: { sub: ids.get(name) ?? '' } });
      stand.trust.set('ann', [trustOf('ann')]).set('bo', [trustOf('bo')]);
      const range = { start: 0, end: 0 };
      const none = { 'client-secret': undefined, 'client-key': undefined };
      const credentials = { ...none, authentication: undefined, assertion: undefined, ...written };
      stand.pageClients.push({ issuer, clientId: client, credentials, ranges: { issuer: range, clientId: range } });
      stand.held.values.set(at, client === byKey ? clientKey : clientSecret);
      const place = { issuer, client };
      const visit = (authorize: string, name = 'ann') =>
        asBrowser(authorize, { username: usernames.get(name) ?? '', password });
      async function signIn(name = 'ann') {
        const { ticket, authorize } = await stand.people.authorize(place);
        return stand.people.loginByIssuer(asked, ticket, await visit(authorize, name));
      }
      async function begun(who: Awaited<ReturnType<typeof signIn>>['person']) {
        const id = await stand.asked(stand.broker.secrets(codex(), ['openai.api_key']));
        const { ticket, wanted } = await stand.decisions.challenge(who, id, { decision: 'approve' });
        if (!('authorize' in wanted)) throw new Error('a passkey is wanted');
        const decide = (callback: string) => stand.decisions.decide(asked, who, id, ticket, { callback });
        return { id, authorize: wanted.authorize, decide };
      }
      return { ...stand, trustOf, visit, signIn, begun };
    }

    test.each<[string, string, Partial<ClientCredentials>]>([
      ['its secret', bySecret, { 'client-secret': [reference] }],
      ['its secret, by Basic', bySecret, { 'client-secret': [reference], authentication: 'client_secret_basic' }],
      ['its key', byKey, { 'client-key': reference }],
    ])('decides by a sign-in made for it, the client showing %s', async (_, client, credentials) => {
      const { signIn, begun, visit, ledger, trail, trustOf, broker, clock } = await arranged(client, credentials);
      const { person } = await signIn();
      expect(person).toMatchObject({ approver: 'ann', by: 'oidc' });
      const { id, authorize, decide } = await begun(person);
      expect(Object.fromEntries(new URL(authorize).searchParams)).toMatchObject({ prompt: 'login', max_age: '0' });
      await decide(await visit(authorize));
      expect(await ledger.find(id)).toMatchObject({ state: 'approved', answers: [{ approver: 'ann', by: 'oidc' }] });
      expect(await broker.secrets(codex({ approvals: [id] }), ['openai.api_key'])).toBeDefined();
      // and whoever reads the trail later finds that it holds
      const signed = trail.events.find((each) => each.signed !== undefined)?.signed;
      if (signed === undefined || !('idToken' in signed)) throw new Error('nothing was signed');
      const found = await checkIssuerDecision(signed, () => [trustOf('ann')], clock.now());
      expect(found).toMatchObject({ statement: { approval: id, approver: 'ann', decision: 'approve' } });
      const { clientSecret, clientKey } = realm();
      const told = JSON.stringify(trail.events);
      for (const hidden of [clientSecret, clientKey.split('\n')[1] ?? '']) expect(told).not.toContain(hidden);
    });

    /** The request of a decision, with one parameter otherwise: what a thief of it could have Keycloak answer. */
    const changed = (authorize: string, name: string, value: string | undefined) => {
      const url = new URL(authorize);
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
      return url.href;
    };

    test('decides nothing by another nonce, another person, or the answer to another request', async () => {
      const { signIn, begun, visit, ledger, people } = await arranged();
      const { person } = await signIn();
      const cases: readonly ((authorize: string) => Promise<string>)[] = [
        (authorize) => visit(changed(authorize, 'nonce', 'x'.repeat(43))),
        (authorize) => visit(authorize, 'bo'),
        async (authorize) => {
          const login = await people.authorize({ issuer: realm().issuer, client: bySecret });
          const other = new URLSearchParams(await visit(login.authorize));
          // with the state of the decision, and the code of a mere sign-in
          other.set('state', new URL(authorize).searchParams.get('state') ?? '');
          return other.toString();
        },
      ];
      for (const answer of cases) {
        const { id, authorize, decide } = await begun(person);
        expect(await refusalOf(decide(await answer(authorize)))).toMatchObject({ code: 'not-authenticated' });
        expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
      }
    });

    test('decides nothing by a session that is there already: its auth_time is older than the question', async () => {
      const { signIn, begun, ledger, trail } = await arranged();
      const { person } = await signIn();
      const { id, authorize, decide } = await begun(person);
      const tab = await openTab(authorize);
      const ann = { username: usernames.get('ann') ?? '', password };
      const without = changed(authorize, 'max_age', undefined);
      await tab(changed(without, 'prompt', undefined), ann);
      // Keycloak's own clock: older than the seconds that may be off
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      const silent = await tab(changed(without, 'prompt', 'none'), ann);
      expect(await refusalOf(decide(silent))).toMatchObject({ code: 'not-authenticated' });
      expect(trail.last()?.detail).toContain('auth-time');
      expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
    });

    test('decides nothing by a token for another client of the same realm', async () => {
      const { signIn, begun, visit, ledger } = await arranged();
      const { person } = await signIn();
      const { id, authorize, decide } = await begun(person);
      const callback = await visit(changed(authorize, 'client_id', byKey));
      expect(await refusalOf(decide(callback))).toMatchObject({ code: 'not-authenticated' });
      expect(await ledger.find(id)).toMatchObject({ state: 'pending', answers: [] });
    });

    test('is nobody while the client shows a secret that is not its own, and that is the operator’s to see to', async () => {
      const { signIn, held, trail, clock } = await arranged();
      const right = held.values.get(at) ?? '';
      held.values.set(at, 'canary-wrong');
      const failure: unknown = await signIn().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'denied', place: { subject: at } });
      expect(`${String(failure)}${JSON.stringify(trail.events)}`).not.toContain('canary');
      // as after a rotation
      held.values.set(at, right);
      clock.pass(10);
      expect((await signIn()).person).toMatchObject({ approver: 'ann' });
    });
  });
}
