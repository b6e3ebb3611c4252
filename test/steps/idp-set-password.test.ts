import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { idpEndSessions } from '../../src/steps/idp-end-sessions.ts';
import { idpSetPassword } from '../../src/steps/idp-set-password.ts';
import { accountsAt } from './accounts.ts';
import { codeOf } from './enrolling.ts';
import { startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop([], 'connect');
});
afterAll(() => laptop.close());
const { birthInput, create, signsIn, planOf } = accountsAt(() => laptop);

/** A user, and an item beside its own that has the password that it is to get. */
async function newCase(provider: IdentityProvider = laptop.keycloak) {
  const birth = await birthInput();
  const user = await create(birth);
  const next = await laptop.login(`next-${birth.username}`);
  laptop.clock.advance(60_000);
  const { username, 'one-time-password': seed } = birth;
  const password = next.reference.sibling('password');
  return { birth, input: { provider, user, username, password, 'one-time-password': seed } };
}
const set = (input: object, context = laptop.context()) => idpSetPassword.run(input as never, context);

describe('a new password', () => {
  test('is planned, set and proved, and the former one is over', async () => {
    const { birth, input } = await newCase();
    expect((await planOf(idpSetPassword, input)).changes).toMatchObject([
      { action: 'update', what: expect.stringContaining(birth.username), detail: 'a sign-in proves it' },
    ]);
    expect(await set(input)).toEqual({ at: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(await signsIn({ ...birth, password: input.password })).toBe('signed-in');
    expect(await signsIn(birth)).toBe('rejected: password');
  });

  test('that the provider refuses is told with its field, and the former one stays in force', async () => {
    const { birth, input } = await newCase();
    const context = laptop.context({
      read: async (reference) =>
        reference === input.password ? new Secret('short') : laptop.context().read(reference),
    });
    await expect(set(input, context)).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringContaining('minimum length'),
      hint: expect.stringContaining('the former password is still in force'),
      place: { subject: input.password.toString() },
    });
    laptop.clock.advance(60_000);
    expect(await signsIn(birth)).toBe('signed-in');
  });

  test.each([
    ['before', 'start'],
    ['after', 'finish'],
  ] as const)('a run that was stopped %s it was set is completed by the next', async (_, when) => {
    const { birth, input } = await newCase();
    const stopped: IdentityProvider = {
      ...laptop.keycloak,
      setPassword: async (id, password) => {
        if (when === 'finish') await laptop.keycloak.setPassword(id, password);
        throw new RangeError('killed');
      },
    };
    await expect(set({ ...input, provider: stopped })).rejects.toThrow(RangeError);
    expect(await signsIn(when === 'start' ? birth : { ...birth, password: input.password })).toBe('signed-in');
    // that sign-in has used the code of the moment
    laptop.clock.advance(60_000);
    await set(input);
    expect(await signsIn({ ...birth, password: input.password })).toBe('signed-in');
  });

  test('that a history refuses is fine where it is in force already, and only there', async () => {
    const refusing: IdentityProvider = {
      ...laptop.keycloak,
      setPassword: () =>
        Promise.reject(
          new FlowError('invalid-value', 'must not be equal to any of last 3 passwords', {
            place: { subject: 'password' },
          }),
        ),
    };
    const { birth, input } = await newCase(refusing);
    expect(await codeOf(set(input))).toBe('invalid-value');
    laptop.clock.advance(120_000);
    await set({ ...input, provider: laptop.keycloak });
    laptop.clock.advance(60_000);
    expect(await set(input)).toEqual({ at: expect.any(String) });
    expect(await signsIn({ ...birth, password: input.password })).toBe('signed-in');
  });

  test('that does not get in after all is an error', async () => {
    const ignoring: IdentityProvider = { ...laptop.keycloak, setPassword: () => Promise.resolve() };
    const { input } = await newCase(ignoring);
    expect(await codeOf(set(input))).toBe('denied');
  });

  test('without a one-time password it is set, and nothing proves it', async () => {
    const { input } = await newCase();
    expect(await set({ ...input, 'one-time-password': undefined })).toEqual({ at: undefined });
  });

  test('of another user than the one that is named, or of a disabled one, is refused', async () => {
    const { input } = await newCase();
    expect(await codeOf(set({ ...input, username: 'somebody' }))).toBe('conflict');
    await laptop.keycloak.disable(input.user);
    expect(await codeOf(set(input))).toBe('denied');
    expect(await codeOf(planOf(idpSetPassword, { ...input, user: crypto.randomUUID() }))).toBe('not-found');
  });
});

describe('ending sessions', () => {
  test('is planned, done, and done again', async () => {
    const { input } = await newCase();
    const { provider, user } = input;
    expect((await planOf(idpEndSessions, { provider, user })).changes).toMatchObject([{ action: 'revoke' }]);
    for (const _ of ['once', 'twice'])
      expect(await idpEndSessions.run({ provider, user }, laptop.context())).toEqual({});
  });

  test('says within which time, where the provider takes its own', async () => {
    const { input } = await newCase();
    const traits = { ...laptop.keycloak.traits, sessionsLag: 60 };
    const context = laptop.context();
    await idpEndSessions.run({ provider: { ...laptop.keycloak, traits }, user: input.user }, context);
    expect(context.told).toContain('the sessions end within 60 s');
  });

  test('of nobody, or at a provider that cannot, is an error', async () => {
    const nobody = { provider: laptop.keycloak, user: crypto.randomUUID() };
    expect(await codeOf(planOf(idpEndSessions, nobody))).toBe('not-found');
    expect(await codeOf(idpEndSessions.run(nobody, laptop.context()))).toBe('not-found');
    expect(await codeOf(idpEndSessions.run({ ...nobody, provider: laptop.provider }, laptop.context()))).toBe(
      'refused',
    );
  });
});
