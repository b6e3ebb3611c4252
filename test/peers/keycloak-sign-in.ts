import { randomBytes } from 'node:crypto';
import { generateSecret } from 'otplib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SignIn, SignInPage } from '../../src/adapters/identity/contract.ts';
import { createSignIn } from '../../src/adapters/identity/sign-in-pages/sign-in.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { codeAt, parseOneTimePassword } from '../../src/foundation/totp.ts';
import { codeOf, type Keycloak } from './keycloak.ts';
import { makeRealm, type Realm } from './keycloak-realm.ts';

const password = `${randomBytes(18).toString('base64')} <&"'> ü `;

/** The driver of sign-in pages, at the pages of a real Keycloak. Codes are of real time: each is used once. */
export function keycloakSignIn(keycloak: () => Keycloak, realm: () => Realm): void {
  describe('sign-in pages', () => {
    let signIn: SignIn;
    beforeAll(() => {
      signIn = signInOf(realm());
    });

    test('password, code, signed in, and out again', async () => {
      const { username, seed, id } = await somebody(realm());
      const page = at('one-time-code', await begin(signIn, username));
      const session = at('signed-in', await page.submit(await codeFor(seed, 0)));
      expect(session.subject).toBe(id);
      const sessions = async () => (await realm().admin('GET', `/users/${id}/sessions`)).json();
      expect(await sessions()).toHaveLength(1);
      await session.end();
      expect(await sessions()).toEqual([]);
      // and nothing that an operator would have to look into
      const events = (await (await realm().admin('GET', `/events?user=${id}`)).json()) as { type: string }[];
      expect(events.map(({ type }) => type).toReversed()).toEqual(['LOGIN', 'CODE_TO_TOKEN', 'REVOKE_GRANT', 'LOGOUT']);
    });

    test('a code is refused the second time, and the page takes another', async () => {
      const { username, seed } = await somebody(realm());
      const first = at('one-time-code', await begin(signIn, username));
      const used = await codeFor(seed, 0);
      await at('signed-in', await first.submit(used)).end();
      const second = at('one-time-code', await begin(signIn, username));
      const refused = at('rejected', await second.submit(used));
      expect(refused.what).toBe('one-time-code');
      const again = await refused.again?.(await codeFor(seed, 1));
      await at('signed-in', again).end();
    });

    test.each([
      { who: 'a wrong password', given: async () => (await somebody(realm())).username, with: 'wrong' },
      { who: 'an unknown user', given: async () => 'nobody@example.com', with: password },
      {
        who: 'a disabled user',
        given: async () => (await somebody(realm(), { enabled: false })).username,
        with: password,
      },
    ])('$who is rejected', async ({ given, with: tried }) => {
      const page = await signIn.begin({ username: await given(), password: new Secret(tried) });
      expect(page).toMatchObject({ at: 'rejected', what: expect.stringMatching(/^(?:password|account)$/) });
    });

    test('a trimmed password is another one', async () => {
      const { username } = await somebody(realm());
      const page = await signIn.begin({ username, password: new Secret(password.trim()) });
      expect(page).toMatchObject({ at: 'rejected' });
    });

    /** What comes of a right code where the user is asked for something else. */
    const after = async (action: string) => {
      const { username, seed } = await somebody(realm(), { requiredActions: [action] });
      const page = at('one-time-code', await begin(signIn, username));
      return page.submit(await codeFor(seed, 0));
    };

    test('a password that is to be changed is rejected as expired', async () => {
      expect(await after('UPDATE_PASSWORD')).toMatchObject({ at: 'rejected', what: 'password-expired' });
    });

    test('what else the user is asked for is protocol', async () => {
      expect(await codeOf(after('UPDATE_PROFILE'))).toBe('protocol');
    });

    test('a redirect URI that the client does not have is not followed', async () => {
      const elsewhere = signInOf({ ...realm(), redirectUri: `${realm().redirectUri}/elsewhere` });
      expect(await codeOf(begin(elsewhere, 'nobody@example.com'))).toBe('protocol');
    });
  });

  test('a page for the user name, and then one for the password', async () => {
    // with organisations Keycloak asks who it is first
    const own = await makeRealm(keycloak(), 'two-pages', { organizationsEnabled: true });
    const { username, seed } = await somebody(own);
    const page = at('one-time-code', await begin(signInOf(own), username));
    await at('signed-in', await page.submit(await codeFor(seed, 0))).end();
    expect(await begin(signInOf(own), 'nobody@example.com')).toMatchObject({ at: 'rejected' });
  });

  describe.each([
    { algorithm: 'HmacSHA1', digits: 6, period: 30, locale: 'en' },
    { algorithm: 'HmacSHA512', digits: 8, period: 60, locale: 'de' },
    // not one Latin letter or digit around the facts
    { algorithm: 'HmacSHA256', digits: 6, period: 30, locale: 'ar' },
    { algorithm: 'HmacSHA1', digits: 8, period: 30, locale: 'ja' },
  ])('enrolment by the page in "$locale", $algorithm, $digits digits, $period s', (policy) => {
    let own: Realm;
    beforeAll(async () => {
      own = await makeRealm(keycloak(), `policy-${policy.locale}`, {
        ...oneTimePasswords({ type: 'totp', ...policy }),
        internationalizationEnabled: true,
        supportedLocales: [policy.locale],
        defaultLocale: policy.locale,
      });
    });

    test('a wrong code changes nothing, the right one enrols, and the seed signs in', async () => {
      const signIn = signInOf(own);
      const { username, id } = await somebody(own, { seed: undefined });
      const enrolment = at('enrolment', await begin(signIn, username));
      const { seed } = enrolment;
      expect(seed).toMatchObject({
        algorithm: policy.algorithm.replace('Hmac', ''),
        digits: policy.digits,
        period: policy.period,
      });
      const wrong = at('rejected', await enrolment.confirm(new Secret('0'.repeat(policy.digits))));
      expect(wrong.what).toBe('one-time-code');
      expect(await credentials(own, id)).toEqual(['password']);
      await at('signed-in', await wrong.again?.(await codeAt(seed, Date.now()))).end();
      expect(await credentials(own, id)).toEqual(['otp', 'password']);
      const page = at('one-time-code', await begin(signIn, username));
      const next = await codeAt(seed, Date.now() + policy.period * 1000);
      await at('signed-in', await page.submit(next)).end();
    });

    test('a sign-in that was left half-way leaves nothing in force, and the next one has another key', async () => {
      const signIn = signInOf(own);
      const { username, id } = await somebody(own, { seed: undefined });
      const one = at('enrolment', await begin(signIn, username));
      const other = at('enrolment', await begin(signIn, username));
      expect(one.seed.secret.equals(other.seed.secret)).toBe(false);
      expect(await credentials(own, id)).toEqual(['password']);
    });
  });

  test('codes by a counter are not supported: nothing is enrolled', async () => {
    const counter = { type: 'hotp', algorithm: 'HmacSHA1', digits: 6, period: 30 };
    const own = await makeRealm(keycloak(), 'policy-hotp', oneTimePasswords(counter));
    const { username, id } = await somebody(own, { seed: undefined });
    expect(await codeOf(begin(signInOf(own), username))).toBe('protocol');
    expect(await credentials(own, id)).toEqual(['password']);
  });
}

