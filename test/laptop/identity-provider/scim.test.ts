import * as client from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  startIdentityProvider,
  type DevelopmentIdentityProvider,
} from '../../../src/laptop/identity-provider/server.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { createBrowser, title } from './browser.ts';

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';
const fixed = new Secret('the-fixed-bearer');
const password = 'a password that nobody has';

let provider: DevelopmentIdentityProvider;
let count = 0;
let userName = '';

beforeAll(async () => {
  provider = await startIdentityProvider({
    clients: ({ scimUrl }) => [
      {
        clientId: 'provisioning',
        secrets: [new Secret('of-provisioning')],
        audiences: [scimUrl, `${scimUrl}/`, 'https://other.example'],
      },
      { clientId: 'app', redirectUris: ['http://127.0.0.1:9/callback'] },
    ],
    scimToken: fixed,
  });
});
afterAll(() => provider.close());
beforeEach(() => {
  count += 1;
  userName = `Ada.${count}@example.com`;
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

interface Asked {
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

async function scim(method: string, path: string, { body, token, headers }: Asked = {}): Promise<Answer> {
  const response = await fetch(path.startsWith('http') ? path : `${provider.scimUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token ?? fixed.reveal()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === '' ? {} : JSON.parse(text) };
}

const create = (extra: object = {}) =>
  scim('POST', '/Users', { body: { schemas: [userSchema], userName, password, ...extra } });
const found = async (filter: string) => scim('GET', `/Users?filter=${encodeURIComponent(filter)}`);
const patch = (id: unknown, operations: unknown, headers: Record<string, string> = {}) =>
  scim('PATCH', `/Users/${String(id)}`, { body: { schemas: [patchSchema], Operations: operations }, headers });

async function token(audience: string): Promise<string> {
  const config = await client.discovery(
    new URL(provider.issuer),
    'provisioning',
    undefined,
    client.ClientSecretPost('of-provisioning'),
    { execute: [client.allowInsecureRequests] },
  );
  return (await client.clientCredentialsGrant(config, { audience })).access_token;
}

describe('authentication', () => {
  test.each(['', '/'])('takes an access token of this issuer for its address with "%s" at the end', async (end) => {
    const bearer = await token(`${provider.scimUrl}${end}`);
    expect((await scim('GET', '/Users', { token: bearer })).status).toBe(200);
  });

  test.each([
    ['a token for another audience', () => token('https://other.example')],
    ['another bearer', async () => 'the-fixed-bearer2'],
    ['a token with a broken signature', async () => `${(await token(provider.scimUrl)).slice(0, -6)}AAAAAA`],
    ['an unsigned token', async () => `${btoa('{"alg":"none","typ":"at+jwt"}')}.${btoa('{"sub":"x"}')}.`],
  ])('refuses %s', async (_name, bearer) => {
    const answer = await scim('GET', '/Users', { token: await bearer() });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(answer.body).toMatchObject({ schemas: [errorSchema], status: '401' });
  });

  test.each([undefined, 'Basic eDp5', 'Bearer', 'Bearer a b'])('refuses the header %s', async (authorization) => {
    const response = await fetch(`${provider.scimUrl}/Users`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(response.status).toBe(401);
  });
});

describe('create', () => {
  test('answers 201 with address and version, and never the password', async () => {
    const answer = await create({
      externalId: 'mark-1',
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      emails: [{ value: 'other@example.com' }, { value: userName, primary: true }],
      nickName: 'unknown attributes are ignored',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toContain('application/scim+json');
    expect(answer.headers.get('location')).toBe(`${provider.scimUrl}/Users/${String(answer.body['id'])}`);
    expect(answer.headers.get('etag')).toBe('W/"1"');
    expect(answer.body).toMatchObject({
      schemas: [userSchema],
      userName,
      externalId: 'mark-1',
      active: true,
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      emails: [{ value: userName, primary: true }],
      meta: { resourceType: 'User', version: 'W/"1"' },
    });
    const later = await scim('GET', answer.headers.get('location') ?? '');
    expect(later.body).toEqual(answer.body);
    expect(answer.text + later.text).not.toContain(password);
    expect(answer.text).not.toContain('password');
  });

  test('a user made here signs in with that password, and must enrol', async () => {
    await create();
    const browser = createBrowser(provider.issuer);
    await browser.open('/');
    await browser.follow('a#sign-in');
    expect(title(await browser.submit('#kc-form-login', { username: userName, password: `${password} ` }))).toBe(
      'Sign in to your account',
    );
    expect(title(await browser.submit('#kc-form-login', { username: userName, password }))).toBe(
      'Mobile authenticator setup',
    );
  });

  test('a name that is taken, in any case, is 409 with its status as a string', async () => {
    await create();
    userName = userName.toUpperCase();
    const answer = await create();
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ schemas: [errorSchema], status: '409', scimType: 'uniqueness' });
  });

  test('of ten at once one is made', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => create()));
    const times = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect([times(201), times(409)]).toEqual([1, 9]);
    expect((await found(`userName eq "${userName}"`)).body['totalResults']).toBe(1);
  });

  test.each([
    ['a short password', { password: 'short' }, 400, 'invalidValue'],
    ['an endless password', { password: 'x'.repeat(1025) }, 400, 'invalidValue'],
    ['a password that is no text', { password: 123_456_789_012 }, 400, 'invalidValue'],
    ['no user name', { userName: undefined }, 400, 'invalidValue'],
    ['an empty user name', { userName: '' }, 400, 'invalidValue'],
    ['active as text', { active: 'false' }, 400, 'invalidValue'],
    ['another schema', { schemas: ['urn:x'] }, 400, 'invalidValue'],
  ])('%s', async (_name, change, status, scimType) => {
    const answer = await create(change);
    expect(answer.body).toMatchObject({ schemas: [errorSchema], status: String(status), scimType });
    expect(provider.user(userName)).toBeUndefined();
    expect(answer.text).not.toContain('123456789012');
  });

  test.each([
    ['not JSON', '{', 400, {}],
    ['no object', '[]', 400, {}],
    ['too large', JSON.stringify({ x: 'x'.repeat(200_000) }), 413, {}],
    ['another type', 'userName=x', 415, { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('a body that is %s', async (_name, body, status, headers) => {
    const answer = await scim('POST', '/Users', { body, headers });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ schemas: [errorSchema], status: String(status) });
  });

  test('an answer that is lost leaves the user behind', async () => {
    provider.faults.nextScim({ lose: true }, 'POST');
    const lookUp = await found(`userName eq "${userName}"`);
    expect(lookUp.body['totalResults']).toBe(0);
    await expect(create({ externalId: 'mark-lost' })).rejects.toBeInstanceOf(TypeError);
    const after = await found(`externalId eq "mark-lost"`);
    expect(after.body).toMatchObject({ totalResults: 1, Resources: [{ userName }] });
  });
});

describe('look up', () => {
  test.each([
    ['another case', (name: string) => `USERNAME Eq "${name.toLowerCase()}"`, 1],
    ['the full path', (name: string) => `${userSchema}:userName eq "${name}"`, 1],
    ['a part', (name: string) => `userName eq "${name.slice(1)}"`, 0],
    ['an external id', () => `externalId eq "Mark \\"quoted\\" \\\\"`, 1],
    ['an external id in another case', () => `externalId eq "mark \\"quoted\\" \\\\"`, 0],
  ])('by %s', async (_name, filter, total) => {
    await scim(
      'DELETE',
      `/Users/${provider.users().find((user) => user.externalId?.includes('quoted'))?.id ?? 'none'}`,
    );
    await create({ externalId: 'Mark "quoted" \\' });
    const answer = await found(filter(userName));
    expect(answer.body).toMatchObject({ totalResults: total, itemsPerPage: total });
  });

  test.each([
    '',
    'userName',
    'userName eq x',
    'userName co "x"',
    'userName eq "x" or active eq true',
    'password eq "x"',
  ])('the filter %j is refused, not ignored', async (filter) => {
    const answer = await found(filter);
    expect(answer.body).toMatchObject({ status: '400', scimType: 'invalidFilter' });
  });

  test('pages', async () => {
    await create();
    const all = provider.users().length;
    const answer = await scim('GET', '/Users?startIndex=1&count=1');
    expect(answer.body).toMatchObject({ totalResults: all, itemsPerPage: 1, startIndex: 1 });
    expect((await scim('GET', '/Users?count=0')).body).toMatchObject({ totalResults: all, itemsPerPage: 0 });
  });

  test.each(['/Users/none', '/Groups', '/Users/%00', '/'])('%s is 404', async (path) => {
    const answer = await scim('GET', path);
    expect(answer.body).toMatchObject({ schemas: [errorSchema], status: '404' });
  });

  test('tells what it can do', async () => {
    const answer = await scim('GET', '/ServiceProviderConfig');
    expect(answer.body).toMatchObject({ patch: { supported: true }, bulk: { supported: false } });
  });
});

describe('change', () => {
  test.each([
    ['a path', [{ op: 'replace', path: 'active', value: false }]],
    ['no path', [{ op: 'Replace', value: { active: false } }]],
  ])('disables by %s, again without harm, and leaves the rest', async (_name, operations) => {
    const { body } = await create({ externalId: `mark-${count}`, emails: [{ value: userName }] });
    const answer = await patch(body['id'], operations);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ active: false, externalId: `mark-${count}`, emails: [{ value: userName }] });
    expect(answer.headers.get('etag')).toBe('W/"2"');
    expect((await patch(body['id'], operations)).body['active']).toBe(false);
    expect(provider.user(userName)?.active).toBe(false);
  });

  test('a password is held to the policy, and not shown', async () => {
    const { body } = await create();
    const short = await patch(body['id'], [{ op: 'replace', path: 'password', value: 'short' }]);
    expect(short.body).toMatchObject({ status: '400', scimType: 'invalidValue' });
    const good = await patch(body['id'], [{ op: 'replace', path: 'password', value: 'another long password' }]);
    expect([good.status, good.text.includes('another long')]).toEqual([200, false]);
  });

  test('only the version that was read, where one is named', async () => {
    const { body } = await create();
    const operations = [{ op: 'replace', path: 'name.givenName', value: 'Ada' }];
    const answers = await Promise.all([1, 2].map(() => patch(body['id'], operations, { 'if-match': 'W/"1"' })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 412]));
  });

  test.each([
    ['remove', [{ op: 'remove', path: 'active' }], 'invalidSyntax'],
    ['an unknown attribute', [{ op: 'replace', path: 'id', value: 'x' }], 'invalidPath'],
    ['an inherited name', [{ op: 'replace', path: 'constructor', value: 'x' }], 'invalidPath'],
    ['text for a boolean', [{ op: 'replace', path: 'active', value: 'False' }], 'invalidValue'],
    ['nothing', [], 'invalidValue'],
  ])('%s is refused', async (_name, operations, scimType) => {
    const { body } = await create();
    expect((await patch(body['id'], operations)).body).toMatchObject({ status: '400', scimType });
    expect(provider.user(userName)?.active).toBe(true);
  });

  test('deletes once, and the name is free again', async () => {
    const { body } = await create();
    const path = `/Users/${String(body['id'])}`;
    const deleted = await scim('DELETE', path);
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expect((await scim('DELETE', path)).status).toBe(404);
    expect((await create()).status).toBe(201);
  });
});
