import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import type { StepContext } from '../../src/steps/contract.ts';
import type { SignIn } from '../../src/adapters/identity/contract.ts';
import type { Reference } from '../../src/foundation/reference.ts';
import { idpEnrollTotp } from '../../src/steps/idp-enroll-totp.ts';
import { idpSignIn } from '../../src/steps/idp-sign-in.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { codeAt, newOneTimePassword, readOneTimePassword } from '../../src/foundation/totp.ts';
import { someone, startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop([], 'connect');
});
afterAll(() => laptop.close());

interface Enrolled {
  readonly username: string;
  readonly id: string;
  readonly password: Reference;
  readonly 'one-time-password': Reference;
}

async function enrolled(): Promise<Enrolled> {
  const username = someone();
  const item = await laptop.login(username);
  const { id } = await laptop.user(item, username);
  const password = item.reference.sibling('password');
  const input = { provider: laptop.provider, user: id, username, password, item: item.reference };
  const { reference } = (await idpEnrollTotp.run(input, laptop.context({ flow: 'enrol' }))) as { reference: Reference };
  return { username, id, password, 'one-time-password': reference };
}

async function signIn(account: Enrolled, context: StepContext = laptop.context(), provider = laptop.provider) {
  return (await idpSignIn.run({ ...account, provider }, context)) as { at: string };
}

const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );

/** The pages, with one of them answered otherwise. */
function instead(begin: SignIn['begin']): Laptop['provider'] {
  return { ...laptop.provider, signIn: { begin } };
}

describe('an account birth proves itself once', () => {
  const signIns = ({ username }: Enrolled) => laptop.idp.user(username)?.signIns;

  test('by the sign-in of its enrolment, for the step after it in the same flow, without a wait', async () => {
    const account = await enrolled();
    const [before, slept] = [signIns(account), laptop.clock.slept()];
    const { at } = await signIn(account, laptop.context({ flow: 'enrol' }));
    expect([signIns(account), laptop.clock.slept()]).toEqual([before, slept]);
    expect(Math.abs(Date.parse(at) - laptop.clock.now())).toBeLessThan(60_000);
    // that proof is spent: the next one is a sign-in again
    await signIn(account, laptop.context({ flow: 'enrol' }));
    expect(signIns(account)).toBe((before ?? 0) + 1);
  });

  test('not for another flow, nor for another password', async () => {
    const account = await enrolled();
    const before = signIns(account);
    await signIn(account, laptop.context({ flow: 'drill' }));
    expect(signIns(account)).toBe((before ?? 0) + 1);
    const another = await enrolled();
    const read: StepContext['read'] = async (reference) =>
      reference.toString() === another.password.toString()
        ? new Secret('not the password that was proved')
        : laptop.context().read(reference);
    expect(await codeOf(signIn(another, laptop.context({ flow: 'enrol', read })))).toBe('denied');
  });

  test('nor after a minute', async () => {
    const account = await enrolled();
    const before = signIns(account);
    const context = laptop.context({ flow: 'enrol' });
    await context.sleep(61_000);
    await signIn(account, context);
    expect(signIns(account)).toBe((before ?? 0) + 1);
  });

  test('nor when the clock was set back since', async () => {
    const account = await enrolled();
    const before = signIns(account);
    const context = laptop.context({ flow: 'enrol' });
    await signIn(account, { ...context, now: () => context.now() - 1_000 });
    expect(signIns(account)).toBe((before ?? 0) + 1);
  });
});

