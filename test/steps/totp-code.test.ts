import { describe, expect, test } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import type { StepContext } from '../../src/steps/contract.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { totpCode } from '../../src/steps/totp-code.ts';
import { codeAt, parseOneTimePassword } from '../../src/foundation/totp.ts';
import { createClock } from './laptop.ts';

const seed = 'JBSWY3DPEHPK3PXP';
/** 20 s into a window of 30 s */
const start = 1_700_000_010_000 - (1_700_000_010_000 % 30_000) + 20_000;

function reference(text: string): Reference {
  const found = Reference.parse(text);
  if (found instanceof Reference) return found;
  throw new Error(found.problem);
}

function setUp(field: string, changes: Partial<StepContext> = {}) {
  const clock = createClock(start);
  const asked: string[] = [];
  const warnings: string[] = [];
  const waits: string[] = [];
  const context = {
    read: async (each: Reference) => {
      asked.push(each.toString());
      return new Secret(field);
    },
    clockSkew: async () => undefined,
    now: clock.now,
    sleep: clock.sleep,
    signal: new AbortController().signal,
    warn: (message: string) => void warnings.push(message),
    waiting: (why: string) => {
      waits.push(why);
      return () => undefined;
    },
    ...changes,
  } as StepContext;
  const run = async (atLeast: number | undefined, to = 'op://V/I/one-time password') =>
    (await totpCode.run({ reference: reference(to), 'at-least': atLeast }, context)) as {
      code: Secret;
      validFor: number;
    };
  const follow = async () =>
    totpCode.effect === 'none'
      ? totpCode.follow?.({ reference: reference('op://V/I/one-time password'), 'at-least': undefined }, context)
      : undefined;
  return { run, follow, clock, asked, warnings, waits };
}

describe('seconds left', () => {
  test.each([
    { atLeast: 0, waits: 0, left: 10 },
    { atLeast: 10, waits: 0, left: 10 },
    { atLeast: 11, waits: 10_000, left: 30 },
    { atLeast: 29, waits: 10_000, left: 30 },
  ])('at-least $atLeast: waits $waits ms', async ({ atLeast, waits, left }) => {
    const { run, clock, waits: told } = setUp(seed);
    const { code, validFor } = await run(atLeast);
    expect(clock.slept()).toBe(waits);
    expect(validFor).toBe(left);
    expect(told).toEqual(waits === 0 ? [] : [`waiting for a one-time code that lasts ${atLeast} s`]);
    const password = await parseOneTimePassword(new Secret(seed));
    expect(code.reveal()).toBe((await codeAt(password, start + waits)).reveal());
  });

  test('whoever looks on gets the code of each moment from one read, and waits for none', async () => {
    const { follow, clock, asked } = setUp(seed);
    const moment = (await follow()) as (at: number) => Promise<{ code: Secret; validFor: number }>;
    const password = await parseOneTimePassword(new Secret(seed));
    for (const later of [0, 9_500, 10_000, 600_000]) {
      const { code, validFor } = await moment(start + later);
      expect(code.reveal()).toBe((await codeAt(password, start + later)).reveal());
      expect(validFor).toBe(Math.floor((30_000 - ((start + later) % 30_000)) / 1000));
    }
    expect([asked, clock.slept()]).toEqual([['op://V/I/one-time password'], 0]);
  });

  test.each([
    { period: 60, at: 49, waits: 0 },
    { period: 60, at: 51, waits: 9 },
    { period: 30, at: 21, waits: 9 },
    { period: 10, at: 7, waits: 0 },
    { period: 10, at: 8, waits: 2 },
    { period: 5, at: 4, waits: 0 },
    { period: 2, at: 1, waits: 0 },
    { period: 1, at: 0, waits: 0 },
  ])('without at-least: $at s into $period s, $waits s are waited', async ({ period, at, waits }) => {
    const { run, clock } = setUp(`otpauth://totp/x?secret=${seed}&period=${period}`);
    clock.advance(((60_000 - (start % 60_000)) % 60_000) + at * 1000);
    const { validFor } = await run(undefined);
    expect(clock.slept()).toBe(waits * 1000);
    expect(validFor).toBe(waits === 0 ? period - at : period);
  });

  test('a fraction of a second is not promised', async () => {
    const { run, clock } = setUp(seed);
    clock.advance(1);
    expect((await run(0)).validFor).toBe(9);
    expect((await run(10)).validFor).toBe(30);
  });

  test('more than a code ever has is refused, without a wait', async () => {
    const { run, clock } = setUp(`otpauth://totp/x?secret=${seed}&period=15`);
    await expect(run(15)).rejects.toMatchObject({ code: 'invalid-value' });
    expect(clock.slept()).toBe(0);
  });

  test('a run that is stopped does not wait on', async () => {
    const stop = new AbortController();
    const { run } = setUp(seed, { signal: stop.signal, sleep: () => new Promise(() => undefined) });
    const waiting = run(20);
    setImmediate(() => stop.abort());
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });

  test('a timer that fires early is waited for again', async () => {
    const clock = createClock(start);
    const { run } = setUp(seed, { now: clock.now, sleep: (milliseconds) => clock.sleep(milliseconds / 2 + 0.5) });
    await run(20);
    expect(clock.now()).toBeGreaterThanOrEqual(start + 10_000);
  });
});

test.each(['otp', 'totp'])('the seed is read where the reference has ?attribute=%s', async (attribute) => {
  const { run, asked } = setUp(seed);
  await run(0, `op://V/I/S/one-time password?attribute=${attribute}`);
  expect(asked).toEqual(['op://V/I/S/one-time password']);
});

test('a field that holds no one-time password is named, and its value is not', async () => {
  const { run } = setUp('hunter0-canary');
  const error = await run(0).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FlowError);
  expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://V/I/one-time password' } });
  expect((error as FlowError).line()).not.toContain('canary');
});

describe('clocks', () => {
  test.each([
    [undefined, 0],
    [5, 0],
    [-5, 0],
    [6, 1],
    [-6, 1],
  ])('a skew of %s s: %s warnings', async (skew, count) => {
    const { run, warnings } = setUp(seed, { clockSkew: async () => skew });
    await run(0);
    expect(warnings).toHaveLength(count);
  });

  test('an issuer that cannot be asked, or is slow, delays nothing', async () => {
    const never = setUp(seed, { clockSkew: () => new Promise(() => undefined) });
    await expect(never.run(0)).resolves.toBeDefined();
    const fails = setUp(seed, { clockSkew: () => Promise.reject(new Error('down')) });
    await expect(fails.run(0)).resolves.toBeDefined();
    expect(fails.warnings).toEqual([]);
  });
});
