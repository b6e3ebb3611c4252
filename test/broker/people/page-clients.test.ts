import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientCredentials } from '../../../src/adapters/issuers/client.ts';
import type { PageClient } from '../../../src/folder/service/settings.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import {
  type DevelopmentIdentityProvider,
  startIdentityProvider,
} from '../../../src/laptop/identity-provider/server.ts';
import { asBrowser } from '../../adapters/identity/sign-in-pages/as-browser.ts';
import { codex } from '../approvals/stand.ts';
import { refusalOf } from '../arrange.ts';
import { asked, peopled } from './stand.ts';

const rule = { names: ['openai.api_key'], by: ['ann'] };
const password = 'correct horse battery staple';
const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
/** with characters that must be encoded */
const [canary, former] = ['canary +%2F&=:~', 'former +%2F&=:~'];
const [at, other] = ['op://Agents/Page/credential', 'op://Agents/Page/previous'];
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let provider: DevelopmentIdentityProvider;
/** of one-time codes: each counts once */
let clock = Date.now();

beforeAll(async () => {
  const redirectUris = ['http://localhost:7700/'];
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' };
  provider = await startIdentityProvider({
    clients: [
      { clientId: 'by-secret', redirectUris, secrets: [new Secret(canary)] },
      { clientId: 'by-key', redirectUris, publicKey: jwk },
      { clientId: 'public', redirectUris },
    ],
    users: [{ userName: 'ada', password: new Secret(password), totpSeed: new Secret(seed) }],
    now: () => clock,
  });
  return () => provider.close();
});

const references = (...texts: readonly string[]) =>
  texts.map((text) => {
    const found = Reference.parse(text);
    if (!(found instanceof Reference)) throw new TypeError(text);
    return found;
  });
const [atFirst] = references(at);
const nothing = {
  'client-secret': undefined,
  'client-key': undefined,
  authentication: undefined,
  assertion: undefined,
} satisfies ClientCredentials;
const range = { start: 0, end: 0 };

/** Ann, whom the provider proves by a client of the page. */
async function arranged(client: string, credentials?: Partial<ClientCredentials>) {
  const stand = await peopled('http://localhost:7700', rule);
  // the provider's tokens are of now
  stand.clock.setWall((Date.now() - stand.clock.now()) / 1_000);
  const { issuer } = provider;
  const sub = provider.user('ada')?.id ?? '';
  stand.trust.set('ann', [{ issuer, audience: client, claims: { sub } }]);
  const written: PageClient = {
    issuer,
    clientId: client,
    credentials: { ...nothing, ...credentials },
    ranges: { issuer: range, clientId: range },
  };
  if (credentials !== undefined) stand.pageClients.push(written);
  const place = { issuer, client };
  const visit = (authorize: string) => {
    clock += 30_000;
    return asBrowser(authorize, { username: 'ada', password, seed, now: () => clock });
  };
  return {
    ...stand,
    visit,
    async signIn() {
      const { ticket, authorize } = await stand.people.authorize(place);
      return stand.people.loginByIssuer(asked, ticket, await visit(authorize));
    },
  };
}

