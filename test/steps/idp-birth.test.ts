import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { createReadTogether } from '../../src/adapters/vaults/read-together.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { newOneTimePassword } from '../../src/foundation/totp.ts';
import { idpCreateUser } from '../../src/steps/idp-create-user.ts';
import { accountsAt } from './accounts.ts';
import { codeOf } from './enrolling.ts';
import { someone, startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop([], 'connect');
});
afterAll(() => laptop.close());
const { birthInput, create, enrol, itemFor, signsIn, planOf, uri } = accountsAt(() => laptop);
const users = (username: string) => laptop.idp.users().filter((user) => user.userName === username);
const planned = async ({ item: _item, ...input }: Awaited<ReturnType<typeof birthInput>>) =>
  (await planOf(idpCreateUser, input)).changes;

describe('a user who is born with a one-time password', () => {
  test('is planned so, made in one request, signs in, and is planned no more', async () => {
    const birth = await birthInput();
    expect(await planned(birth)).toMatchObject([
      { action: 'create', detail: 'with its one-time password, in one request' },
    ]);
    const made: unknown[] = [];
    const provider: IdentityProvider = {
      ...laptop.keycloak,
      create: (user) => {
        made.push(user.oneTimePassword?.label);
        return laptop.keycloak.create(user);
      },
    };
    const id = await create({ ...birth, provider });
    expect(made).toEqual([expect.stringMatching(/^flows [\w-]{22}$/)]);
    expect(users(birth.username)).toMatchObject([{ id, factors: 1 }]);
    expect(await signsIn(birth)).toBe('signed-in');
    expect(await planned(birth)).toMatchObject([{ action: 'none' }]);
    await expect(create(birth)).resolves.toBe(id);
  });

  test.each([
    ['the answer to the birth is lost', { lose: true }, 'POST', '/users', 'done'],
    ['the provider is in trouble', { status: 503 }, 'POST', '/users', 'unavailable'],
    ['it is stopped before the provider is told to ask for no other one', { status: 500 }, 'PUT', '/users/', 'done'],
    ['it is stopped before it has seen who was made', { status: 502 }, 'GET', '/users/', 'done'],
  ])('%s: there is one user with one factor, and the next run completes', async (_, fault, method, path, outcome) => {
    const birth = await birthInput();
    laptop.idp.faults.nextDouble({ ...fault, body: {} }, method, path);
    expect(await codeOf(create(birth))).toBe(outcome);
    await create(birth);
    expect(users(birth.username)).toMatchObject([{ factors: 1 }]);
    expect(await signsIn(birth)).toBe('signed-in');
  });

  test.each(['keycloak', 'auth0', 'okta', 'entra'] as const)(
    '40 births at once, and some of the same one, make one user each at %s',
    async (type) => {
      const provider = type === 'keycloak' ? laptop.keycloak : laptop.others[type];
      const takesSeed = provider.factors?.importSeed !== undefined;
      // one item for all of them, with a seed for each: it is the provider that is asked for much
      const item = await itemFor(someone());
      const births = await Promise.all(Array.from({ length: 40 }, () => birthInput(someone(), item, provider)));
      const [first, ...others] = births;
      if (first === undefined) throw new Error('no birth');
      // what Auth0 takes of one user in the minute that a request waits at most: two at once, and two after it
      const same = type === 'auth0' ? 4 : 8;
      const read = createReadTogether(laptop.vault);
      const at = async (birth: typeof first, seed?: Secret) => {
        const own = async (reference: Reference) =>
          seed !== undefined && reference === birth['one-time-password'] ? seed : read(reference);
        const { 'one-time-password': _, ...withoutSeed } = birth;
        const context = laptop.context({ read: own, locked: (__, work) => work() });
        await create(takesSeed ? birth : withoutSeed, context);
      };
      await Promise.all([
        ...Array.from({ length: same }, () => at(first)),
        ...others.map(async (birth) => at(birth, await uri(birth.username))),
      ]);
      for (const { username } of others) expect(users(username)).toMatchObject([{ factors: takesSeed ? 1 : 0 }]);
      // where the seed follows in a request of its own, two machines may both have sent it: idp/enroll-totp leaves one
      const [{ factors } = { factors: 0 }, ...more] = users(first.username);
      expect([more, factors > 0, factors <= (type === 'auth0' ? same : 1)]).toEqual([[], takesSeed, true]);
      const signedIn = type !== 'keycloak' || (await signsIn(first)) === 'signed-in';
      expect(signedIn).toBe(true);
    },
  );

  test('a user that was made without one gets it, and the plan says so', async () => {
    const birth = await birthInput();
    const { 'one-time-password': _, item: __, ...before } = birth;
    const { id } = (await idpCreateUser.run(before, laptop.context())) as { id: string };
    expect(await planned(birth)).toMatchObject([{ action: 'none' }, { action: 'enrol' }]);
    await expect(create(birth)).resolves.toBe(id);
    expect(await signsIn(birth)).toBe('signed-in');
  });

  test('one that was enrolled by hand stays, and the run says so', async () => {
    const birth = await birthInput();
    const { 'one-time-password': _, item: __, ...before } = birth;
    const { id } = (await idpCreateUser.run(before, laptop.context())) as { id: string };
    await laptop.keycloak.factors.importSeed(id, { seed: await newOneTimePassword(), label: 'my phone' });
    expect(await codeOf(create(birth))).toBe('conflict');
    expect(await laptop.keycloak.factors.list(id)).toMatchObject([{ label: 'my phone' }]);
  });

  test('a name that is taken by somebody whom the account cannot see is a conflict', async () => {
    const birth = await birthInput();
    const hidden: IdentityProvider = { ...laptop.keycloak, find: () => Promise.resolve(undefined) };
    await create(birth);
    await expect(create({ ...birth, provider: hidden })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('its name or address is taken by another user'),
    });
  });

  test('a weak password is refused in the words of the provider, and there is no user', async () => {
    const username = someone();
    const birth = await birthInput(username, await itemFor(username));
    const context = laptop.context({
      read: async (reference) =>
        reference === birth.password ? new Secret('short') : laptop.context().read(reference),
    });
    await expect(create(birth, context)).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringContaining('Invalid password: minimum length 12.'),
      place: { subject: birth.password.toString() },
    });
    expect(users(username)).toEqual([]);
  });

  test('after a birth there is nothing left to enrol but the proof', async () => {
    const birth = await birthInput();
    const id = await create(birth);
    laptop.clock.advance(60_000);
    await enrol(birth, id);
    expect(users(birth.username)).toMatchObject([{ factors: 1 }]);
    expect(await signsIn(birth)).toBe('signed-in');
  });
});

