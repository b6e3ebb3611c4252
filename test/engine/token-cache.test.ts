import { describe, expect, it } from 'vitest';
import { awake } from '../../src/foundation/clocks.ts';
import { FlowError } from '../../src/foundation/errors.ts';
import { createClock } from '../broker/arrange.ts';
import { arrange, failing, settle, token, type Value } from './cached-tokens.ts';

describe('one mint', () => {
  it('serves a thousand callers on a cold key with one', async () => {
    const { get, count } = arrange();
    const values = await Promise.all(Array.from({ length: 1000 }, () => get()));
    expect(count()).toBe(1);
    expect(new Set(values).size).toBe(1);
  });

  it('is made for each key', async () => {
    const { get, count } = arrange();
    await Promise.all(Array.from({ length: 100 }, (_, index) => get(`k${index % 10}`)));
    expect(count()).toBe(10);
  });

  it('is shared, not kept, where the value does not say when it expires', async () => {
    const { get, count, answer, value, cache } = arrange();
    answer(async () => value(undefined));
    await Promise.all([get(), get()]);
    expect([count(), cache.size()]).toEqual([1, 0]);
    await get();
    expect(count()).toBe(2);
  });

  it.each([0, -10, Number.NaN])('is not kept with a life of %s s', async (life) => {
    const { get, answer, value, cache } = arrange();
    answer(async () => value(life));
    await get();
    expect(cache.size()).toBe(0);
  });

  it('that failed, or came, when the clock was a day ahead holds nothing up once that is set right', async () => {
    const clock = createClock();
    const { get, count, answer, value } = arrange(awake(clock));
    const ahead = () => clock.setWall(86_400);
    const right = () => clock.setWall(-86_400);
    ahead();
    answer(failing('unavailable'));
    await expect(get()).rejects.toThrow('no');
    right();
    answer(async () => ({ ...value(300), expiresAt: clock.now() / 1000 + 300 }));
    await expect(get()).rejects.toThrow('no');
    clock.pass(5);
    expect(token(await get())).toBe('token-2');
    ahead();
    expect(token(await get())).toBe('token-3');
    right();
    clock.pass(200);
    expect(token(await get())).toBe('token-3');
    clock.pass(101);
    expect(token(await get())).toBe('token-4');
    expect(count()).toBe(4);
  });

  it('that throws at once rejects, and does not break the key', async () => {
    const { cache, get, pass } = arrange();
    const boom = () => {
      throw new TypeError('boom');
    };
    await expect(cache.get('k', boom, () => undefined)).rejects.toThrow(TypeError);
    pass(6);
    await expect(get()).resolves.toBeDefined();
  });

  it('that is stopped is stopped for all who wait: none of them mints another', async () => {
    const { get, pass, count, answer } = arrange();
    const stop = Promise.withResolvers<Value>();
    answer(() => stop.promise);
    const callers = Array.from({ length: 50 }, () => get());
    stop.reject(new FlowError('aborted', 'stopped'));
    const outcomes = await Promise.allSettled(callers);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    await expect(get()).rejects.toMatchObject({ code: 'aborted' });
    expect(count()).toBe(1);
    pass(5);
    await expect(get()).rejects.toMatchObject({ code: 'aborted' });
    expect(count()).toBe(2);
  });
});