describe('idp/sign-in', () => {
  test('signs in, says when, and signs out again', async () => {
    const account = await enrolled();
    const before = laptop.idp.user(account.username)?.signIns ?? 0;
    let ended = 0;
    const provider = instead(async (credentials) => {
      const page = await laptop.provider.signIn.begin(credentials);
      if (page.at !== 'one-time-code') return page;
      return {
        ...page,
        submit: async (code) => {
          const done = await page.submit(code);
          if (done.at !== 'signed-in') return done;
          return {
            ...done,
            end: async () => {
              await done.end();
              ended += 1;
            },
          };
        },
      };
    });
    const { at } = await signIn(account, laptop.context(), provider);
    expect(Date.parse(at)).toBeLessThanOrEqual(laptop.clock.now());
    expect(new Date(at).toISOString()).toBe(at);
    expect(laptop.idp.user(account.username)?.signIns).toBe(before + 1);
    expect(ended).toBe(1);
  });

  test('is proved all the same where only the sign-out fails, with a warning', async () => {
    const end = () => Promise.reject(new FlowError('unavailable', 'the provider does not answer'));
    const submit = async () => ({ at: 'signed-in' as const, subject: 'x', end });
    const context = laptop.context();
    const { at } = await signIn(
      await enrolled(),
      context,
      instead(async () => ({ at: 'one-time-code', submit })),
    );
    expect(Date.parse(at)).toBeLessThanOrEqual(laptop.clock.now());
    expect(context.told.at(-1)).toMatch(/session may stay open .*the provider does not answer$/);
  });

  test('three at once wait for a time step each, and all succeed', async () => {
    const account = await enrolled();
    const results = await Promise.all([signIn(account), signIn(account), signIn(account)]);
    expect(results).toHaveLength(3);
    expect(laptop.idp.user(account.username)?.signIns).toBe(5);
  });

  test('a code that somebody else used in this time step is followed by the next one', async () => {
    const account = await enrolled();
    laptop.clock.advance(60_000 - (laptop.clock.now() % 30_000));
    const read = (reference: Reference) => laptop.context().read(reference);
    const seed = await readOneTimePassword(account['one-time-password'], read);
    const page = await laptop.provider.signIn.begin({
      username: account.username,
      password: await read(account.password),
    });
    if (page.at !== 'one-time-code') throw new Error(page.at);
    expect((await page.submit(await codeAt(seed, laptop.clock.now()))).at).toBe('signed-in');
    const before = laptop.clock.slept();
    await expect(codeOf(signIn(account))).resolves.toBe('done');
    expect(laptop.clock.slept() - before).toBe(30_000);
  });

  test('a run that is stopped while it waits ends there', async () => {
    const account = await enrolled();
    await signIn(account);
    const stop = new AbortController();
    const never = laptop.context({ signal: stop.signal, sleep: () => new Promise(() => undefined) });
    const waiting = codeOf(signIn(account, never));
    setTimeout(() => stop.abort(), 200);
    await expect(waiting).resolves.toBe('aborted');
  });
});

describe('what is no complete sign-in', () => {
  let account: Enrolled;
  let other: Enrolled;
  beforeAll(async () => {
    [account, other] = await Promise.all([enrolled(), enrolled()]);
  });

  test('a wrong password', async () => {
    await expect(codeOf(signIn({ ...account, password: other.password }))).resolves.toBe('denied');
  });

  test('the one-time password of somebody else, with a hint where the clock is wrong', async () => {
    const wrong = { ...account, 'one-time-password': other['one-time-password'] };
    const context = laptop.context({ clockSkew: async () => 95 });
    await expect(signIn(wrong, context)).rejects.toMatchObject({
      code: 'denied',
      hint: expect.stringContaining('95 s ahead'),
    });
  });

  test('a field that is no one-time password', async () => {
    // by its `@`: of a password that was made by chance all characters may be those of a seed
    const wrong = { ...account, 'one-time-password': account.password.sibling('username') };
    await expect(codeOf(signIn(wrong))).resolves.toBe('invalid-value');
  });

  test('a disabled user', async () => {
    const disabled = await enrolled();
    await laptop.provider.disable(disabled.id);
    await expect(codeOf(signIn(disabled))).resolves.toBe('denied');
  });

  test('a user who has none enrolled', async () => {
    const username = someone();
    const item = await laptop.login(username);
    await laptop.user(item, username);
    const wrong = { ...account, username, password: item.reference.sibling('password') };
    await expect(codeOf(signIn(wrong))).resolves.toBe('protocol');
    expect(laptop.idp.user(username)?.enrolled).toBe(false);
  });

  test('a provider that asks for no code: signed out again, and not taken for a proof', async () => {
    let ended = 0;
    const end = async () => void (ended += 1);
    const provider = instead(async () => ({ at: 'signed-in', subject: 'x', end }));
    await expect(codeOf(signIn(account, laptop.context(), provider))).resolves.toBe('protocol');
    expect(ended).toBe(1);
  });

  test('a provider that enrols another one after the code', async () => {
    const seed = await newOneTimePassword();
    const confirm = () => Promise.reject(new Error('confirmed'));
    const provider = instead(async () => ({
      at: 'one-time-code',
      submit: async () => ({ at: 'enrolment', seed, confirm }),
    }));
    await expect(codeOf(signIn(account, laptop.context(), provider))).resolves.toBe('protocol');
  });
});
