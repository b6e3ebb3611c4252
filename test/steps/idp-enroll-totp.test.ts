import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowError } from '../../src/errors.ts';
import type { StepContext } from '../../src/flow/step.ts';
import type { IdentityProvider, SignIn, SignInPage } from '../../src/identity/contract.ts';
import { sameSeed, storedSeeds } from '../../src/identity/stored-seeds.ts';
import { Secret } from '../../src/secret.ts';
import { idpEnrollTotp } from '../../src/steps/idp-enroll-totp.ts';
import { idpSignIn } from '../../src/steps/idp-sign-in.ts';
import { codeAt, newOneTimePassword, type OneTimePassword } from '../../src/totp.ts';
import type { Item, Vault, VaultItems } from '../../src/vaults/contract.ts';
import { someone, startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

interface Case {
  readonly username: string;
  readonly item: Item;
  readonly id: string;
}

async function newCase(): Promise<Case> {
  const username = someone();
  const item = await laptop.login(username);
  return { username, item, id: (await laptop.user(item, username)).id };
}

function items(): VaultItems {
  if (laptop.vault.items === undefined) throw new Error('no items');
  return laptop.vault.items;
}

function inputOf({ username, item, id }: Case, provider: IdentityProvider = laptop.provider) {
  return { provider, user: id, username, password: item.reference.sibling('password'), item: item.reference };
}

async function enrol(one: Case, context: StepContext = laptop.context(), provider?: IdentityProvider) {
  return (await idpEnrollTotp.run(inputOf(one, provider), context)) as { reference: { toString(): string } };
}

async function seeds({ item }: Case) {
  return storedSeeds(await items().get(item.reference));
}

/** The proof that nobody is locked out: what the vault holds signs in. */
async function signsIn(one: Case): Promise<boolean> {
  const { current } = await seeds(one);
  if (current === undefined) return false;
  const { username, item } = one;
  const input = {
    provider: laptop.provider,
    username,
    password: item.reference.sibling('password'),
    'one-time-password': current.field,
  };
  await idpSignIn.run(input, laptop.context());
  return true;
}

const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );

describe('enrolment', () => {
  test('stores the seed, confirms it, proves it by a second sign-in, and leaves nothing else behind', async () => {
    const one = await newCase();
    const { reference } = await enrol(one);
    const { current, formers } = await seeds(one);
    expect(reference.toString()).toBe(current?.field.toString());
    expect(formers).toEqual([]);
    expect(laptop.idp.user(one.username)).toMatchObject({ enrolled: true, signIns: 2 });
    await expect(signsIn(one)).resolves.toBe(true);
  });

  test('takes one time step at most, since the first code is the former one', async () => {
    const one = await newCase();
    const before = laptop.clock.slept();
    await enrol(one);
    expect(laptop.clock.slept() - before).toBeLessThanOrEqual(2_000);
  });

  test('run again, adopts what is stored and in force', async () => {
    const one = await newCase();
    await enrol(one);
    const { current } = await seeds(one);
    await enrol(one);
    expect((await seeds(one)).current?.value.reveal()).toBe(current?.value.reveal());
    await expect(signsIn(one)).resolves.toBe(true);
  });

  test('a seed that was never confirmed is replaced, kept meanwhile, and dropped after the proof', async () => {
    const one = await newCase();
    await items().setOneTimePassword(one.item, (await newOneTimePassword()).secret, { previous: 'keep' });
    const kept: number[] = [];
    const signIn = watched(laptop.provider.signIn, async (page) => {
      if (page.at === 'signed-in') kept.push((await seeds(one)).formers.length);
    });
    await enrol(one, laptop.context(), { ...laptop.provider, signIn });
    expect(kept).toEqual([1, 1]);
    expect((await seeds(one)).formers).toEqual([]);
    await expect(signsIn(one)).resolves.toBe(true);
  });
});

describe('stops and changes nothing', () => {
  test('a one-time password is in force that the item does not hold', async () => {
    const one = await newCase();
    await enrol(one);
    const other = { ...one, item: await laptop.login(someone()) };
    const password = one.item.reference.sibling('password');
    const run = idpEnrollTotp.run({ ...inputOf(other), password }, laptop.context());
    await expect(codeOf(run)).resolves.toBe('conflict');
    expect(await seeds(other)).toEqual({ current: undefined, formers: [] });
  });

  test('the stored one is not the one in force', async () => {
    const one = await newCase();
    await enrol(one);
    const wrong = (await newOneTimePassword()).secret;
    const item = await items().setOneTimePassword(await items().get(one.item.reference), wrong, { previous: 'drop' });
    await expect(codeOf(enrol(one))).resolves.toBe('denied');
    expect((await items().get(one.item.reference)).version).toBe(item.version);
  });

  test.each<[string, (one: Case) => Partial<ReturnType<typeof inputOf>>, string]>([
    ['the user is not known', () => ({ user: crypto.randomUUID() }), 'not-found'],
    ['the id is another user', () => ({ username: 'somebody@example.com' }), 'conflict'],
    [
      'the provider has no sign-in',
      () => ({ provider: { ...laptop.provider, signIn: undefined } as never }),
      'refused',
    ],
  ])('%s', async (_, change, code) => {
    const one = await newCase();
    const run = idpEnrollTotp.run({ ...inputOf(one), ...change(one) }, laptop.context());
    await expect(codeOf(run)).resolves.toBe(code);
    expect((await seeds(one)).current).toBeUndefined();
  });

  test('the user is disabled', async () => {
    const one = await newCase();
    await laptop.provider.disable(one.id);
    await expect(codeOf(enrol(one))).resolves.toBe('denied');
  });

  test('the item was changed after it was read: the seed is not confirmed', async () => {
    const one = await newCase();
    const signIn = watched(laptop.provider.signIn, async (page) => {
      if (page.at !== 'enrolment') return;
      const now = await items().get(one.item.reference);
      await items().setOneTimePassword(now, (await newOneTimePassword()).secret, { previous: 'keep' });
    });
    await expect(codeOf(enrol(one, laptop.context(), { ...laptop.provider, signIn }))).resolves.toBe('conflict');
    expect(laptop.idp.user(one.username)?.enrolled).toBe(false);
  });

  test('the vault cannot be written to: the seed is not confirmed', async () => {
    const one = await newCase();
    const vault: Vault = {
      ...laptop.vault,
      items: {
        ...items(),
        setOneTimePassword: async () => {
          throw new FlowError('denied', 'read only');
        },
      },
    };
    await expect(codeOf(enrol(one, laptop.context({ vault })))).resolves.toBe('denied');
    expect(laptop.idp.user(one.username)?.enrolled).toBe(false);
    await expect(enrol(one)).resolves.toBeDefined();
  });
});

