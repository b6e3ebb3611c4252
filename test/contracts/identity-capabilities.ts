import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Capability } from '../../src/adapters/identity/capabilities.ts';
import type {
  ClientKeys,
  ClientSecrets,
  Factors,
  IdentityProvider,
  SignIn,
  SignInPage,
} from '../../src/adapters/identity/contract.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { newOneTimePassword, type OneTimePassword } from '../../src/foundation/totp.ts';
import { newUser, type ProviderUnderTest } from './identity-provider.ts';
import { type Misses, testMissing } from './misses.ts';

/** What the suite needs beside the provider, of those that can more than users. */
export interface CapableProvider extends ProviderUnderTest {
  readonly can: readonly Capability[];
  /** a code that nobody has used; moves the provider's clock on where it can be moved */
  code(seed: OneTimePassword): Promise<Secret>;
  /** as long as the provider wants between two failures */
  pause(): Promise<void>;
  /** Signs in for as long as a session lasts, and offline. @returns whether it does still */
  session(user: string, password: Secret, seed: OneTimePassword | undefined): Promise<() => Promise<boolean>>;
  /** whether failures lock a user */
  readonly locks: boolean;
  /** a client whose secrets may be changed, and one that has keys */
  readonly clients: { readonly secret: string; readonly keyed: string };
  /** whether a secret is accepted for the first of these */
  accepts(secret: Secret): Promise<boolean>;
}

