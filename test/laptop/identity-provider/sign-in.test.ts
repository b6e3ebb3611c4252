import * as client from 'openid-client';
import { generate } from 'otplib';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  startIdentityProvider,
  type DevelopmentIdentityProvider,
} from '../../../src/laptop/identity-provider/server.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { createBrowser, shownKey, title, type Browser, type Shown } from './browser.ts';

const redirectUri = 'http://127.0.0.1:9/callback';
const password = new Secret('correct horse battery staple');
const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const scimToken = new Secret('bearer-of-the-scim-test');

let provider: DevelopmentIdentityProvider;
let clock = Date.parse('2026-11-22T12:00:00Z');
const spies = (['log', 'info', 'warn', 'error'] as const).map((level) => vi.spyOn(console, level));

beforeAll(() => {
  for (const spy of spies) spy.mockClear();
});
beforeEach(async () => {
  provider = await startIdentityProvider({
    clients: [{ clientId: 'app', redirectUris: [redirectUri] }],
    users: [
      { userName: 'root', password, totpSeed: new Secret(seed) },
      { userName: 'New.User@example.com', email: 'new.user@example.com', password, givenName: 'New' },
      { userName: 'gone', password, totpSeed: new Secret(seed), active: false },
    ],
    scimToken,
    now: () => clock,
  });
});
afterEach(() => provider.close());
const wait = (seconds: number) => {
  clock += seconds * 1000;
};
const code = (secret: string) => generate({ secret: secret.replaceAll(' ', ''), epoch: Math.floor(clock / 1000) });

interface Started {
  readonly browser: Browser;
  readonly config: client.Configuration;
  readonly verifier: string;
  readonly state: string;
}

async function start(parameters: Record<string, string> = {}): Promise<Started> {
  const config = await client.discovery(new URL(provider.issuer), 'app', undefined, client.None(), {
    execute: [client.allowInsecureRequests],
  });
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...parameters,
  });
  const browser = createBrowser(provider.issuer);
  await browser.open(url.href);
  return { browser, config, verifier, state };
}

async function withPassword(username: string, given = password.reveal()): Promise<Started & { shown: Shown }> {
  const started = await start();
  const shown = await started.browser.submit('#kc-form-login', { username, password: given });
  return { ...started, shown };
}

async function exchange({ config, verifier, state }: Started, { left }: Shown) {
  if (left === undefined) throw new Error('not sent back to the client');
  return client.authorizationCodeGrant(config, left, { pkceCodeVerifier: verifier, expectedState: state });
}