/** Looks at each page before the step does. */
function watched(signIn: SignIn, look: (page: SignInPage) => Promise<void>): SignIn {
  const over = async (given: Promise<SignInPage>): Promise<SignInPage> => {
    const page = await given;
    await look(page);
    if (page.at === 'one-time-code') return { ...page, submit: (code) => over(page.submit(code)) };
    if (page.at === 'enrolment') return { ...page, confirm: (code) => over(page.confirm(code)) };
    if (page.at === 'rejected' && page.again !== undefined) {
      const { again } = page;
      return { ...page, again: (code) => over(again(code)) };
    }
    return page;
  };
  return { begin: (credentials) => over(signIn.begin(credentials)) };
}

class Killed extends Error {}

/** Every call to the vault's items and to the sign-in, in order; the process dies after the n-th, before it hears of it. */
function mortal(last: number) {
  let calls = 0;
  let seed: OneTimePassword | undefined;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    calls += 1;
    if (calls > last) throw new Killed();
    const result = await work();
    if (calls === last) throw new Killed();
    return result;
  };
  const real = items();
  const vault: Vault = {
    ...laptop.vault,
    items: {
      ...real,
      get: (item) => step(() => real.get(item)),
      setOneTimePassword: (item, seed, options) => step(() => real.setOneTimePassword(item, seed, options)),
    },
  };
  const page = (given: SignInPage): SignInPage => {
    if (given.at === 'one-time-code')
      return { ...given, submit: async (code) => page(await step(() => given.submit(code))) };
    if (given.at === 'enrolment') {
      seed = given.seed;
      return { ...given, confirm: async (code) => page(await step(() => given.confirm(code))) };
    }
    if (given.at === 'signed-in') return { ...given, end: () => step(() => given.end()) };
    return given;
  };
  const signIn: SignIn = {
    begin: async (credentials) => page(await step(() => laptop.provider.signIn.begin(credentials))),
  };
  return { vault, provider: { ...laptop.provider, signIn }, calls: () => calls, shown: () => seed };
}

describe('killed at any boundary, then run again', () => {
  test('completes, and nobody is locked out', async () => {
    const whole = mortal(Infinity);
    await enrol(await newCase(), laptop.context({ vault: whole.vault }), whole.provider);
    const boundaries = whole.calls();
    expect(boundaries).toBeGreaterThanOrEqual(8);
    for (let boundary = 1; boundary <= boundaries; boundary += 1) {
      const one = await newCase();
      const { vault, provider, shown } = mortal(boundary);
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
  }, 120_000);
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
    for (let round = 0; round < 6; round += 1) {
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
  }, 60_000);

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

describe('plan', () => {
  test.each([
    ['an item without a one-time password', false, 'enrol'],
    ['an item with one, in force or not', true, 'adopt'],
  ])('%s', async (_, has, action) => {
    const one = await newCase();
    if (has) await items().setOneTimePassword(one.item, (await newOneTimePassword()).secret, { previous: 'keep' });
    if (idpEnrollTotp.effect !== 'write') throw new Error('not a write');
    const before = laptop.idp.user(one.username)?.signIns;
    const plan = await idpEnrollTotp.plan(inputOf(one), laptop.context());
    expect(plan.changes).toMatchObject([{ action }]);
    expect(plan.output).toBeUndefined();
    expect(laptop.idp.user(one.username)?.signIns).toBe(before);
  });

  test('what is not known yet is planned without a look', async () => {
    if (idpEnrollTotp.effect !== 'write') throw new Error('not a write');
    const plan = await idpEnrollTotp.plan({ username: 'a' }, laptop.context());
    expect(plan.changes).toMatchObject([{ action: 'enrol' }]);
  });
});

test('a wrong code is no one-time password: the provider counts, and says so', async () => {
  const one = await newCase();
  const page = await laptop.provider.signIn.begin({
    username: one.username,
    password: await laptop.context().read(one.item.reference.sibling('password')),
  });
  if (page.at !== 'enrolment') throw new Error(page.at);
  const wrong = await page.confirm(new Secret('000000'));
  expect(wrong).toMatchObject({ at: 'rejected', what: 'one-time-code' });
  if (wrong.at !== 'rejected' || wrong.again === undefined) throw new Error('no second try');
  const right = await wrong.again(await codeAt(page.seed, laptop.clock.now()));
  expect(right.at).toBe('signed-in');
});
