import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startIdentityProvider } from '../../../../src/laptop/identity-provider/server.ts';
import { FlowError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import { createScimProvider, type ScimOptions } from '../../../../src/adapters/identity/scim/provider.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { identityProviderContract, newUser } from '../../../contracts/identity-provider.ts';

identityProviderContract('SCIM, the laptop', async () => {
  const token = new Secret(`scim-${crypto.randomUUID()}`);
  const idp = await startIdentityProvider({ clients: [], scimToken: token });
  const options = { name: 'main', url: idp.scimUrl, token: async () => token, development: true };
  return {
    provider: createScimProvider({ ...options, clientSecrets: 'ClientSecrets' }),
    can: ['client-secrets'],
    refusedPassword: new Secret('too short'),
    close: () => idp.close(),
  };
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string;
  readonly contentType: string;
  readonly body: string;
}

type Answering = (asked: Asked, response: ServerResponse) => void;

/** A server that answers as it is told to. */
async function hostile(answer: Answering, options: Partial<ScimOptions> = {}) {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = {
        method,
        url,
        authorization: headers.authorization ?? '',
        contentType: headers['content-type'] ?? '',
        body: Buffer.concat(parts).toString(),
      };
      asked.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`;
  const provider = createScimProvider({
    name: 'main',
    url,
    token: async () => new Secret('first'),
    development: true,
    ...options,
  });
  return { provider, asked, url };
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/scim+json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

const failureOf = async (work: Promise<unknown>): Promise<FlowError> => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof FlowError) return error;
  throw new Error(`no FlowError: ${String(error)}`);
};

const user = (userName: string, id = 'id-1') => ({ id, userName, active: true, externalId: 'x' });
const listOf = (...users: object[]) => ({ totalResults: users.length, Resources: users });

describe('requests', () => {
  test('bear the token, the media type, and what RFC 7643 names', async () => {
    const given = newUser();
    const { provider, asked } = await hostile((_, response) => send(response, 201, user(given.userName)));
    await provider.create(given);
    expect(asked).toMatchObject([
      { method: 'POST', url: '/scim/v2/Users', authorization: 'Bearer first', contentType: 'application/scim+json' },
    ]);
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: given.userName,
      externalId: given.mark,
      name: { givenName: given.givenName, familyName: given.familyName },
      emails: [{ value: given.email, primary: true }],
      active: true,
      password: given.password.reveal(),
    });
  });

  test('a refused token is given back once, for a fresh one', async () => {
    const refused: (string | undefined)[] = [];
    const { provider, asked } = await hostile(
      ({ authorization }, response) =>
        authorization === 'Bearer second' ? send(response, 200, listOf()) : send(response, 401, {}),
      {
        token: async (old) => {
          refused.push(old?.reveal());
          return new Secret(old === undefined ? 'first' : 'second');
        },
      },
    );
    await expect(provider.find('a')).resolves.toBeUndefined();
    expect(refused).toEqual([undefined, 'first']);
    expect(asked).toHaveLength(2);
  });

  test('without a fresh token, or with one that is refused too, it ends there', async () => {
    const same = await hostile((_, response) => send(response, 401, {}));
    expect(await failureOf(same.provider.find('a'))).toMatchObject({ code: 'denied' });
    expect(same.asked).toHaveLength(1);
    let count = 0;
    const token = async () => new Secret(`token-${(count += 1)}`);
    const fresh = await hostile((_, response) => send(response, 401, {}), { token });
    expect(await failureOf(fresh.provider.find('a'))).toMatchObject({ code: 'denied' });
    expect(fresh.asked).toHaveLength(2);
  });

  test.each([
    ['plain http, where development is off', { development: false }],
    ['plain http, away from this machine', { url: 'http://192.0.2.1/scim/v2' }],
  ])('nothing is sent: %s', async (_, options) => {
    let sent = 0;
    const fetch = async () => {
      sent += 1;
      return new Response();
    };
    const { provider } = await hostile(() => undefined, { ...options, fetch });
    expect(await failureOf(provider.find('a'))).toMatchObject({ code: 'refused' });
    expect(sent).toBe(0);
  });
});

describe('answers', () => {
  test.each<[string, Answering, ErrorCode]>([
    ['401', (_, response) => send(response, 401, {}), 'denied'],
    ['403', (_, response) => send(response, 403, {}), 'denied'],
    ['404, no SCIM there', (_, response) => send(response, 404, '<html>'), 'not-found'],
    ['409', (_, response) => send(response, 409, { scimType: 'uniqueness' }), 'conflict'],
    ['400 uniqueness', (_, response) => send(response, 400, { scimType: 'uniqueness' }), 'conflict'],
    ['400 of anything', (_, response) => send(response, 400, { detail: 'Please specify lastName.' }), 'protocol'],
    ['400 without a body', (_, response) => send(response, 400, ''), 'protocol'],
    ['500', (_, response) => send(response, 500, '<html>'), 'unavailable'],
    ['a redirect', (_, response) => send(response, 302, '', { location: 'http://127.0.0.1:1/' }), 'refused'],
    ['a redirect of the body', (_, response) => send(response, 307, '', { location: '/scim/v2/Users' }), 'refused'],
    ['no JSON', (_, response) => send(response, 201, '<html>'), 'protocol'],
    ['another user', (_, response) => send(response, 201, user('mallory')), 'protocol'],
    ['a user without an id', (_, response) => send(response, 201, { userName: 'a' }), 'protocol'],
    ['2 MiB', (_, response) => send(response, 201, 'x'.repeat(2 << 20)), 'protocol'],
    ['a cut connection', (_, response) => response.destroy(), 'unavailable'],
    [
      'half an answer',
      (_, response) =>
        void (response.writeHead(201, { 'content-length': '9' }), response.write('{'), response.destroy()),
      'unavailable',
    ],
    ['nothing, for too long', () => undefined, 'timeout'],
    ['a body that never ends', (_, response) => void (response.writeHead(201), response.write('{')), 'timeout'],
  ])('to a create: %s', async (_, answer, code) => {
    const { provider, asked } = await hostile(answer, { deadline: code === 'timeout' ? 200 : 10_000 });
    const given = newUser();
    const error = await failureOf(provider.create(given));
    expect(error.code).toBe(code);
    expect(asked).toHaveLength(1);
    expect(`${error.stack} ${String(error.cause)}`).not.toContain(given.password.reveal());
  });

  test.each([
    ['7', 7],
    ['Tue, 14 Nov 2023 22:13:50 GMT', 30],
    ['soon', undefined],
  ])('429 with Retry-After %s', async (header, retryAfter) => {
    const { provider } = await hostile((_, response) => send(response, 429, {}, { 'retry-after': header }), {
      now: () => 1_700_000_000_000,
    });
    expect(await failureOf(provider.find('a'))).toMatchObject({ code: 'rate-limited', retryAfter });
  });

  test('an address where nobody listens', async () => {
    const { provider } = await hostile(() => undefined, { url: 'http://127.0.0.1:1/scim' });
    expect(await failureOf(provider.find('a'))).toMatchObject({ code: 'unavailable' });
  });
});

describe('a server that is not to be trusted', () => {
  test.each<[string, object, unknown]>([
    ['ignores the filter, with the user among others', listOf(user('b', '2'), user('A', '1')), '1'],
    ['gives one user twice over', listOf(user('a', '1'), user('A', '2')), 'ambiguous'],
    ['ignores the filter, without the user', listOf(user('b'), user('c')), undefined],
    ['has further pages', { totalResults: 900, Resources: [user('b')] }, 'protocol'],
    ['gives nothing at all', { totalResults: 0 }, undefined],
    ['gives null', { totalResults: 0, Resources: null }, undefined],
    ['gives a user who has no name', { totalResults: 1, Resources: [{ id: '1' }] }, 'protocol'],
    ['gives no list', user('a'), 'protocol'],
  ])('find: %s', async (_, body, expected) => {
    const { provider } = await hostile((__, response) => send(response, 200, body));
    const outcome = await provider.find('a').then(
      (found) => found?.id,
      (error: unknown) => (error instanceof FlowError ? error.code : error),
    );
    expect(outcome).toBe(expected);
  });

  test('get: gives somebody else', async () => {
    const { provider } = await hostile((_, response) => send(response, 200, user('a', 'other')));
    expect(await failureOf(provider.get('id-1'))).toMatchObject({ code: 'protocol' });
  });

  test('disable: answers 200 and does nothing', async () => {
    const { provider } = await hostile((_, response) => send(response, 200, user('a')));
    expect(await failureOf(provider.disable('id-1'))).toMatchObject({ code: 'protocol' });
  });

  test('echoes the password in a user, and in an error: it goes no further', async () => {
    const given = newUser();
    const password = given.password.reveal();
    const echo = await hostile((_, response) => send(response, 201, { ...user(given.userName), password }));
    expect(JSON.stringify(await echo.provider.create(given))).not.toContain(password);
    for (const quoted of [password, password.slice(3, 12), JSON.stringify(password)]) {
      const detail = `the password ${quoted} is too weak`;
      const refusing = await hostile((_, response) => send(response, 400, { scimType: 'invalidValue', detail }));
      const error = await failureOf(refusing.provider.create(given));
      expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'password' } });
      expect(error.line()).not.toContain(quoted);
    }
  });

  test('echoes the bearer token in an error, plain or encoded: it goes no further', async () => {
    const bearer = `opaque-${crypto.randomUUID()}`;
    const forms = [bearer, Buffer.from(bearer).toString('base64'), encodeURIComponent(bearer), bearer.slice(8, 24)];
    for (const [status, quoted] of [400, 401, 403, 500].flatMap((each) => forms.map((form) => [each, form] as const))) {
      const detail = `no right with ${quoted}`;
      const { provider } = await hostile((_, response) => send(response, status, { detail }), {
        token: async () => new Secret(bearer),
      });
      expect((await failureOf(provider.find('ada'))).line(), String(status)).not.toContain(quoted);
    }
  });

  test('its own words reach the user, on one line, where they quote nothing', async () => {
    const detail = 'Invalid password:\n\u001b[31mminimum length 14.';
    const { provider } = await hostile((_, response) => send(response, 400, { scimType: 'invalidValue', detail }));
    const error = await failureOf(provider.create(newUser()));
    expect(error.message).toContain('minimum length 14');
    expect(error.line()).not.toMatch(/\p{Cc}/u);
  });
});

describe('a password is refused only where the answer names it', () => {
  const yes = 'invalid-value';
  test.each<[number, string | undefined, string, ErrorCode]>([
    [400, 'invalidValue', 'Invalid password: minimum length 14.', yes],
    [400, undefined, 'PasswordStrengthError: Password is too weak', yes],
    [400, 'invalidValue', 'Attribute urn:ietf:params:scim:schemas:core:2.0:User:password is not acceptable', yes],
    [422, undefined, "Attribute 'password' does not meet the policy", yes],
    [500, undefined, 'Password does not meet the complexity requirements', yes],
    [500, 'invalidValue', 'invalidPasswordHistoryMessage', yes],
    [400, undefined, 'Invalid password: must not be equal to the username.', yes],
    [400, undefined, 'Validation failed: the specified password was used before', yes],
    [400, undefined, 'Password must not contain the e-mail address', yes],
    [400, 'invalidValue', 'password', yes],
    [400, 'invalidValue', "Attribute 'passportNumber' is required", 'protocol'],
    [400, undefined, 'passwordHint is too short', 'protocol'],
    [400, undefined, 'the compass is broken', 'protocol'],
    [400, undefined, "Attribute 'emails' is not unique: use password reset instead", 'protocol'],
    [400, undefined, "Attribute 'password' is required", 'protocol'],
    [400, 'mutability', "Attribute 'password' is read-only", 'protocol'],
    [400, undefined, 'the password reset mail cannot be sent', 'protocol'],
    // the password stands there, and something else is what is wrong
    [400, undefined, 'userName must differ from password', 'protocol'],
    [400, undefined, 'The email address is invalid. Password policy: https://idp.example/policy', 'protocol'],
    [400, undefined, 'emails[0].value is invalid; password was not evaluated', 'protocol'],
    [400, undefined, 'A mail to set the password could not be sent', 'protocol'],
    [400, undefined, 'External ID already used; password ignored', 'protocol'],
    [422, undefined, 'Invalid userName or password format', 'protocol'],
    [400, undefined, 'password must be provided', 'protocol'],
    [400, undefined, 'password must not be set for users of another domain', 'protocol'],
    [400, undefined, 'Unknown attribute password', 'protocol'],
    [400, undefined, 'Password sync is not allowed for this tenant', 'protocol'],
    [400, undefined, 'Password policy could not be loaded', 'protocol'],
    [400, undefined, 'parse error at password, line 3', 'protocol'],
    [500, undefined, 'invalid state: the password store is locked', 'unavailable'],
    [500, undefined, 'NullPointerException in password policy module', 'unavailable'],
    [500, 'invalidValue', "Attribute 'passportNumber' is required", 'protocol'],
    [500, undefined, 'the password service does not answer', 'unavailable'],
    [503, undefined, 'password policy cannot be loaded, invalid', 'unavailable'],
    [500, undefined, 'a fault', 'unavailable'],
    [501, undefined, 'not implemented', 'protocol'],
    [405, undefined, 'password', 'protocol'],
  ])('%s, %s, %s', async (status, scimType, detail, code) => {
    const { provider } = await hostile((_, response) => send(response, status, { scimType, detail }));
    const error = await failureOf(provider.create(newUser()));
    expect(error.code).toBe(code);
    expect(error.place.subject).toBe(code === yes ? 'password' : undefined);
  });

  test.each([
    { error: 'invalidPasswordMinLengthMessage', error_description: 'Invalid password: minimum length 14.' },
    { errorCode: 'E0000001', errorSummary: 'password: Password requirements were not met.' },
    { message: 'Password is too common', scimType: null, schemas: 7 },
  ])('as other servers write it: %j', async (body) => {
    const { provider } = await hostile((_, response) => send(response, 400, body));
    expect(await failureOf(provider.create(newUser()))).toMatchObject({ code: yes, place: { subject: 'password' } });
  });
});

describe('what is not as RFC 7643 and 7644 have it, and plain all the same', () => {
  const error = ['urn:ietf:params:scim:api:messages:2.0:Error'];
  test.each<[string, number, unknown, object]>([
    ['an id that is a number', 200, listOf({ id: 7, userName: 'a' }), { found: { id: '7' } }],
    ['active as text', 200, listOf({ ...user('a'), active: 'False' }), { found: { active: false } }],
    ['active as text', 200, listOf({ ...user('a'), active: 'true' }), { found: { active: true } }],
    ['no totalResults', 200, { Resources: [user('a')] }, { found: { id: 'id-1' } }],
    ['no totalResults, and nobody', 200, { Resources: [] }, { found: 'nobody' }],
    ['totalResults as text', 200, { totalResults: '1', Resources: [user('a')] }, { found: { id: 'id-1' } }],
    ['an odd neighbour', 200, listOf({ id: {}, userName: 'b' }, user('a'), null as never), { found: { id: 'id-1' } }],
    ['an odd neighbour, and nobody', 200, listOf({ id: {}, userName: 'b' }), { found: 'nobody' }],
    ['an odd one that is the user', 200, listOf({ id: {}, userName: 'A' }), { code: 'protocol' }],
    ['an odd one that may be the user', 200, listOf(user('b'), { id: 'x' }), { code: 'protocol' }],
    ['an active that is no answer', 200, listOf({ ...user('a'), active: 'perhaps' }), { code: 'protocol' }],
    ['404 for none', 404, { schemas: error, status: '404' }, { found: 'nobody' }],
    ['404 of something else', 404, { error: 'no such page' }, { code: 'not-found' }],
    ['501', 501, { schemas: error, status: '501' }, { code: 'protocol' }],
  ])('find: %s', async (_, status, body, expected) => {
    const { provider } = await hostile((__, response) => send(response, status, body));
    const outcome = await provider.find('a').then(
      (found) => ({ found: found === undefined ? 'nobody' : { id: found.id, active: found.active } }),
      ({ code }: FlowError) => ({ code }),
    );
    expect(outcome).toMatchObject(expected);
  });

  test('disable where PATCH is not offered says so, and not "later"', async () => {
    const { provider } = await hostile(({ method }, response) =>
      method === 'GET' ? send(response, 200, user('a')) : send(response, 501, {}),
    );
    const failure = await failureOf(provider.disable('id-1'));
    expect(failure).toMatchObject({ code: 'protocol', hint: expect.stringContaining('by hand') });
  });
});