async function disable(userName: string): Promise<void> {
  const response = await fetch(`${provider.scimUrl}/Users/${provider.user(userName)?.id ?? ''}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${scimToken.reveal()}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'active', value: false }],
    }),
  });
  expect(response.status).toBe(200);
}

describe('a user with a one-time password', () => {
  test('signs in with password and code, and out again', async () => {
    const started = await withPassword('ROOT');
    expect(title(started.shown)).toBe('One-time code');
    const done = await started.browser.submit('#kc-otp-login-form', { otp: await code(seed) });
    const tokens = await exchange(started, done);
    expect(tokens.claims()).toMatchObject({ sub: provider.user('root')?.id, preferred_username: 'root' });
    expect(provider.user('root')).toMatchObject({ signIns: 1, enrolled: true });

    // the session is there: a second request needs no password
    const again = new URL((await authorizationUrl(started)).href);
    expect((await started.browser.open(again.href)).left?.searchParams.has('code')).toBe(true);
    const { id_token: idToken = '' } = tokens;
    const end = client.buildEndSessionUrl(started.config, {
      id_token_hint: idToken,
      post_logout_redirect_uri: redirectUri,
      state: 'bye',
    });
    await started.browser.open(end.href);
    const ended = await started.browser.submit('#kc-logout-confirm', {});
    expect(ended.left?.href).toBe(`${redirectUri}?state=bye`);
    expect(title(await started.browser.open(again.href))).toBe('Sign in to your account');
  });

  test('a wrong password is the form again, with 200 and no hint of whether the user exists', async () => {
    const bodies = await Promise.all(
      ['root', 'nobody', 'gone'].map(async (username) => {
        const { shown } = await withPassword(username, 'wrong');
        expect(shown.status).toBe(200);
        expect(shown.page.querySelector('#username')?.getAttribute('value')).toBe(username);
        return shown.page.querySelector('#input-error-username')?.text;
      }),
    );
    expect(new Set(bodies)).toEqual(new Set(['Invalid username or password.']));
  });

  test('a wrong code is the form again; a right one then signs in', async () => {
    const started = await withPassword('root');
    for (const otp of ['000000', 'abcdef', '', '1234567', '１２３４５６']) {
      const shown = await started.browser.submit('#kc-otp-login-form', { otp });
      expect(shown.page.querySelector('#input-error-otp-code')?.text).toBe('Invalid authenticator code.');
      wait(1000);
    }
    const done = await started.browser.submit('#kc-otp-login-form', { otp: await code(seed) });
    expect(done.left?.searchParams.has('code')).toBe(true);
  });

  test.each([
    [-60, false],
    [-30, true],
    [0, true],
    [30, true],
    [60, false],
  ])('a code of %i seconds ago or ahead', async (offset, accepted) => {
    const started = await withPassword('root');
    wait(offset);
    const otp = await code(seed);
    wait(-offset);
    const done = await started.browser.submit('#kc-otp-login-form', { otp });
    expect(done.left?.searchParams.has('code') ?? false).toBe(accepted);
  });

  test('a code is accepted once, in any session, and so is an earlier step', async () => {
    wait(3600);
    const earlier = await code(seed);
    wait(30);
    const otp = await code(seed);
    const sessions = await Promise.all([withPassword('root'), withPassword('root'), withPassword('root')]);
    const answers = await Promise.all(sessions.map(({ browser }) => browser.submit('#kc-otp-login-form', { otp })));
    expect(answers.filter(({ left }) => left !== undefined)).toHaveLength(1);
    const late = await withPassword('root');
    expect((await late.browser.submit('#kc-otp-login-form', { otp: earlier })).left).toBeUndefined();
    wait(30);
    expect((await late.browser.submit('#kc-otp-login-form', { otp: await code(seed) })).left).toBeDefined();
  });

  test('a disabled user is refused, before and after the password, and with a session', async () => {
    const { shown } = await withPassword('gone');
    expect(shown.page.querySelector('#input-error-username')).not.toBeNull();

    const signedIn = await withPassword('root');
    await signedIn.browser.submit('#kc-otp-login-form', { otp: await code(seed) });
    const halfWay = await withPassword('root');
    await disable('root');
    wait(30);
    const answer = await halfWay.browser.submit('#kc-otp-login-form', { otp: await code(seed) });
    expect([answer.left, title(answer)]).toEqual([undefined, 'Sign in to your account']);
    expect(provider.user('root')).toMatchObject({ active: false, signIns: 1 });
    expect(title(await signedIn.browser.open((await authorizationUrl(signedIn)).href))).toBe('Sign in to your account');
  });
});

describe('a user without one', () => {
  const user = 'new.user@example.com';

  test('enrols by the key of the "Unable to scan?" page, and signs in with a later code', async () => {
    const started = await withPassword(user);
    expect(title(started.shown)).toBe('Mobile authenticator setup');
    expect(started.shown.page.querySelector('#kc-totp-secret-qr-code')?.getAttribute('src')).toMatch(
      /^data:image\/png;base64,/,
    );
    expect(started.shown.page.querySelector('#kc-totp-secret-key')).toBeNull();
    const manual = await started.browser.follow('a#mode-manual');
    const key = shownKey(manual);
    expect(key).toMatch(/^(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
    const facts = ['type', 'algorithm', 'digits', 'period'].map(
      (id) => manual.page.querySelector(`#kc-totp-${id}`)?.text,
    );
    expect(facts).toEqual(['Type: Time-based', 'Algorithm: SHA1', 'Digits: 6', 'Interval: 30']);
    expect(provider.user(user)?.enrolled).toBe(false);

    const wrong = await started.browser.submit('#kc-totp-settings-form', { totp: '000000' });
    expect([wrong.status, shownKey(wrong)]).toEqual([200, key]);
    expect(wrong.page.querySelector('#input-error-otp-code')).not.toBeNull();
    expect(provider.user(user)?.enrolled).toBe(false);

    const totp = await code(key);
    const done = await started.browser.submit('#kc-totp-settings-form', { totp, userLabel: 'vault' });
    await exchange(started, done);
    expect(provider.user(user)).toMatchObject({ enrolled: true, signIns: 1 });

    const later = await withPassword(user);
    const replayed = await later.browser.submit('#kc-otp-login-form', { otp: totp });
    expect(replayed.left).toBeUndefined();
    wait(30);
    const tokens = await exchange(later, await later.browser.submit('#kc-otp-login-form', { otp: await code(key) }));
    expect(tokens.claims()).toMatchObject({ email: user, given_name: 'New' });
  });

  test('the key survives a reload and both modes, not a new sign-in', async () => {
    const { browser } = await withPassword(user);
    const key = shownKey(await browser.follow('a#mode-manual'));
    await browser.follow('#mode-barcode');
    expect(shownKey(await browser.follow('a#mode-manual'))).toBe(key);
    await browser.follow('#reset-login');
    await browser.submit('#kc-form-login', { username: user, password: password.reveal() });
    expect(shownKey(await browser.follow('a#mode-manual'))).not.toBe(key);
  });

  test('totpSecret of the form is not trusted', async () => {
    const { browser } = await withPassword(user);
    await browser.follow('a#mode-manual');
    const answer = await browser.submit('#kc-totp-settings-form', { totpSecret: seed, totp: await code(seed) });
    expect(answer.left).toBeUndefined();
    expect(provider.user(user)?.enrolled).toBe(false);
  });

  test('nothing is enrolled that was never shown', async () => {
    const { browser, shown } = await withPassword(user);
    const path = new URL(shown.url).pathname;
    await browser.follow('#reset-login');
    await browser.open(`${path}?mode=manual`);
    expect(title(browser.shown())).toBe('Sign in to your account');
  });

  test('of two enrolments at once the first right code wins; the other is asked for a code of it', async () => {
    const [one, two] = await Promise.all([withPassword(user), withPassword(user)]);
    const keys = [
      shownKey(await one.browser.follow('a#mode-manual')),
      shownKey(await two.browser.follow('a#mode-manual')),
    ];
    expect(keys[0]).not.toBe(keys[1]);
    const answers = await Promise.all(
      [one, two].map(async ({ browser }, index) =>
        browser.submit('#kc-totp-settings-form', { totp: await code(keys[index] ?? '') }),
      ),
    );
    const winner = answers.findIndex(({ left }) => left !== undefined);
    const loser = winner === 0 ? two : one;
    expect(answers.filter(({ left }) => left !== undefined)).toHaveLength(1);
    expect(title(loser.browser.shown())).toBe('One-time code');
    wait(30);
    const refused = await loser.browser.submit('#kc-otp-login-form', { otp: await code(keys[1 - winner] ?? '') });
    expect(refused.left).toBeUndefined();
    const accepted = await loser.browser.submit('#kc-otp-login-form', { otp: await code(keys[winner] ?? '') });
    expect(accepted.left).toBeDefined();
  });
});

