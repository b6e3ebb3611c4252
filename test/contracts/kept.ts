import { expect, it } from 'vitest';
import { type Kept, mostKept } from '../../src/broker/kept/contract.ts';
import type { TestClock } from '../broker/arrange.ts';

/**
 * What is kept for whoever comes back, in memory and in a database alike.
 * @param open two who keep together, at most so much: the same one twice where nobody else can
 */
export function keptContract(
  open: (most: typeof mostKept) => Promise<{ readonly clock: TestClock; readonly kept: readonly [Kept, Kept] }>,
) {
  it('is kept once, and given to whoever has the key, until it ends', async () => {
    const { clock, kept } = await open(mostKept);
    const [one, other] = kept;
    const until = clock.now() + 60_000;
    expect(await one.put('session', 'key', until, { name: 'ann' })).toBe(true);
    expect(await other.put('session', 'key', until, { name: 'eve' })).toBe(false);
    expect(await other.get('session', 'key')).toEqual({ name: 'ann' });
    expect(await other.get('used', 'key')).toBeUndefined();
    clock.pass(60);
    expect(await other.get('session', 'key')).toBeUndefined();
    expect(await other.put('session', 'late', clock.now(), {})).toBe(false);
    expect(await one.put('session', 'key', clock.now() + 1_000)).toBe(true);
  });

  it('is forgotten by a word of either', async () => {
    const { clock, kept } = await open(mostKept);
    const [one, other] = kept;
    await one.put('session', 'key', clock.now() + 60_000, { name: 'ann' });
    await other.forget('session', 'key');
    expect(await one.get('session', 'key')).toBeUndefined();
  });

  it('is taken by one of many who come at once', async () => {
    const { clock, kept } = await open(mostKept);
    for (let round = 0; round < 5; round += 1) {
      const until = clock.now() + 60_000;
      const all = [...kept, ...kept].map((each) => each.put('used', `key ${round}`, until));
      expect((await Promise.all(all)).filter((first) => first)).toHaveLength(1);
    }
  });

  it('is refused where there is no room, and what was used is not forgotten for it', async () => {
    const { clock, kept } = await open({ ...mostKept, session: 3 });
    const [one] = kept;
    const until = clock.now() + 60_000;
    for (let index = 0; index < 3; index += 1) await one.put('session', `key ${index}`, until);
    expect(await one.put('session', 'one more', until)).toBe(false);
    expect(await one.put('used', 'another kind', until)).toBe(true);
    expect(await one.put('session', 'key 0', until)).toBe(false);
    clock.pass(60);
    expect(await one.put('session', 'one more', clock.now() + 1_000)).toBe(true);
  });
}
