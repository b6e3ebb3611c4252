import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IdentityProvider, SignIn } from '../../src/adapters/identity/contract.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { codeAt, newOneTimePassword } from '../../src/foundation/totp.ts';
import { idpEnrollTotp } from '../../src/steps/idp-enroll-totp.ts';
import { labelsOf } from '../../src/steps/procedures/seed-label.ts';
import { storedSeeds } from '../../src/steps/procedures/stored-seeds.ts';
import { someOf } from '../long/amounts.ts';
import { accountsAt } from './accounts.ts';
import { codeOf } from './enrolling.ts';
import { startLaptop, type Laptop } from './laptop.ts';
import { Killed, mortal } from './mortal.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());
const { birthInput, create, enrol, enrolInput, items, signsIn, planOf, uri } = accountsAt(() => laptop);

/** A provider that takes the password, and no code. */
const refusing: SignIn = {
  begin: async () => ({ at: 'one-time-code', submit: async () => ({ at: 'rejected', what: 'one-time-code' }) }),
};
const labels = async (user: string) => (await laptop.keycloak.factors.list(user)).map(({ label }) => label);
const planned = async (birth: Awaited<ReturnType<typeof birthInput>>, id: string) =>
  (await planOf(idpEnrollTotp, enrolInput(birth, id))).changes[0];

/** A user without a factor, whose item has none either. */
async function bare() {
  const birth = await birthInput();
  const login = await laptop.login(`other-${birth.username}`);
  const user = await laptop.keycloak.create({
    userName: birth.username,
    email: birth.username,
    givenName: 'Ada',
    familyName: 'Example',
    password: await laptop.context().read(login.reference.sibling('password')),
    mark: 'x',
  });
  return [{ ...birth, password: login.reference.sibling('password'), item: login.reference }, user.id] as const;
}

/** A user who was born with a seed, and whose item holds another since. */
async function changed() {
  const birth = await birthInput();
  const id = await create(birth);
  laptop.clock.advance(60_000);
  await enrol(birth, id);
  await items().setOneTimePassword(await items().get(birth.item), await uri(birth.username), { previous: 'keep' });
  return [birth, id] as const;
}

