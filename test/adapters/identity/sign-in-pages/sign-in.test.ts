import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  startIdentityProvider,
  type DevelopmentIdentityProvider,
} from '../../../../src/laptop/identity-provider/server.ts';
import { FlowError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import type { SignInPage } from '../../../../src/adapters/identity/contract.ts';
import { createSignIn } from '../../../../src/adapters/identity/sign-in-pages/sign-in.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { codeAt, oneTimePasswordUri, type OneTimePassword } from '../../../../src/foundation/totp.ts';
import { answer, html, loginForm, redirect, startHostileIssuer, type IssuerOptions } from './hostile-issuer.ts';

const redirectUri = 'http://127.0.0.1/flows/callback';
const canary = 'canary-pässword +&=%';
const password = new Secret(canary);

describe("the laptop's provider", () => {
  const seeds: Readonly<Record<string, OneTimePassword>> = {
    'sha1@example.com': { secret: new Secret('JBSWY3DPEHPK3PXP'), algorithm: 'SHA1', digits: 6, period: 30 },
    'sha512@example.com': { secret: new Secret('JBSWY3DPEHPK3PXP'), algorithm: 'SHA512', digits: 8, period: 60 },
  };
  const inside: OneTimePassword = { secret: new Secret('GEZDGNBVGY3TQOJQ'), algorithm: 'SHA1', digits: 6, period: 30 };
  let idp: DevelopmentIdentityProvider;
  beforeAll(async () => {
    const users = Object.entries(seeds).map(async ([userName, seed]) => ({
      userName,
      password,
      totpSeed: await oneTimePasswordUri(seed, { issuer: 'x', account: userName }),
    }));
    idp = await startIdentityProvider({
      clients: [{ clientId: 'sign-in', redirectUris: [redirectUri] }],
      users: [
        ...(await Promise.all(users)),
        { userName: 'new@example.com', password },
        {
          userName: 'inside@example.com',
          password,
          totpSeed: await oneTimePasswordUri(inside, { issuer: 'x', account: 'y' }),
        },
        { userName: 'off@example.com', password, active: false },
      ],
    });
  });
  afterAll(() => idp.close());

  const begin = (username: string, given = password) =>
    createSignIn({
      issuerUrl: idp.issuer,
      clientId: 'sign-in',
      redirectUri,
      pages: 'keycloak',
      development: true,
    }).begin({
      username,
      password: given,
    });

  test.each(Object.keys(seeds))('signs in and out again: %s', async (username) => {
    const page = await begin(username);
    const seed = seeds[username];
    if (page.at !== 'one-time-code' || seed === undefined) throw new Error(page.at);
    const done = await page.submit(await codeAt(seed, Date.now()));
    expect(done).toMatchObject({ at: 'signed-in', subject: idp.user(username)?.id });
    if (done.at !== 'signed-in') throw new Error(done.at);
    await expect(done.end()).resolves.toBeUndefined();
  });

  test('is found by its document’s address, where its own name cannot be reached, and given a password there alone', async () => {
    const elsewhere = createServer((_, response) => {
      void fetch(`${idp.issuer}/.well-known/openid-configuration`).then(async (found) =>
        response.end(await found.text()),
      );
    });
    await new Promise<void>((resolve) => {
      elsewhere.listen(0, '127.0.0.1', resolve);
    });
    const signIn = (document: string, anyIssuer = true) =>
      createSignIn({
        ...{ issuerUrl: 'http://127.0.0.1:1/realms/main', clientId: 'sign-in', redirectUri, pages: 'keycloak' },
        development: true,
        discovery: { document, given: {}, anyIssuer },
      }).begin({ username: 'inside@example.com', password });
    const document = `${idp.issuer}/.well-known/openid-configuration`;
    const page = await signIn(document);
    if (page.at !== 'one-time-code') throw new Error(page.at);
    expect(await page.submit(await codeAt(inside, Date.now()))).toMatchObject({ at: 'signed-in' });
    await expect(signIn(document, false)).rejects.toMatchObject({ code: 'protocol' });
    const { port } = elsewhere.address() as AddressInfo;
    await expect(signIn(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'refused' });
    elsewhere.close();
  });

  test('reads the key, and its facts, from the page for those who cannot scan', async () => {
    const page = await begin('new@example.com');
    expect(page).toMatchObject({ at: 'enrolment', seed: { algorithm: 'SHA1', digits: 6, period: 30 } });
    expect(page.at === 'enrolment' && page.seed.secret.reveal()).toMatch(/^[A-Z2-7]{32}$/);
    expect(idp.user('new@example.com')?.enrolled).toBe(false);
  });

  test.each([
    ['a wrong password', 'sha1@example.com', new Secret('wrong'), 'password'],
    ['an unknown user', 'nobody@example.com', password, 'password'],
    ['a disabled user', 'off@example.com', password, 'password'],
  ])('%s is rejected', async (_, username, given, what) => {
    await expect(begin(username, given)).resolves.toEqual({ at: 'rejected', what });
  });

  test('a wrong code is rejected, and another may be given', async () => {
    let page: SignInPage = await begin('sha512@example.com');
    for (let wrong = 0; wrong < 2; wrong += 1) {
      const submit = page.at === 'one-time-code' ? page.submit : page.at === 'rejected' ? page.again : undefined;
      if (submit === undefined) throw new Error(page.at);
      page = await submit(new Secret('00000000'));
      expect(page).toMatchObject({ at: 'rejected', what: 'one-time-code' });
    }
  });

  test.each([
    ['an unknown client', { clientId: 'nobody' }],
    ['a redirect URI that is not registered', { redirectUri: 'http://127.0.0.1/other' }],
  ])('%s ends at a page that is told by its title', async (_, change) => {
    const options = { issuerUrl: idp.issuer, clientId: 'sign-in', redirectUri, pages: 'keycloak' as const };
    const signIn = createSignIn({ ...options, development: true, ...change });
    await expect(signIn.begin({ username: 'a', password })).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('This did not work'),
    });
  });
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function at(
  options: Partial<IssuerOptions>,
  changes: { development?: boolean; redirectUri?: string; deadline?: number } = {},
) {
  const issuer = await startHostileIssuer({ routes: {}, ...options });
  closing.push(() => issuer.close());
  const base = { issuerUrl: issuer.url, clientId: 'sign-in', redirectUri, pages: 'keycloak' as const };
  const signIn = createSignIn({ ...base, development: true, ...changes });
  return { issuer, begin: () => signIn.begin({ username: 'ada', password }) };
}

/** Another server on this machine, which must never hear anything. */
async function bystander() {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`);
    response.end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}

const failureOf = async (work: Promise<unknown>): Promise<FlowError> => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof FlowError) return error;
  throw new Error(`no FlowError: ${JSON.stringify(error)}`);
};

describe('a provider of a test', () => {
  test('signs in with PKCE, state and nonce; the redirect URI is never fetched', async () => {
    const other = await bystander();
    const { issuer, begin } = await at({}, { redirectUri: `${other.url}/callback` });
    await expect(begin()).resolves.toMatchObject({ at: 'signed-in', subject: 'ada' });
    expect(other.heard).toEqual([]);
    const request = issuer.request();
    expect(request.get('code_challenge_method')).toBe('S256');
    for (const name of ['state', 'nonce', 'code_challenge']) expect(request.get(name)?.length).toBeGreaterThan(20);
    const login = issuer.seen.find(({ path }) => path === '/login');
    expect(Object.fromEntries(login?.form ?? [])).toEqual({ username: 'ada', password: canary, credentialId: '' });
    expect(issuer.seen.find(({ path }) => path === '/token')?.form.get('code_verifier')?.length).toBeGreaterThan(40);
  });

  test('user name and password on two pages, with cookies', async () => {
    const one = '<form id="kc-form-login" method="POST" action="/user?a=1&amp;b=2"><input name="username"></form>';
    const two = '<form id="kc-form-login" method="post" action="/login"><input name="password"></form>';
    const { issuer, begin } = await at({
      routes: {
        '/authorize': (_, response) => html(response, one, 200, { 'set-cookie': 'session=1; Path=/; HttpOnly' }),
        '/user': (_, response) => html(response, two),
      },
    });
    await expect(begin()).resolves.toMatchObject({ at: 'signed-in' });
    const user = issuer.seen.find(({ path }) => path === '/user');
    expect(user?.query.toString()).toBe('a=1&b=2');
    expect(user?.form.toString()).toBe('username=ada');
    expect(issuer.seen.find(({ path }) => path === '/login')?.cookie).toBe('session=1');
  });

  test('a user name that nobody has', async () => {
    const form = '<form id="kc-form-login" method="post" action="/user"><input name="username"></form>';
    const { begin } = await at({
      routes: {
        '/authorize': (_, response) => html(response, form),
        '/user': (_, response) => html(response, form),
      },
    });
    await expect(begin()).resolves.toEqual({ at: 'rejected', what: 'account' });
  });

  test('another sign-in has enrolled while this one was at the QR code: a code is asked for', async () => {
    const { begin } = await at({
      routes: {
        '/login': (_, response) =>
          html(response, '<a id="mode-manual" href="/m">x</a><form id="kc-totp-settings-form" method="post"></form>'),
        '/m': (_, response) => html(response, '<form id="kc-otp-login-form" method="post" action="/x"></form>'),
      },
    });
    await expect(begin()).resolves.toMatchObject({ at: 'one-time-code' });
  });

  test('ends a sign-in: tokens are taken back, the session is ended, and asked for where it must be', async () => {
    const { issuer, begin } = await at({
      metadata: (url) => ({ revocation_endpoint: `${url}/revoke`, end_session_endpoint: `${url}/end` }),
      routes: {
        '/revoke': (_, response) => void response.end(),
        '/end': (_, response) =>
          html(
            response,
            '<form id="kc-logout-confirm" method="post" action="/ended"><input type="hidden" name="x" value="1"></form>',
          ),
      },
    });
    const page = await begin();
    if (page.at !== 'signed-in') throw new Error(page.at);
    await page.end();
    expect(issuer.seen.find(({ path }) => path === '/revoke')?.form.get('token')).toBe('an-access-token');
    expect(issuer.seen.find(({ path }) => path === '/end')?.query.get('id_token_hint')).toBeTruthy();
    expect(issuer.seen.find(({ path }) => path === '/ended')?.form.get('x')).toBe('1');
  });
});

describe('a provider that is not to be trusted', () => {
  const page = (body: string, status = 200): Partial<IssuerOptions> => ({
    routes: { '/authorize': (_, response) => html(response, body, status) },
  });
  const after = (route: NonNullable<IssuerOptions['routes'][string]>): Partial<IssuerOptions> => ({
    routes: { '/login': route },
  });
  const enrolment = (facts: string) =>
    after((_, response) =>
      html(response, `${facts}<form id="kc-totp-settings-form" method="post" action="/e"></form>`),
    );
  const key = '<b id="kc-totp-secret-key">JBSW Y3DP EHPK 3PXP</b>';

  test.each<[string, Partial<IssuerOptions>, ErrorCode]>([
    ['a page that is not known', page('<h1>Under construction</h1>'), 'protocol'],
    ['a page that is not known, after the password', after((_, response) => html(response, 'terms')), 'protocol'],
    ['no page', page('', 404), 'protocol'],
    ['trouble', page('', 500), 'unavailable'],
    ['too many requests', page('', 429), 'rate-limited'],
    ['a page of 2 MiB', page('x'.repeat(2 << 20)), 'protocol'],
    ['silence', { routes: { '/authorize': () => undefined } }, 'timeout'],
    ['a form by GET, which would put the password into an address', page(loginForm('/login', 'get')), 'protocol'],
    ['a form without a method', page(loginForm('/login').replace('method="post"', '')), 'protocol'],
    ['a form that leads nowhere', page(loginForm('http://[')), 'protocol'],
    ['a form that runs a script', page(loginForm('javascript:1')), 'refused'],
    ['a circle', { routes: { '/authorize': (_, response) => redirect(response, '/authorize') } }, 'protocol'],
    ['a redirect to nowhere', after((_, response) => redirect(response, 'http://[')), 'protocol'],
    ['a redirect that passes the password on', after((_, response) => redirect(response, '/b', 307)), 'refused'],
    ['another state', after((_, response, issuer) => answer(response, issuer, { state: 'x' })), 'protocol'],
    ['no state', after((_, response, issuer) => answer(response, issuer, { state: '' })), 'protocol'],
    ['no code', after((_, response, issuer) => answer(response, issuer, { code: '' })), 'protocol'],
    [
      'another issuer in the answer',
      after((_, response, issuer) => answer(response, issuer, { iss: 'https://x' })),
      'protocol',
    ],
    [
      'a refusal',
      after((_, response, issuer) => answer(response, issuer, { code: '', error: 'access_denied' })),
      'denied',
    ],
    ['another nonce', { claims: (claims) => ({ ...claims, nonce: 'x' }) }, 'protocol'],
    ['another audience', { claims: (claims) => ({ ...claims, aud: 'x' }) }, 'protocol'],
    ['another issuer in the token', { claims: (claims) => ({ ...claims, iss: 'https://x' }) }, 'protocol'],
    ['an ID token of yesterday', { claims: (claims) => ({ ...claims, exp: 1 }) }, 'protocol'],
    ['an ID token signed by somebody else', { foreignKey: true }, 'protocol'],
    ['no ID token', { token: () => ({ access_token: 'a', token_type: 'Bearer' }) }, 'protocol'],
    ['a token type that is not known', { token: (body) => ({ ...body, token_type: 'mac' }) }, 'protocol'],
    ['a discovery document for another issuer', { metadata: () => ({ issuer: 'https://x.example' }) }, 'protocol'],
    ['no authorization endpoint', { metadata: () => ({ authorization_endpoint: undefined }) }, 'protocol'],
    ['pages at another origin', { metadata: () => ({ authorization_endpoint: 'http://localhost:1/a' }) }, 'refused'],
    [
      'a token endpoint in plain http elsewhere',
      { metadata: () => ({ token_endpoint: 'http://192.0.2.1/t' }) },
      'refused',
    ],
    ['codes by a counter', enrolment(`${key}<i id="kc-totp-counter">Counter: 0</i>`), 'protocol'],
    ['a hash that is not known', enrolment(`${key}<i id="kc-totp-algorithm">MD5</i>`), 'protocol'],
    ['four digits', enrolment(`${key}<i id="kc-totp-digits">Digits: 4</i>`), 'protocol'],
    ['an interval of nothing', enrolment(`${key}<i id="kc-totp-period">Interval: 0</i>`), 'protocol'],
    ['a key that is none', enrolment('<b id="kc-totp-secret-key">0000 1111</b>'), 'protocol'],
    ['no key, and no link to one', enrolment(''), 'protocol'],
    ['a link to the key elsewhere', enrolment('<a id="mode-manual" href="http://localhost:1/">x</a>'), 'refused'],
  ])('%s', async (_, options, code) => {
    const { issuer, begin } = await at(options, code === 'timeout' ? { deadline: 500 } : {});
    const error = await failureOf(begin());
    expect([error.code, error.message]).toEqual([code, expect.any(String)]);
    expect(`${error.line()} ${error.stack} ${String(error.cause)}`).not.toContain('canary');
    expect(issuer.seen.filter(({ query }) => query.toString().includes('canary'))).toEqual([]);
  });

  test.each<[string, (other: string) => Partial<IssuerOptions>]>([
    ['a form that sends the password elsewhere', (other) => page(loginForm(`${other}/login`))],
    [
      'a form made to go elsewhere by its base',
      (other) => page(`<base href="${other}">${loginForm(`//${other.slice(7)}/`)}`),
    ],
    [
      'a redirect elsewhere before the form',
      (other) => ({ routes: { '/authorize': (_, response) => redirect(response, other) } }),
    ],
    ['a redirect elsewhere after the form', (other) => after((_, response) => redirect(response, `${other}/a`))],
    ['a redirect that passes the form on', (other) => after((_, response) => redirect(response, other, 308))],
  ])('nothing goes to another origin: %s', async (_, options) => {
    const other = await bystander();
    const { begin } = await at(options(other.url));
    expect((await failureOf(begin())).code).toBe('refused');
    expect(other.heard).toEqual([]);
  });

  test('the one-time code does not go elsewhere either', async () => {
    const other = await bystander();
    const form = `<form id="kc-otp-login-form" method="post" action="${other.url}"><input name="otp"></form>`;
    const { begin } = await at(after((_, response) => html(response, form)));
    const asked = await begin();
    if (asked.at !== 'one-time-code') throw new Error(asked.at);
    expect((await failureOf(asked.submit(new Secret('123456')))).code).toBe('refused');
    expect(other.heard).toEqual([]);
  });

  test('a sign-out does not lead elsewhere', async () => {
    const other = await bystander();
    const { begin } = await at({ metadata: () => ({ end_session_endpoint: `${other.url}/end` }) });
    const done = await begin();
    if (done.at !== 'signed-in') throw new Error(done.at);
    expect((await failureOf(done.end())).code).toBe('refused');
    expect(other.heard).toEqual([]);
  });

  test('without development: true, plain http is refused before anything is sent', async () => {
    const { issuer, begin } = await at({}, { development: false });
    expect((await failureOf(begin())).code).toBe('refused');
    expect(issuer.seen).toEqual([]);
  });

  test('a title is told on one short line', async () => {
    const title = `<title>\u001b[31mbad\n${'x'.repeat(5000)}</title>`;
    const { begin } = await at({ routes: { '/authorize': (_, response) => void response.end(title) } });
    const line = (await failureOf(begin())).line();
    expect(line).toContain('[31mbad xxx');
    expect(line.length).toBeLessThan(500);
    expect(line).not.toMatch(/\p{Cc}/u);
  });
});
