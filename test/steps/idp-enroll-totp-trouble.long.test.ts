import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SignIn, SignInPage } from '../../src/adapters/identity/contract.ts';
import type { Vault } from '../../src/adapters/vaults/contract.ts';
import { sameSeed } from '../../src/steps/procedures/stored-seeds.ts';
import type { OneTimePassword } from '../../src/foundation/totp.ts';
import { codeOf, enrolling } from './enrolling.ts';
import { Killed, mortal } from './mortal.ts';
import { startLaptop, type Laptop } from './laptop.ts';
import { amountOf, someOf } from '../long/amounts.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());
const { newCase, items, enrol, seeds, signsIn } = enrolling(() => laptop);

/** Every call to the vault's items and to the sign-in, in order. */
function mortalEnrolment(last: number) {
  const { step, vaultOf, pageOf, calls } = mortal(last);
  let seed: OneTimePassword | undefined;
  const seen = (page: SignInPage) => {
    if (page.at === 'enrolment') seed = page.seed;
  };
  const signIn: SignIn = {
    begin: async (credentials) => pageOf(await step(() => laptop.provider.signIn.begin(credentials)), seen),
  };
  const provider = { ...laptop.provider, signIn };
  return { vault: vaultOf(laptop.vault, items()), provider, calls, shown: () => seed };
}

describe('killed at any boundary, then run again', () => {
  test('completes, and nobody is locked out', async () => {
    const whole = mortalEnrolment(Infinity);
    await enrol(await newCase(), laptop.context({ vault: whole.vault }), whole.provider);
    const boundaries = whole.calls();
    expect(boundaries).toBeGreaterThanOrEqual(8);
    const all = Array.from({ length: boundaries }, (_, index) => index + 1);
    for (const boundary of someOf(all, 'kills of an enrolment')) {
      const one = await newCase();
      const { vault, provider, shown } = mortalEnrolment(boundary);
      await expect(enrol(one, laptop.context({ vault }), provider)).rejects.toBeInstanceOf(Killed);
      // the rule: a seed in force at the provider is in the vault
      const { current, formers } = await seeds(one);
      const seed = shown();
      const held = [current, ...formers].some((each) => each && seed && sameSeed(each.password, seed));
      expect(held || laptop.idp.user(one.username)?.enrolled === false, `call ${boundary}`).toBe(true);
      await enrol(one);
      expect((await seeds(one)).formers, `call ${boundary}`).toEqual([]);
      await expect(signsIn(one)).resolves.toBe(true);
    }
  });
});

describe('two runs at once', () => {
  test('on one machine, the lock lets one enrol and the other adopt', async () => {
    const one = await newCase();
    await Promise.all([enrol(one), enrol(one)]);
    expect((await seeds(one)).formers).toEqual([]);
    await expect(signsIn(one)).resolves.toBe(true);
  });

  test('on two machines, however they interleave, what is in force is in the vault, and a further run completes', async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < amountOf('enrolments on two machines'); round += 1) {
      const one = await newCase();
      const alone = () => laptop.context({ locked: (_, work) => work() });
      const runs = [alone(), alone()].map(async (context, index) => {
        for (let tick = 0; tick < round * index * 40; tick += 1) await new Promise((resolve) => setImmediate(resolve));
        return codeOf(enrol(one, context));
      });
      for (const outcome of await Promise.all(runs)) outcomes.add(outcome);
      await enrol(one);
      expect((await seeds(one)).formers).toEqual([]);
      await expect(signsIn(one)).resolves.toBe(true);
    }
    for (const outcome of outcomes) expect(['done', 'conflict', 'denied']).toContain(outcome);
  });

  test('both stored a seed before either confirmed: the one that lost finds the one that won', async () => {
    const one = await newCase();
    const alone = () => laptop.context({ locked: (_, work) => work() });
    // the first run is held between its look at the vault and its confirmation, until the second has stored its own
    const stored = Promise.withResolvers<void>();
    const confirmed = Promise.withResolvers<void>();
    const first = watchedConfirm(
      laptop.provider.signIn,
      async () => stored.promise,
      () => confirmed.resolve(),
    );
    const ready = Promise.withResolvers<void>();
    const second = watchedConfirm(laptop.provider.signIn, async () => {
      stored.resolve();
      await confirmed.promise;
    });
    const vault: Vault = {
      ...laptop.vault,
      items: {
        ...items(),
        get: async (item) => {
          await ready.promise;
          return items().get(item);
        },
      },
    };
    const firstRun = codeOf(
      enrol(one, alone(), { ...laptop.provider, signIn: announced(first, () => ready.resolve()) }),
    );
    const secondRun = codeOf(enrol(one, { ...alone(), vault }, { ...laptop.provider, signIn: second }));
    expect(await Promise.all([firstRun, secondRun])).toContain('done');
    await enrol(one);
    expect((await seeds(one)).formers).toEqual([]);
    await expect(signsIn(one)).resolves.toBe(true);
  });
});

/** Holds the confirmation of an enrolment. */
function watchedConfirm(signIn: SignIn, before: () => Promise<void>, after: () => void = () => undefined): SignIn {
  return {
    begin: async (credentials) => {
      const page = await signIn.begin(credentials);
      if (page.at !== 'enrolment') return page;
      return {
        ...page,
        confirm: async (code) => {
          await before();
          const result = await page.confirm(code);
          after();
          return result;
        },
      };
    },
  };
}

/** Tells when the first confirmation is about to be given. */
function announced(signIn: SignIn, tell: () => void): SignIn {
  return {
    begin: async (credentials) => {
      const page = await signIn.begin(credentials);
      if (page.at !== 'enrolment') return page;
      return {
        ...page,
        confirm: (code) => {
          tell();
          return page.confirm(code);
        },
      };
    },
  };
}