describe("the vault's own seed, at a provider that takes it", () => {
  test('is made, stored, imported and proved, and the plan says which way it goes', async () => {
    const [birth, id] = await bare();
    expect(await planned(birth, id)).toMatchObject({
      action: 'enrol',
      detail: expect.stringMatching(/^the seed is the vault's own, imported; stored in item/),
    });
    await enrol(birth, id);
    expect(await labels(id)).toEqual([expect.stringMatching(/^flows [\w-]{22}$/)]);
    expect(await planned(birth, id)).toMatchObject({ action: 'none' });
    expect(await signsIn(birth)).toBe('signed-in');
  });

  test('changes without a moment in which the account has none: the former one goes when the new one is proved', async () => {
    const [birth, id] = await changed();
    const [before] = await labels(id);
    expect(await planned(birth, id)).toMatchObject({ action: 'adopt' });
    const counts: number[] = [];
    const { factors } = laptop.keycloak;
    const watched: IdentityProvider = {
      ...laptop.keycloak,
      factors: {
        ...factors,
        remove: async (user, factor) => {
          counts.push((await factors.list(user)).length);
          return factors.remove(user, factor);
        },
      },
    };
    laptop.clock.advance(60_000);
    await enrol({ ...birth, provider: watched }, id);
    expect(counts).toEqual([2]);
    expect(await labels(id)).not.toContain(before);
    expect((await storedSeeds(await items().get(birth.item))).formers).toEqual([]);
    expect(await signsIn(birth)).toBe('signed-in');
    expect(await planned(birth, id)).toMatchObject({ action: 'none' });
  });

  test('a seed that was enrolled by hand is a conflict, unless the item holds that very one', async () => {
    const [birth, id] = await bare();
    const byHand = await newOneTimePassword();
    await laptop.keycloak.factors.importSeed(id, { seed: byHand, label: 'my phone' });
    await items().setOneTimePassword(await items().get(birth.item), await uri(birth.username), { previous: 'keep' });
    laptop.clock.advance(60_000);
    expect(await codeOf(enrol(birth, id))).toBe('conflict');
    expect(await labels(id)).toEqual(['my phone']);
    laptop.clock.advance(120_000);
    await items().setOneTimePassword(await items().get(birth.item), byHand.secret, { previous: 'drop' });
    await enrol(birth, id);
    expect(await labels(id)).toEqual(['my phone']);
    expect(await signsIn(birth)).toBe('signed-in');
  });

  test('doubles of a factor, which runs on two machines may have made, are removed', async () => {
    const birth = await birthInput();
    const id = await create(birth);
    const { current } = await storedSeeds(await items().get(birth.item));
    if (current === undefined) throw new Error('no seed');
    // as under the environment's former key: another label of the same seed
    const old = laptop.context({ derivedKeys: async () => [new Uint8Array(32).fill(7)] });
    const [oldLabel] = await labelsOf(current.password, old);
    await laptop.keycloak.factors.importSeed(id, { seed: current.password, label: oldLabel });
    const [key] = await laptop.context().derivedKeys('fingerprint');
    laptop.clock.advance(60_000);
    await enrol(birth, id, laptop.context({ derivedKeys: async () => [key, new Uint8Array(32).fill(7)] }));
    expect(await labels(id)).toHaveLength(1);
  });

  test('a locked user is told as such, with how long, and no code is tried', async () => {
    const birth = await birthInput();
    const id = await create(birth);
    laptop.clock.advance(60_000);
    for (const _ of ['one', 'two', 'three']) {
      const page = await laptop.keycloak.proof.begin({ username: birth.username, password: new Secret('x') });
      if (page.at === 'one-time-code') await page.submit(new Secret('000000'));
    }
    const until = await laptop.keycloak.factors.lockedUntil(id);
    const error = await enrol(birth, id).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'denied',
      retryAfter: expect.any(Number),
      message: expect.stringMatching(/locked .* for \d+ s$/),
    });
    expect(await laptop.keycloak.factors.lockedUntil(id)).toBe(until);
    laptop.clock.advance(120_000);
    await enrol(birth, id);
    expect(await signsIn(birth)).toBe('signed-in');
  });

  test('a seed whose proof is refused is taken back, that one alone', async () => {
    const [birth, id] = await changed();
    const before = await labels(id);
    expect(await codeOf(enrol({ ...birth, provider: { ...laptop.keycloak, proof: refusing } }, id))).toBe('denied');
    expect(await labels(id)).toEqual(before);
  });
});