/** What an identity provider's adapter must do, of what it offers; the rest is skipped. */
export function identityCapabilitiesContract(
  name: string,
  offers: readonly Capability[],
  start: () => Promise<CapableProvider>,
  misses: Misses = {},
): void {
  const test = testMissing(misses);
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof FlowError ? error.code : error),
    );
  const lacks = (...needed: Capability[]) => !needed.every((each) => offers.includes(each));

  describe(`what it can do: ${name}`, () => {
    let under: CapableProvider;
    let provider: IdentityProvider;
    beforeAll(async () => {
      under = await start();
      ({ provider } = under);
    });
    afterAll(() => under?.close());

    const factors = (): Factors => provider.factors ?? expect.unreachable();
    const proof = (): SignIn => provider.proof ?? expect.unreachable();
    const secrets = (): ClientSecrets => provider.clientSecrets ?? expect.unreachable();
    const keys = (): ClientKeys => provider.clientKeys ?? expect.unreachable();
    const labelled = async () => ({ seed: await newOneTimePassword(), label: `flows ${crypto.randomUUID()}` });

    /** A user with one factor, made with it where that is possible: of ours, else of the provider's. */
    async function enrolled() {
      const given = newUser();
      const factor = await labelled();
      const atBirth = provider.traits.birth === 'with-seed';
      const user = await provider.create(atBirth ? { ...given, oneTimePassword: factor } : given);
      const { importSeed, begin } = provider.factors ?? {};
      if (!atBirth) await importSeed?.(user.id, factor);
      if (importSeed !== undefined || begin === undefined) return { ...given, user, factor };
      const { seed, confirm } = await begin(user.id, { username: given.userName, password: given.password });
      expect(await confirm(await under.code(seed))).toBe(true);
      return { ...given, user, factor: { seed, label: '' } };
    }

    async function signIn(username: string, password: Secret, seed?: OneTimePassword): Promise<SignInPage> {
      const page = await proof().begin({ username, password });
      if (page.at !== 'one-time-code' || seed === undefined) return page;
      return page.submit(await under.code(seed));
    }
    async function outcome(page: SignInPage) {
      if (page.at === 'signed-in') await page.end();
      return page.at;
    }

    describe.skipIf(lacks('import-seed'))('one-time passwords of ours', () => {
      test('are listed by their label, and not imported twice', async () => {
        const { user, factor } = await enrolled();
        for (const _ of ['again', 'and again']) await factors().importSeed?.(user.id, factor);
        expect(await factors().list(user.id)).toMatchObject([{ label: factor.label }]);
      });

      test('stand beside each other, the preferred one first, and are removed one by one', async () => {
        const { user, factor } = await enrolled();
        const next = await labelled();
        await factors().importSeed?.(user.id, next);
        const found = async () => (await factors().list(user.id)).map(({ label }) => label);
        expect(new Set(await found())).toEqual(new Set([factor.label, next.label]));
        const idOf = async (label: string) => (await factors().list(user.id)).find((each) => each.label === label)?.id;
        await factors().prefer?.(user.id, (await idOf(next.label)) ?? '');
        expect((await found())[0]).toBe(factors().prefer === undefined ? factor.label : next.label);
        const old = (await idOf(factor.label)) ?? '';
        for (const _ of ['once', 'twice']) await factors().remove(user.id, old);
        expect(await found()).toEqual([next.label]);
      });

      test('of nobody are an error', async () => {
        expect(await codeOf(factors().importSeed?.(crypto.randomUUID(), await labelled()) ?? Promise.resolve())).toBe(
          'not-found',
        );
        expect(await codeOf(factors().list(crypto.randomUUID()))).toBe('not-found');
      });
    });

    describe.skipIf(lacks('begin-enrolment'))('one-time passwords of the provider', () => {
      const begun = async () => {
        const { userName: username, password, ...given } = newUser();
        const user = await provider.create({ ...given, userName: username, password });
        const begin = () => factors().begin?.(user.id, { username, password }) ?? expect.unreachable();
        return { user, begin };
      };

      test('are in force with the first right code, and not before', async () => {
        const { user, begin } = await begun();
        const { seed, confirm } = await begin();
        expect(await confirm(await under.code(await newOneTimePassword()))).toBe(false);
        expect(await factors().list(user.id)).toEqual([]);
        expect(await confirm(await under.code(seed))).toBe(true);
        const [factor] = await factors().list(user.id);
        for (const _ of ['once', 'twice']) await factors().remove(user.id, factor?.id ?? '');
        expect(await factors().list(user.id)).toEqual([]);
      });

      test('may be begun again where nobody has confirmed them', async () => {
        const { user, begin } = await begun();
        await begin();
        const { seed, confirm } = await begin();
        expect(await confirm(await under.code(seed))).toBe(true);
        expect(await factors().list(user.id)).toHaveLength(1);
      });

      test('of nobody are an error', async () => {
        expect(await codeOf(factors().list(crypto.randomUUID()))).toBe('not-found');
      });
    });

    describe.skipIf(lacks('proof'))('a proof', () => {
      test('signs in with password and code, and out again', async () => {
        const { userName, password, factor } = await enrolled();
        expect(await outcome(await signIn(userName, password, factor.seed))).toBe('signed-in');
      });

      test.skipIf(lacks('import-seed'))(
        'asks for the code of the preferred one, from the moment of the change',
        async () => {
          const { userName, password, user } = await enrolled();
          const next = await labelled();
          await factors().importSeed?.(user.id, next);
          const added = (await factors().list(user.id)).find(({ label }) => label === next.label);
          await factors().prefer?.(user.id, added?.id ?? '');
          expect(await outcome(await signIn(userName, password, next.seed))).toBe('signed-in');
        },
      );

      test('of an account without a second factor is a finding: nobody was asked for a code', async () => {
        const { userName: username, password, user } = await enrolled();
        for (const { id } of await factors().list(user.id)) await factors().remove(user.id, id);
        expect(await outcome(await proof().begin({ username, password }))).toBe('signed-in');
      });

      test.each<[string, boolean, boolean]>([
        ['another password', false, true],
        ['another seed', true, false],
      ])('is refused for %s', async (_, rightPassword, rightSeed) => {
        const { userName, password, factor } = await enrolled();
        const { seed } = rightSeed ? factor : await labelled();
        const page = await signIn(userName, rightPassword ? password : new Secret('another password entirely'), seed);
        expect(page).toMatchObject({
          at: 'rejected',
          what: expect.stringMatching(rightPassword ? /code$/ : /^password/),
        });
      });

      test('of nobody, and of a disabled user, is refused as an account', async () => {
        const { userName, password, user, factor } = await enrolled();
        await provider.disable(user.id);
        for (const username of [userName, newUser().userName]) {
          expect(await signIn(username, password, factor.seed)).toEqual({ at: 'rejected', what: 'account' });
        }
      });

      test('finds a locked user locked, and tries no code there', async () => {
        if (!under.locks) return;
        const { userName, password, user, factor } = await enrolled();
        const until = () => factors().lockedUntil?.(user.id);
        for (let tries = 0; tries < 10 && (await until()) === undefined; tries += 1) {
          const page = await proof().begin({ username: userName, password });
          if (page.at === 'one-time-code') await page.submit(new Secret('000000'));
        }
        expect(await until()).toBeGreaterThan(0);
        expect(await signIn(userName, password, factor.seed)).toEqual({ at: 'rejected', what: 'account' });
      });
    });

    describe.skipIf(lacks('set-password'))('a password', () => {
      test('is another from then on', async () => {
        const { userName, user, password, factor } = await enrolled();
        const next = new Secret(`another horse ${crypto.randomUUID()}`);
        await provider.setPassword?.(user.id, next);
        if (provider.proof === undefined) return;
        expect(await outcome(await signIn(userName, next, factor.seed))).toBe('signed-in');
        await under.pause();
        expect(await outcome(await signIn(userName, password, factor.seed))).toBe('rejected');
      });

      test('that is refused is told as such, in the words of the provider, and never told itself', async () => {
        const { refusedPassword } = under;
        if (refusedPassword === undefined) return;
        const { user } = await enrolled();
        const error = await provider.setPassword?.(user.id, refusedPassword).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'password' } });
        expect(String(error)).not.toContain(refusedPassword.reveal());
      });

      test('of nobody is an error', async () => {
        const password = new Secret(`another horse ${crypto.randomUUID()}`);
        expect(await codeOf(provider.setPassword?.(crypto.randomUUID(), password) ?? Promise.resolve())).toBe(
          'not-found',
        );
      });
    });

    describe.skipIf(lacks('end-sessions'))('sessions', () => {
      test('end, offline ones too, and there may be none', async () => {
        const { userName, user, password, factor } = await enrolled();
        const goesOn = await under.session(userName, password, factor.seed);
        expect(await goesOn()).toBe(true);
        for (const _ of ['once', 'twice']) await provider.endSessions?.(user.id);
        expect(await goesOn()).toBe(false);
      });

      test('of nobody are an error', async () => {
        expect(await codeOf(provider.endSessions?.(crypto.randomUUID()) ?? Promise.resolve())).toBe('not-found');
      });
    });

    describe.skipIf(lacks('client-secrets'))('client secrets', () => {
      // letters and digits: what every provider takes
      const fresh = () => new Secret(`secret${crypto.randomUUID().replaceAll('-', '')}`);
      const given = () => (secrets().origin === 'ours' ? fresh() : undefined);
      const add = async (secret = given()) => {
        const added = await secrets().add(under.clients.secret, secret);
        return { ...added, secret: added.value ?? secret ?? expect.unreachable() };
      };

      test('are accepted beside each other as far as two can live, and the former one no longer once it is retired', async () => {
        const { live, list, retire } = secrets();
        const first = await add();
        expect(await under.accepts(first.secret)).toBe(true);
        const before = await list(under.clients.secret);
        for (const { id } of before.slice(1)) await retire(under.clients.secret, id);
        const second = await add();
        expect(await under.accepts(second.secret)).toBe(true);
        expect(await under.accepts(first.secret)).toBe(live !== 1);
        expect((await list(under.clients.secret)).map(({ id }) => id)).toContain(second.id);
        for (const _ of ['once', 'twice']) await retire(under.clients.secret, first.id);
        expect([await under.accepts(first.secret), await under.accepts(second.secret)]).toEqual([false, true]);
        expect(await codeOf(retire(under.clients.secret, second.id))).toBe('refused');
      });

      test('are no more than can live, and the same one again changes nothing', async () => {
        const { live, origin, list, retire } = secrets();
        for (const { id } of (await list(under.clients.secret)).slice(1)) await retire(under.clients.secret, id);
        const added = await add();
        // where the provider tells nobody which ones it has, it cannot be known that one is there
        const tells = (await list(under.clients.secret)).every(({ is }) => is !== undefined);
        const again = origin === 'ours' && tells ? (await add(added.secret)).id : added.id;
        expect(again).toBe(added.id);
        const third = live === 2 ? await codeOf(add()) : 'conflict';
        expect(third).toBe('conflict');
        for (const { id } of (await list(under.clients.secret)).slice(1)) await retire(under.clients.secret, id);
        const [left] = await list(under.clients.secret);
        expect(left?.is?.(added.secret) ?? true).toBe(true);
        expect(JSON.stringify(left)).not.toContain(added.secret.reveal());
      });

      test('that are weak, and those of no client, are refused', async () => {
        const weak = secrets().origin === 'ours' ? await codeOf(add(new Secret('short'))) : 'invalid-value';
        expect(weak).toBe('invalid-value');
        expect(await codeOf(secrets().add('nobody', given()))).toBe('not-found');
        expect(await codeOf(secrets().list('nobody'))).toBe('not-found');
      });
    });

    describe.skipIf(lacks('client-keys'))('client keys', () => {
      test('stand beside each other, are added once, and the last one stays', async () => {
        const { keyed } = under.clients;
        const [first] = await keys().list(keyed);
        // RSA, and a kid of ten characters: what every provider takes
        const { publicKey } = await generateKeyPair('RS256', { extractable: true });
        const key = { ...(await exportJWK(publicKey)), kid: 'second-key', alg: 'RS256', use: 'sig' };
        const added = await keys().add(keyed, key);
        expect(await keys().add(keyed, key)).toEqual(added);
        expect(await keys().list(keyed)).toHaveLength(2);
        for (const _ of ['once', 'twice']) await keys().retire(keyed, first?.id ?? '');
        expect(await codeOf(keys().retire(keyed, added.id))).toBe('refused');
        expect(await keys().list(keyed)).toMatchObject([{ id: added.id, kid: 'second-key' }]);
      });
    });
  });
}
