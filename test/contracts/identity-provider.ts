import { afterAll, beforeAll, describe, expect } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import { type Capability, capabilities } from '../../src/adapters/identity/capabilities.ts';
import type { IdentityProvider, NewUser } from '../../src/adapters/identity/contract.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { type Misses, testMissing } from './misses.ts';

export interface ProviderUnderTest {
  readonly provider: IdentityProvider;
  /** what it can do, with the settings that it was made with; default: nothing beyond users */
  readonly can?: readonly Capability[];
  /** a password that the provider refuses; absent where it takes any */
  readonly refusedPassword?: Secret;
  /** user names may have any character; default true */
  readonly takesAnyName?: boolean;
  close(): Promise<void>;
}

let count = 0;

export function newUser(changes: Partial<NewUser> = {}): NewUser {
  count += 1;
  const userName = `contract-${count}-${crypto.randomUUID().slice(0, 8)}@example.com`;
  return {
    userName,
    email: changes.userName ?? userName,
    givenName: 'Ada',
    familyName: 'O’Neil-Ünal',
    password: new Secret(`correct horse ${crypto.randomUUID()}`),
    mark: `flows-owner:${crypto.randomUUID()}`,
    ...changes,
  };
}

/** What every identity provider's adapter must do. */
export function identityProviderContract(
  name: string,
  start: () => Promise<ProviderUnderTest>,
  misses: Misses = {},
): void {
  const test = testMissing(misses);
  describe(`identity provider: ${name}`, () => {
    let under: ProviderUnderTest;
    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under.close());

    test('has an address, for plans and prompts', () => {
      expect(URL.canParse(under.provider.address)).toBe(true);
    });

    test('has what it says that it can do, and nothing else', () => {
      const found = Object.entries(capabilities).flatMap(([name, { has }]) => (has(under.provider) ? [name] : []));
      expect(found.toSorted()).toEqual([...(under.can ?? [])].toSorted());
    });

    test('a user that was made is found and got, by name in any case and by id, with its mark', async () => {
      const given = newUser();
      const made = await under.provider.create(given);
      const expected = { id: made.id, mark: given.mark, active: true };
      expect(made).toMatchObject(expected);
      for (const userName of [given.userName, given.userName.toUpperCase()]) {
        await expect(under.provider.find(userName)).resolves.toMatchObject(expected);
      }
      await expect(under.provider.get(made.id)).resolves.toMatchObject(expected);
    });

    test('no answer holds the password', async () => {
      const given = newUser();
      const made = await under.provider.create(given);
      const answers = [made, await under.provider.find(given.userName), await under.provider.get(made.id)];
      expect(JSON.stringify(answers)).not.toContain(given.password.reveal());
    });

    test('a user that is not there is undefined', async () => {
      await expect(under.provider.find(newUser().userName)).resolves.toBeUndefined();
      await expect(under.provider.get(crypto.randomUUID())).resolves.toBeUndefined();
    });

    test.each([
      `" or userName pr or userName eq "`,
      `\\" or active eq true or userName eq \\"`,
      `a") or (userName sw "`,
      `*`,
      `%`,
      ` `,
      `x&startIndex=1#`,
    ])('a name that is a filter of its own finds nobody: %s', async (userName) => {
      await under.provider.create(newUser());
      await expect(under.provider.find(userName)).resolves.toBeUndefined();
    });

    test.each(['', '.', '..', '../Users', '../ServiceProviderConfig', '%2e%2e', 'a/b', 'a?b', 'a#b'])(
      'an id that is a path leads nowhere: "%s"',
      async (id) => {
        const outcome = await under.provider.get(id).catch((error: unknown) => error);
        expect([undefined, 'not-found']).toContain(outcome instanceof FlowError ? outcome.code : outcome);
      },
    );

    test('a name with quotes and backslashes is found again, or refused as a value', async () => {
      const userName = `o"neil\\ü+%&#?${crypto.randomUUID()}@example.com`;
      const made = under.provider.create(
        newUser({ userName, email: 'o@example.com', familyName: 'O’Neil "the first"' }),
      );
      const outcome = await made.catch((error: unknown) => (error instanceof FlowError ? error.code : error));
      const found = await under.provider.find(userName);
      expect(under.takesAnyName === false ? [outcome, found] : found).toEqual(
        under.takesAnyName === false ? ['invalid-value', undefined] : outcome,
      );
    });

    test('a taken name is a conflict, and the first user stays as it is', async () => {
      const given = newUser();
      const made = await under.provider.create(given);
      const again = under.provider.create(newUser({ userName: given.userName }));
      await expect(again).rejects.toMatchObject({ code: 'conflict' });
      await expect(under.provider.find(given.userName)).resolves.toMatchObject({
        id: made.id,
        mark: given.mark,
      });
    });

    test('of many who make one user at once, one does', async () => {
      const given = newUser();
      const results = await Promise.allSettled(Array.from({ length: 6 }, () => under.provider.create(given)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    test('a refused password is told as such, and makes no user', async () => {
      const given = newUser(under.refusedPassword === undefined ? {} : { password: under.refusedPassword });
      const outcome = await under.provider.create(given).catch((error: unknown) => error);
      const refused = under.refusedPassword !== undefined;
      expect(outcome instanceof FlowError && [outcome.code, outcome.place.subject]).toEqual(
        refused && ['invalid-value', 'password'],
      );
      expect((await under.provider.find(given.userName)) === undefined).toBe(refused);
    });

    test('a disabled user is found, and is not active; disabling again changes nothing', async () => {
      const { id, userName } = await under.provider.create(newUser());
      await under.provider.disable(id);
      await under.provider.disable(id);
      await expect(under.provider.find(userName)).resolves.toMatchObject({ id, active: false });
    });

    test('disabling nobody is an error', async () => {
      await expect(under.provider.disable(crypto.randomUUID())).rejects.toMatchObject({ code: 'not-found' });
    });
  });
}