describe('a provider whose look-ups lag', () => {
  /** Shows nobody until its time has come. */
  function lagging(seconds: number): IdentityProvider {
    let made = Infinity;
    return {
      ...laptop.keycloak,
      traits: { ...laptop.keycloak.traits, lookUpLag: 30 },
      find: async (name) => (laptop.clock.now() - made < seconds * 1000 ? undefined : laptop.keycloak.find(name)),
      create: async (user) => {
        await laptop.keycloak.create(user).catch(() => undefined);
        made = Math.min(made, laptop.clock.now());
        throw new FlowError('timeout', 'late');
      },
    };
  }

  test('is asked until it shows the user whose answer was lost, and that one is adopted', async () => {
    const birth = { ...(await birthInput()), provider: lagging(10) };
    const id = await create(birth);
    expect(users(birth.username)).toMatchObject([{ id, factors: 1 }]);
  });

  test('that never shows it: the failure is told, and a further run adopts', async () => {
    const birth = await birthInput();
    expect(await codeOf(create({ ...birth, provider: lagging(300) }))).toBe('timeout');
    const id = await create(birth);
    expect(users(birth.username)).toMatchObject([{ id, factors: 1 }]);
  });
});

test('a one-time password is refused where the provider takes none, with what to do', () => {
  const lacking = () => ({ problem: '"main" is of type scim, which cannot take a one-time password of ours' });
  const connected = {
    rulesOf: () => undefined,
    attributionOf: () => undefined,
    apiOf: () => undefined,
    varies: () => false,
    lacking,
  };
  const check = idpCreateUser.check?.bind(idpCreateUser);
  expect(check?.({}, new Set(['one-time-password']), connected)).toMatchObject([
    { key: 'one-time-password', hint: expect.stringContaining('idp/enroll-totp') },
  ]);
  expect(check?.({}, new Set(['password']), connected)).toEqual([]);
});
