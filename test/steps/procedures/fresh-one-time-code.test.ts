import { describe, expect, test } from 'vitest';
import type { StepContext } from '../../../src/steps/contract.ts';
import { formerCode, freshCode } from '../../../src/steps/procedures/fresh-one-time-code.ts';
import { codeAt, newOneTimePassword, type OneTimePassword } from '../../../src/foundation/totp.ts';
import { createClock, type Clock } from '../laptop.ts';

const start = 1_700_000_000_000 - (1_700_000_000_000 % 30_000);

function contextOf(clock: Clock): StepContext {
  return {
    now: clock.now,
    sleep: clock.sleep,
    signal: new AbortController().signal,
    waiting: () => () => undefined,
  } as unknown as StepContext;
}

async function stepOf(seed: OneTimePassword, code: { reveal(): string }): Promise<number> {
  for (let step = -2; step < 40; step += 1) {
    if ((await codeAt(seed, start + step * 30_000)).reveal() === code.reveal()) return step;
  }
  return Number.NaN;
}

describe('fresh codes', () => {
  test('one after the other, each of a later time step', async () => {
    const [seed, clock] = [await newOneTimePassword(), createClock(start)];
    const steps = [];
    for (let use = 0; use < 3; use += 1) steps.push(await stepOf(seed, await freshCode(seed, contextOf(clock))));
    expect(steps).toEqual([0, 1, 2]);
    expect(clock.slept()).toBe(60_000);
  });

  test('side by side, each of its own', async () => {
    const [seed, clock] = [await newOneTimePassword(), createClock(start)];
    const codes = await Promise.all([1, 2, 3, 4].map(() => freshCode(seed, contextOf(clock))));
    expect(new Set(codes.map((code) => code.reveal())).size).toBe(4);
  });

  test('other seeds do not wait for each other', async () => {
    const clock = createClock(start);
    await freshCode(await newOneTimePassword(), contextOf(clock));
    await freshCode(await newOneTimePassword(), contextOf(clock));
    expect(clock.slept()).toBe(0);
  });

  test('the last moments of a window are let pass', async () => {
    const [seed, clock] = [await newOneTimePassword(), createClock(start + 28_500)];
    expect(await stepOf(seed, await freshCode(seed, contextOf(clock)))).toBe(1);
    expect(clock.slept()).toBe(1_500);
  });

  test('the former step first leaves the present one for the next use', async () => {
    const [seed, clock] = [await newOneTimePassword(), createClock(start)];
    const former = await formerCode(seed, contextOf(clock));
    expect(former === undefined ? undefined : await stepOf(seed, former)).toBe(-1);
    expect(await formerCode(seed, contextOf(clock))).toBeUndefined();
    expect(await stepOf(seed, await freshCode(seed, contextOf(clock)))).toBe(0);
    expect(await formerCode(seed, contextOf(clock))).toBeUndefined();
    expect(clock.slept()).toBe(0);
  });

  test('a clock that was set back is not waited for', async () => {
    const seed = await newOneTimePassword();
    await freshCode(seed, contextOf(createClock(start + 86_400_000)));
    const clock = createClock(start);
    expect(await stepOf(seed, await freshCode(seed, contextOf(clock)))).toBe(0);
    expect(clock.slept()).toBe(0);
  });

  test('a clock that is set back during the wait shows the step, and it is not waited for', async () => {
    const [seed, clock] = [await newOneTimePassword(), createClock(start)];
    await freshCode(seed, contextOf(clock));
    const sleep = async () => clock.advance(-86_400_000);
    const code = await freshCode(seed, { ...contextOf(clock), sleep });
    expect(code.reveal()).toBe((await codeAt(seed, start - 86_400_000)).reveal());
  });

  test('a machine that slept through the window takes the next', async () => {
    const [seed, clock] = [await newOneTimePassword(), createClock(start)];
    await freshCode(seed, contextOf(clock));
    const context: StepContext = { ...contextOf(clock), sleep: () => clock.sleep(300_000) };
    expect(await stepOf(seed, await freshCode(seed, context))).toBe(10);
  });
});
