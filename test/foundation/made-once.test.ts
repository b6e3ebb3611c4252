import { describe, expect, test } from 'vitest';
import { madeOnce } from '../../src/foundation/made-once.ts';

describe('what is made once', () => {
  test('is made when first wanted, and once for all who want it meanwhile', async () => {
    let made = 0;
    const one = madeOnce(() => Promise.resolve((made += 1)));
    expect(made).toBe(0);
    expect(await one.known()).toBeUndefined();
    expect(await Promise.all([one.get(), one.get()])).toEqual([1, 1]);
    expect(await one.known()).toBe(1);
  });

  test('is made anew after it failed, and not known until then', async () => {
    let made = 0;
    const one = madeOnce(() => {
      made += 1;
      return made === 1 ? Promise.reject(new Error('away')) : Promise.resolve(made);
    });
    await expect(Promise.all([one.get(), one.get()])).rejects.toThrow('away');
    expect(await one.known()).toBeUndefined();
    expect(await one.get()).toBe(2);
  });

  test('is made anew once forgotten; what fails of the forgotten one leaves its successor', async () => {
    const ends: ((error: Error) => void)[] = [];
    const one = madeOnce(() => new Promise<never>((_, reject) => ends.push(reject)));
    const first = one.get();
    one.forget();
    const second = one.get();
    ends[0]?.(new Error('first'));
    await expect(first).rejects.toThrow('first');
    expect(one.get()).toBe(second);
    ends[1]?.(new Error('second'));
    await expect(second).rejects.toThrow('second');
  });
});
