import { describe, expect, it } from 'vitest';
import { createPace } from '../../src/foundation/request-pace.ts';

/** Time that passes only while somebody sleeps. */
function clock() {
  let now = 1_000_000;
  return {
    monotonic: () => now,
    sleep: async (milliseconds: number) => {
      await Promise.resolve();
      now += milliseconds;
    },
  };
}

describe('a pace', () => {
  it('runs no more at once than it may', async () => {
    const paced = createPace({ atOnce: 3, ...clock() });
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        paced('a', Infinity, async () => {
          most = Math.max(most, (running += 1));
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
        }),
      ),
    );
    expect(most).toBe(3);
    expect(running).toBe(0);
  });

  it('starts no more a second than it may, for each group by itself', async () => {
    const time = clock();
    const start = time.monotonic();
    const paced = createPace({ atOnce: 1, ...time });
    const at: Record<string, number[]> = { put: [], tag: [] };
    for (let index = 0; index < 100; index += 1) {
      for (const group of ['put', 'tag'])
        await paced(group, 50, async () => void at[group]?.push(time.monotonic() - start));
    }
    for (const group of Object.values(at)) {
      for (const first of group)
        expect(group.filter((each) => each >= first && each < first + 1000).length).toBeLessThanOrEqual(50);
      expect(Math.max(...group)).toBeLessThan(2_100);
    }
  });

  it('goes on after a failure, and runs nothing once it is told to stop', async () => {
    const paced = createPace({ atOnce: 1, ...clock() });
    await expect(paced('a', Infinity, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(paced('a', Infinity, () => Promise.resolve(1))).resolves.toBe(1);
    let ran = false;
    const stopped = paced('a', Infinity, async () => void (ran = true), AbortSignal.abort());
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(ran).toBe(false);
  });

  it('ends at once for all that wait, for a slot or for their time, and goes on for others', async () => {
    const stop = new AbortController();
    // time that stands still: who waits for its place waits for ever
    const forever = { monotonic: () => 0, sleep: () => new Promise<void>(() => undefined) };
    const paced = createPace({ atOnce: 10, ...forever });
    let ran = 0;
    const all = Array.from({ length: 1_000 }, () => paced('put', 45, async () => void (ran += 1), stop.signal));
    const settled = Promise.allSettled(all);
    setImmediate(() => stop.abort());
    const ended = await settled;
    expect(ran).toBe(1);
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of ended.slice(1))
      expect(each).toMatchObject({ reason: expect.objectContaining({ code: 'aborted' }) });
    const others = Array.from({ length: 20 }, () => paced('tag', Infinity, () => Promise.resolve('done')));
    expect(new Set(await Promise.all(others))).toEqual(new Set(['done']));
  });
});