describe('guessing', () => {
  test('after five wrong codes the right one is refused too, for a while that grows', async () => {
    const { browser } = await withPassword('root');
    const guess = async (otp: string) => (await browser.submit('#kc-otp-login-form', { otp })).left !== undefined;
    for (let count = 0; count < 5; count += 1) expect(await guess('000000')).toBe(false);
    expect(await guess(await code(seed))).toBe(false);
    wait(31);
    expect(await guess('000000')).toBe(false);
    wait(31);
    expect(await guess(await code(seed))).toBe(false);
    wait(30);
    expect(await guess(await code(seed))).toBe(true);
  });

  test('a right password does not free more codes', async () => {
    for (let count = 0; count < 5; count += 1) {
      const { browser } = await withPassword('root');
      await browser.submit('#kc-otp-login-form', { otp: '000000' });
    }
    const { shown } = await withPassword('root');
    expect(title(shown)).toBe('Sign in to your account');
    wait(31);
    expect(title((await withPassword('root')).shown)).toBe('One-time code');
  });

  test('passwords guessed side by side are counted one by one', async () => {
    const guesses = await Promise.all(Array.from({ length: 8 }, () => start()));
    await Promise.all(
      guesses.map(({ browser }) => browser.submit('#kc-form-login', { username: 'root', password: 'wrong' })),
    );
    expect(title((await withPassword('root')).shown)).toBe('Sign in to your account');
    // five count and lock; those that met the lock do not make it longer
    wait(29);
    expect(title((await withPassword('root')).shown)).toBe('Sign in to your account');
    wait(2);
    expect(title((await withPassword('root')).shown)).toBe('One-time code');
  });

  test('codes guessed side by side are no more than those in a row', async () => {
    const { browser } = await withPassword('root');
    const right = await code(seed);
    const otps = [...Array.from({ length: 20 }, (_, index) => String(index).padStart(6, '0')), right];
    const answers: (URL | undefined)[] = [];
    // one browser, so the requests share a session; the right code comes last
    await Promise.all(
      otps.map(async (otp) => answers.push((await browser.submit('#kc-otp-login-form', { otp })).left)),
    );
    expect(answers.filter((left) => left !== undefined)).toEqual([]);
    expect(provider.user('root')?.signIns).toBe(0);
  });

  test('a sign-in belongs to the browser that began it', async () => {
    const { shown } = await withPassword('root');
    const stranger = createBrowser(provider.issuer);
    const answer = await stranger.open(shown.url);
    expect([answer.status, title(answer)]).toEqual([400, 'This sign-in has ended']);
    const other = await start();
    expect((await other.browser.open(shown.url)).status).toBe(400);
  });

  test('the code page cannot be reached without the password', async () => {
    const { browser } = await start();
    const uid = new URL(browser.shown().url).pathname;
    for (const path of ['otp', 'enrol']) {
      const form = browser.shown().page.querySelector('#kc-form-login');
      form?.setAttribute('action', `${uid}/${path}`);
      const answer = await browser.submit('#kc-form-login', { otp: await code(seed), totp: await code(seed) });
      expect([answer.left, title(answer)]).toEqual([undefined, 'Sign in to your account']);
    }
  });
});