describe("the provider's own seed, by its API", () => {
  /** Takes no seed of ours, and gives its own. */
  function giving(proves: boolean): IdentityProvider {
    const { factors, proof: _proof, ...users } = laptop.keycloak;
    const { importSeed, ...own } = factors;
    return {
      ...users,
      ...(proves ? { proof: laptop.keycloak.proof } : {}),
      factors: {
        ...own,
        begin: async (user) => {
          const seed = await newOneTimePassword();
          return {
            seed,
            confirm: async (code) => {
              if (!code.equals(await codeAt(seed, laptop.clock.now()))) return false;
              await importSeed(user, { seed, label: 'theirs' });
              return true;
            },
          };
        },
      },
    };
  }

  test.each([
    ['and proved by a sign-in', true],
    ['and in force once it is confirmed, where nothing signs in', false],
  ])('is stored before it is in force, %s', async (_, proves) => {
    const [bareOne, id] = await bare();
    const birth = { ...bareOne, provider: giving(proves) };
    expect(await planned(birth, id)).toMatchObject({
      action: 'enrol',
      detail: expect.stringMatching(/^the seed is the provider's, given by its API; /),
    });
    await enrol(birth, id);
    expect(await labels(id)).toEqual(['theirs']);
    expect(await signsIn(birth)).toBe('signed-in');
    laptop.clock.advance(60_000);
    expect(await planned(birth, id)).toMatchObject({ action: 'none' });
  });

  test('is not asked for where somebody has one that nothing can prove', async () => {
    const [bareOne, id] = await bare();
    await laptop.keycloak.factors.importSeed(id, { seed: await newOneTimePassword(), label: 'my phone' });
    expect(await codeOf(enrol({ ...bareOne, provider: giving(false) }, id))).toBe('conflict');
  });
});

/** Every call to the vault's items and to the provider, in order. */
function mortalImport(last: number) {
  const { step, vaultOf, pageOf, calls } = mortal(last);
  const { factors, proof } = laptop.keycloak;
  const provider: IdentityProvider = {
    ...laptop.keycloak,
    factors: {
      ...factors,
      list: (user) => step(() => factors.list(user)),
      importSeed: (user, seed) => step(() => factors.importSeed(user, seed)),
      prefer: (user, factor) => step(() => factors.prefer(user, factor)),
      remove: (user, factor) => step(() => factors.remove(user, factor)),
    },
    proof: { begin: async (credentials) => pageOf(await step(() => proof.begin(credentials))) },
  };
  return { vault: vaultOf(laptop.vault, items()), provider, calls };
}

/** A user whose seed is to be another one, beside which somebody has enrolled one of their own. */
async function toRenew() {
  const birth = { ...(await birthInput()), renew: true };
  const { renew: _, ...born } = birth;
  const id = await create(born);
  await laptop.keycloak.factors.importSeed(id, { seed: await newOneTimePassword(), label: 'my phone' });
  return [birth, id] as const;
}

test('another seed in place of the one in force: the former one and every other go, once it is proved', async () => {
  const [birth, id] = await toRenew();
  const before = await labels(id);
  expect(before).toHaveLength(2);
  expect(await planned(birth, id)).toMatchObject({
    action: 'update',
    detail: expect.stringContaining('keeps the former one until a sign-in has proved it'),
  });
  const counts: number[] = [];
  const watched: IdentityProvider = {
    ...laptop.keycloak,
    factors: {
      ...laptop.keycloak.factors,
      remove: async (user, factor) => {
        counts.push((await laptop.keycloak.factors.list(user)).length);
        return laptop.keycloak.factors.remove(user, factor);
      },
    },
  };
  laptop.clock.advance(60_000);
  await enrol({ ...birth, provider: watched }, id);
  expect(counts).toEqual([3, 2]);
  expect(await labels(id)).toEqual([expect.not.stringMatching(`^(?:${before.join('|')})$`)]);
  expect(await signsIn(birth)).toBe('signed-in');
  expect((await storedSeeds(await items().get(birth.item))).formers).toEqual([]);
});

test('a new seed that the provider does not take in a sign-in is taken back, and nothing else is', async () => {
  const [birth, id] = await toRenew();
  const before = await labels(id);
  expect(await codeOf(enrol({ ...birth, provider: { ...laptop.keycloak, proof: refusing } }, id))).toBe('denied');
  expect(await labels(id)).toEqual(before);
  expect((await storedSeeds(await items().get(birth.item))).formers).toHaveLength(1);
});

test.each([
  ['a change of seed', changed],
  ['another seed in place of all', toRenew],
])(
  '%s that is killed at any boundary is completed by the next run, and what is asked for is in the vault',
  async (_, arrange) => {
    const [first, firstId] = await arrange();
    const whole = mortalImport(Infinity);
    laptop.clock.advance(60_000);
    await enrol({ ...first, provider: whole.provider }, firstId, laptop.context({ vault: whole.vault }));
    expect(whole.calls()).toBeGreaterThanOrEqual(8);
    const all = Array.from({ length: whole.calls() }, (__, index) => index + 1);
    for (const boundary of someOf(all, 'kills of an import')) {
      const [birth, id] = await arrange();
      const { vault, provider } = mortalImport(boundary);
      laptop.clock.advance(60_000);
      await expect(enrol({ ...birth, provider }, id, laptop.context({ vault }))).rejects.toBeInstanceOf(Killed);
      const { current, formers } = await storedSeeds(await items().get(birth.item));
      const held = await Promise.all(
        [current, ...formers].flatMap((each) => (each === undefined ? [] : labelsOf(each.password, laptop.context()))),
      );
      expect(held.flat(), `call ${boundary}`).toContain((await labels(id))[0]);
      laptop.clock.advance(120_000);
      await enrol(birth, id);
      expect(await labels(id), `call ${boundary}`).toHaveLength(1);
      expect(await signsIn(birth), `call ${boundary}`).toBe('signed-in');
    }
  },
);