describe('a kept value', () => {
  it.each([
    [300, 269, 1],
    [300, 270, 2],
    [3600, 3569, 1],
    [3600, 3570, 2],
    [10, 8.9, 1],
    [10, 9, 2],
  ])('of %s s is given out after %s s by mint %s', async (life, after, wanted) => {
    const { get, pass, answer, value } = arrange({ random: () => 0.999_999 });
    answer(async () => value(life));
    await get();
    pass(after);
    // the first one is given out at once, while its refresh hangs
    const hangs = new Promise<never>(() => undefined);
    answer(() => (wanted === 1 ? hangs : Promise.resolve(value(life))));
    expect(token(await get())).toBe(`token-${wanted}`);
  });

  it('is refreshed in the background from 85 % of its life, once, while the old one is given out', async () => {
    const { get, pass, count, answer, value } = arrange();
    await get();
    pass(254);
    await get();
    expect(count()).toBe(1);
    pass(2);
    const slow = Promise.withResolvers<Value>();
    answer(() => slow.promise);
    const old = await Promise.all(Array.from({ length: 100 }, () => get()));
    expect(old.every((each) => token(each) === 'token-1')).toBe(true);
    expect(count()).toBe(2);
    slow.resolve(value(300));
    await settle();
    expect(token(await get())).toBe('token-2');
    expect(count()).toBe(2);
  });

  it('is refreshed at a point that the jitter chooses, between 80 and 90 %', async () => {
    for (const [random, at] of [
      [0, 240],
      [0.5, 255],
      [0.9, 267],
    ] as const) {
      const { get, pass, count } = arrange({ random: () => random });
      await get();
      pass(at - 0.1);
      await get();
      expect(count()).toBe(1);
      pass(0.2);
      await get();
      await settle();
      expect(count()).toBe(2);
    }
  });

  it('is given out while refreshes fail, until it expires; each failure waits longer', async () => {
    const { get, pass, count, answer } = arrange();
    await get();
    answer(failing('unavailable'));
    const attempts: number[] = [];
    for (let second = 1; second < 300; second += 1) {
      pass(1);
      const before = count();
      expect(token(await get())).toBe('token-1');
      await settle();
      if (count() > before) attempts.push(second);
    }
    pass(1);
    await expect(get()).rejects.toMatchObject({ code: 'unavailable' });
    expect(attempts[0]).toBe(255);
    const gaps = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(gaps).toEqual([5, 9, 18]);
  });

  it('leaves when it has expired and another one comes', async () => {
    const { get, pass, cache } = arrange();
    await get('old');
    pass(301);
    await get('new');
    expect(cache.size()).toBe(1);
  });

  it('leaves when more than the capacity are kept: the least recently used one', async () => {
    const { get, count, cache } = arrange({ capacity: 3 });
    for (const key of ['a', 'b', 'c', 'a', 'd']) await get(key);
    expect(cache.size()).toBe(3);
    expect(count()).toBe(4);
    await get('a');
    expect(count()).toBe(4);
    await get('b');
    expect(count()).toBe(5);
  });
});

describe('a failure', () => {
  it('is remembered for some seconds, then tried again, once for all', async () => {
    const { get, pass, count, answer } = arrange();
    answer(failing('denied'));
    await Promise.allSettled(Array.from({ length: 100 }, () => get()));
    await expect(get()).rejects.toMatchObject({ code: 'denied' });
    expect(count()).toBe(1);
    pass(5);
    await Promise.allSettled(Array.from({ length: 100 }, () => get()));
    expect(count()).toBe(2);
  });

  it('is remembered for up to a minute when it goes on', async () => {
    const { get, pass, count, answer } = arrange();
    answer(failing('unavailable'));
    for (let second = 0; second < 3600; second += 1) {
      await get().catch(() => undefined);
      pass(1);
    }
    expect(count()).toBeGreaterThanOrEqual(60);
    expect(count()).toBeLessThan(72);
  });

  it('is remembered as long as the service asks, and tells what is left', async () => {
    const { get, pass, count, answer } = arrange();
    answer(failing('rate-limited', 120));
    await expect(get()).rejects.toMatchObject({ code: 'rate-limited', retryAfter: 120 });
    pass(100);
    await expect(get()).rejects.toMatchObject({ code: 'rate-limited', retryAfter: 20 });
    expect(count()).toBe(1);
    pass(21);
    await get().catch(() => undefined);
    expect(count()).toBe(2);
  });

  it('that asks for a week is believed for an hour', async () => {
    const { get, pass, count, answer } = arrange();
    answer(failing('rate-limited', 604_800));
    await get().catch(() => undefined);
    pass(3601);
    await get().catch(() => undefined);
    expect(count()).toBe(2);
  });

  it('is forgotten by success: the next one is a first one', async () => {
    const { get, pass, count, answer, value } = arrange();
    answer(failing('unavailable'));
    for (const wait of [5, 10]) {
      await get().catch(() => undefined);
      pass(wait);
    }
    answer(async () => value(10));
    await get();
    pass(10);
    answer(failing('unavailable'));
    await get().catch(() => undefined);
    pass(5);
    await get().catch(() => undefined);
    expect(count()).toBe(5);
  });

  it('takes no memory for ever', async () => {
    const { get, answer, cache, value } = arrange({ capacity: 10 });
    answer(failing('denied'));
    for (let index = 0; index < 1000; index += 1) await get(`k${index}`).catch(() => undefined);
    // only the last ten are still remembered
    answer(async () => value(300));
    await expect(get('k0')).resolves.toBeDefined();
    await expect(get('k999')).rejects.toMatchObject({ code: 'denied' });
    expect(cache.size()).toBe(1);
  });
});
