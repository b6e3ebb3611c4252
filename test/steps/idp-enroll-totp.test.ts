import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import type { SignIn, SignInPage } from '../../src/adapters/identity/contract.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { idpEnrollTotp } from '../../src/steps/idp-enroll-totp.ts';
import { codeAt, newOneTimePassword } from '../../src/foundation/totp.ts';
import type { Vault } from '../../src/adapters/vaults/contract.ts';
import { codeOf, enrolling, type Case } from './enrolling.ts';
import { someone, startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop([], 'connect');
});
afterAll(() => laptop.close());
const { newCase, items, inputOf, enrol, seeds, signsIn } = enrolling(() => laptop);

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

describe('a seed in force that others have replaced in the vault', () => {
  test.each([1, 2, 3])('by %s: it is found among the former ones, and put back', async (others) => {
    const one = await newCase();
    await enrol(one);
    const { current } = await seeds(one);
    for (let other = 0; other < others; other += 1) {
      const { secret } = await newOneTimePassword();
      await items().setOneTimePassword(await items().get(one.item.reference), secret, { previous: 'keep' });
    }
    expect((await seeds(one)).formers).toHaveLength(others);
    await enrol(one);
    const after = await seeds(one);
    expect(after.current?.value.reveal()).toBe(current?.value.reveal());
    expect(after.formers).toEqual([]);
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
    ['the provider has no sign-in', () => ({ provider: { ...laptop.provider, signIn: undefined } }), 'refused'],
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

/** The pages, with the first of them answered otherwise. */
function pages(change: (page: SignInPage) => Promise<object>): typeof laptop.provider {
  const begin: typeof laptop.provider.signIn.begin = async (credentials) => {
    const page = await laptop.provider.signIn.begin(credentials);
    return { ...page, ...(await change(page)) };
  };
  return { ...laptop.provider, signIn: { begin } };
}

function planned(one: Case, provider?: Parameters<typeof inputOf>[1]) {
  if (idpEnrollTotp.effect !== 'write') throw new Error('not a write');
  return idpEnrollTotp.plan(inputOf(one, provider), laptop.context());
}

describe('plan', () => {
  test.each([
    ['an item without a one-time password', false, 'enrol'],
    ['an item with one, in force or not', true, 'adopt'],
  ])('%s', async (_, has, action) => {
    const one = await newCase();
    if (has) await items().setOneTimePassword(one.item, (await newOneTimePassword()).secret, { previous: 'keep' });
    const before = laptop.idp.user(one.username)?.signIns;
    const plan = await planned(one);
    expect(plan.changes).toMatchObject([{ action }]);
    expect(plan.output).toBeUndefined();
    expect(laptop.idp.user(one.username)?.signIns).toBe(before);
  });

  test('nothing to do where a sign-in has proved it and a code is asked for, and no code is used up for it', async () => {
    const one = await newCase();
    const { reference } = await enrol(one);
    const before = laptop.idp.user(one.username)?.signIns;
    const { changes, output } = await planned(one);
    expect(changes).toMatchObject([{ action: 'none' }]);
    expect(String(output?.['reference'])).toBe(reference.toString());
    expect(laptop.idp.user(one.username)?.signIns).toBe(before);
    const { version } = await items().get(one.item.reference);
    await enrol(one);
    expect((await items().get(one.item.reference)).version).toBe(version);
  });

  test.each<readonly [string, (one: Case) => Promise<Parameters<typeof inputOf>[1]>]>([
    [
      'the provider has forgotten it',
      async () => pages(async (page) => (page.at === 'one-time-code' ? { at: 'enrolment' } : {})),
    ],
    ['the provider refuses the password', async () => pages(async () => ({ at: 'rejected', what: 'password' }))],
    [
      'the item holds another by now',
      async ({ item }) => {
        const now = await items().get(item.reference);
        await items().setOneTimePassword(now, (await newOneTimePassword()).secret, { previous: 'drop' });
        return laptop.provider;
      },
    ],
    ['it was proved at another provider', async () => ({ ...laptop.provider, address: 'https://other.example' })],
  ])('the step is to run where %s', async (_, change) => {
    const one = await newCase();
    await enrol(one);
    const plan = await planned(one, await change(one));
    expect(plan).toMatchObject({ changes: [{ action: 'adopt' }] });
    expect(plan.output).toBeUndefined();
  });

  test('an item that cannot be tagged is enrolled all the same, with a warning', async () => {
    const one = await newCase();
    await enrol(one);
    const { item } = one;
    const now = await items().get(item.reference);
    const { current } = await seeds(one);
    // as a person who cleans up would leave it
    await items().setOneTimePassword(now, current?.value ?? new Secret(''), {
      previous: 'drop',
      tag: 'flows-proved:x',
    });
    const real = items();
    const setOneTimePassword = async () => {
      throw new FlowError('refused', 'the SDK cannot change this item');
    };
    const context = laptop.context({ vault: { ...laptop.vault, items: { ...real, setOneTimePassword } } });
    await enrol(one, context);
    expect(context.told.filter((line) => line.includes('cannot be marked as proved'))).toHaveLength(1);
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