describe('pages', () => {
  test('the landing page shows who is signed in, and signs in and out', async () => {
    const browser = createBrowser(provider.issuer);
    await browser.open('/');
    await browser.follow('a#sign-in');
    await browser.submit('#kc-form-login', { username: 'root', password: password.reveal() });
    await browser.submit('#kc-otp-login-form', { otp: await code(seed) });
    expect(browser.shown().page.querySelector('#signed-in-as')?.text).toBe('root');
    await browser.follow('a#sign-out');
    await browser.submit('#kc-logout-confirm', {});
    expect(title(browser.shown())).toBe('Welcome');
  });

  test('a page that answered a form can be asked for again', async () => {
    const { browser, shown } = await withPassword('root', 'wrong');
    expect(title(await browser.open(shown.url))).toBe('Sign in to your account');
    expect((await browser.open(`${shown.url}x`)).status).toBe(404);
  });

  test('what a person types is shown as text', async () => {
    const username = `"><script>alert(1)</script><b id='x'>`;
    const { shown } = await withPassword(username, 'wrong');
    expect(shown.page.querySelector('script')).toBeNull();
    expect(shown.page.querySelector('#username')?.getAttribute('value')).toBe(username);
  });

  test('pages take nothing from elsewhere, stay out of frames and caches, and may lead back to the client', async () => {
    const { browser } = await start();
    const { headers, page } = browser.shown();
    const policy = headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self' http://127.0.0.1:9");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(page.querySelectorAll('script')).toEqual([]);
    const style = await fetch(
      new URL(page.querySelector('link[rel=stylesheet]')?.getAttribute('href') ?? '', provider.issuer),
    );
    expect(style.headers.get('content-type')).toContain('text/css');
  });

  test('a redirect URI that is not registered is not followed, and PKCE is required', async () => {
    // any port of a registered loopback address, as RFC 8252 (section 7.3) has it
    const anyPort = await start({ redirect_uri: 'http://127.0.0.1:10/callback' });
    expect(title(anyPort.browser.shown())).toBe('Sign in to your account');
    const elsewhere = await start({ redirect_uri: 'https://evil.example/callback' });
    expect([elsewhere.browser.shown().status, elsewhere.browser.shown().left]).toEqual([400, undefined]);
    expect(title(elsewhere.browser.shown())).toBe('This did not work');
    const plain = await start({ code_challenge_method: 'plain' });
    expect(plain.browser.shown().left?.searchParams.get('error')).toBe('invalid_request');
    const none = `/auth?${new URLSearchParams({ client_id: 'app', response_type: 'code', scope: 'openid', redirect_uri: redirectUri }).toString()}`;
    const without = await createBrowser(provider.issuer).open(none);
    expect(without.left?.searchParams.get('error')).toBe('invalid_request');
  });

  test.each(['/nothing/here', '/interaction/x', '/interaction/%E0%A4%A'])('%s is a plain refusal', async (path) => {
    const response = await fetch(`${provider.issuer}${path}`);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(await response.text()).not.toMatch(/node_modules|\.ts:\d|at async/);
  });
});

// oidc-provider prints advice where a default of its own is left in use
test('nothing of all this was printed', () => {
  expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([]);
});

async function authorizationUrl({ config, verifier, state }: Started): Promise<URL> {
  return client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  });
}