function signInOf({ issuer, signInClient, redirectUri }: Realm): SignIn {
  return createSignIn({ issuerUrl: issuer, clientId: signInClient, redirectUri, pages: 'keycloak', development: true });
}

function begin(signIn: SignIn, username: string): Promise<SignInPage> {
  return signIn.begin({ username, password: new Secret(password) });
}

function at<A extends SignInPage['at']>(wanted: A, page: SignInPage | undefined): Extract<SignInPage, { at: A }> {
  if (page?.at !== wanted) throw new Error(`expected ${wanted}, and is at ${page?.at}`);
  return page as Extract<SignInPage, { at: A }>;
}

interface Somebody {
  readonly username: string;
  readonly seed: string;
  readonly id: string;
}

async function somebody(
  realm: Realm,
  changes: { readonly enabled?: boolean; readonly requiredActions?: readonly string[]; readonly seed?: undefined } = {},
): Promise<Somebody> {
  const username = `user-${randomBytes(6).toString('hex')}@example.com`;
  const seed = generateSecret();
  const enrolled = !('seed' in changes);
  const { enabled = true, requiredActions = enrolled ? [] : ['CONFIGURE_TOTP'] } = changes;
  const id = await realm.addUser({ username, password, enabled, requiredActions, ...(enrolled ? { seed } : {}) });
  return { username, seed, id };
}

/** The code of a time step that is so many later: of an earlier one it could be too late when it arrives. */
async function codeFor(seed: string, later: number): Promise<Secret> {
  return codeAt(await parseOneTimePassword(new Secret(seed)), Date.now() + later * 30_000);
}

async function credentials(realm: Realm, id: string): Promise<readonly string[]> {
  const found = (await (await realm.admin('GET', `/users/${id}/credentials`)).json()) as { type: string }[];
  return found.map(({ type }) => type).toSorted();
}

interface Policy {
  readonly type: string;
  readonly algorithm: string;
  readonly digits: number;
  readonly period: number;
}

function oneTimePasswords({ type, algorithm, digits, period }: Policy): Readonly<Record<string, unknown>> {
  return {
    otpPolicyType: type,
    otpPolicyAlgorithm: algorithm,
    otpPolicyDigits: digits,
    otpPolicyPeriod: period,
    otpPolicyLookAheadWindow: 1,
  };
}