describe('the client of the page', () => {
  it.each<[string, string, Partial<ClientCredentials>, string]>([
    ['a secret', 'by-secret', { 'client-secret': references(at) }, canary],
    [
      'a secret, by Basic',
      'by-secret',
      { 'client-secret': references(at), authentication: 'client_secret_basic' },
      canary,
    ],
    ['a key', 'by-key', { 'client-key': atFirst }, pem],
  ])('shows %s of the held, to sign in and to decide', async (_, client, credentials, value) => {
    const { signIn, visit, decisions, held, asked: waits, broker, ledger, trail } = await arranged(client, credentials);
    held.values.set(at, value);
    const { person } = await signIn();
    const id = await waits(broker.secrets(codex(), ['openai.api_key']));
    const { ticket, wanted } = await decisions.challenge(person, id, { decision: 'approve' });
    if (!('authorize' in wanted)) throw new Error('a passkey is wanted');
    await decisions.decide(asked, person, id, ticket, { callback: await visit(wanted.authorize) });
    expect(await ledger.find(id)).toMatchObject({ state: 'approved', answers: [{ approver: 'ann', by: 'oidc' }] });
    // kept meanwhile: whoever finds the page could use up the vault's quota
    expect(held.reads).toEqual([at]);
    const [, body = ''] = value.split('\n');
    for (const hidden of [value, body].filter((text) => text !== '')) {
      expect(JSON.stringify([trail.events, wanted])).not.toContain(hidden);
    }
  });

  it('shows the other secret of a rotation where the first is refused, and says so', async () => {
    const { signIn, held, warnings } = await arranged('by-secret', { 'client-secret': references(at, other) });
    held.values.set(at, former).set(other, canary);
    await signIn();
    expect(warnings).toEqual([
      `the client secret ${at} was refused, ${other} was accepted: change or remove the first`,
    ]);
  });

  it('is read again where the issuer refuses what was kept, now and then', async () => {
    const { signIn, held, clock: time } = await arranged('by-secret', { 'client-secret': references(at) });
    held.values.set(at, former);
    const refused = { code: 'denied', place: { subject: at } };
    await expect(signIn()).rejects.toMatchObject(refused);
    held.values.set(at, canary);
    await expect(signIn()).rejects.toMatchObject(refused);
    expect(held.reads).toEqual([at]);
    time.pass(10);
    await signIn();
    expect(held.reads).toEqual([at, at]);
    time.pass(301);
    await signIn();
    expect(held.reads).toEqual([at, at, at]);
  });

  it.each<[string, string, Partial<ClientCredentials> | undefined, string | undefined, object]>([
    [
      'is wrong',
      'by-secret',
      { 'client-secret': references(at) },
      'canary-wrong',
      { code: 'denied', place: { subject: at } },
    ],
    [
      'is empty',
      'by-secret',
      { 'client-secret': references(at) },
      '',
      { code: 'invalid-value', place: { subject: at } },
    ],
    [
      'is gone',
      'by-secret',
      { 'client-secret': references(at) },
      undefined,
      { code: 'not-found', place: { subject: at } },
    ],
    [
      'is no key',
      'by-key',
      { 'client-key': atFirst },
      'canary-no-key',
      { code: 'invalid-value', place: { subject: at } },
    ],
    [
      'is missing',
      'by-secret',
      undefined,
      undefined,
      {
        code: 'denied',
        place: { subject: 'by-secret' },
        hint: expect.stringContaining('page-clients: in service.yaml'),
      },
    ],
  ])(
    'is the operator’s to see to where its credential %s, and nobody is signed in',
    async (_, client, credentials, value, why) => {
      const { signIn, held, trail } = await arranged(client, credentials);
      if (value !== undefined) held.values.set(at, value);
      const failure: unknown = await signIn().catch((error: unknown) => error);
      expect(failure).toMatchObject(why);
      const told = `${String(failure)} ${JSON.stringify(failure)} ${(failure as Error).stack} ${JSON.stringify(trail.events)}`;
      expect(told).not.toContain('canary');
      expect(trail.events.filter(({ action }) => action === 'approver.signed-in')).toEqual([]);
    },
  );

  it('shows nothing where it is a public one, and a code that was made up is the visitor’s fault', async () => {
    const { signIn, held } = await arranged('public');
    await signIn();
    expect(held.reads).toEqual([]);
    const stand = await arranged('by-secret', { 'client-secret': references(at) });
    stand.held.values.set(at, canary);
    const { ticket, authorize } = await stand.people.authorize({ issuer: provider.issuer, client: 'by-secret' });
    const state = new URL(authorize).searchParams.get('state') ?? '';
    const callback = new URLSearchParams({ code: 'made-up', state, iss: provider.issuer }).toString();
    expect(await refusalOf(stand.people.loginByIssuer(asked, ticket, callback))).toMatchObject({
      code: 'not-authenticated',
    });
    expect(stand.trail.last()?.detail).toContain('invalid_grant');
  });
});
