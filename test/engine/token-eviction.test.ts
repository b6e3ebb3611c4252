import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { createTokenCache } from '../../src/engine/token-cache.ts';
import { arrange, failing, hash, settle, token, type Value } from './cached-tokens.ts';

describe('eviction', () => {
  it('by a rejected token happens once, and only where it is the cached one', async () => {
    const { get, cache, count } = arrange();
    await get();
    expect(cache.rejected(hash('token-0'))).toBe(false);
    expect(cache.rejected(hash('token-1'))).toBe(true);
    expect(token(await get())).toBe('token-2');
    // a hundred late reports of the first one
    for (let index = 0; index < 100; index += 1) expect(cache.rejected(hash('token-1'))).toBe(false);
    await get();
    expect(count()).toBe(2);
    expect(cache.rejected(hash('token-2').toUpperCase())).toBe(true);
  });

  it('happens to a key once in a while at most, where that is asked for', async () => {
    const { get, cache, pass } = arrange();
    await get();
    expect(cache.rejected(hash('token-1'), 60)).toBe(true);
    await get();
    pass(59);
    expect(cache.rejected(hash('token-2'), 60)).toBe(false);
    expect(token(await get())).toBe('token-2');
    await get('other');
    expect(cache.rejected(hash('token-3'), 60)).toBe(true);
    pass(1);
    expect(cache.rejected(hash('token-2'), 60)).toBe(true);
    await get();
    pass(-3_600);
    expect(cache.rejected(hash('token-4'), 60)).toBe(true);
  });

  it.each(['', 'nonsense', hash('')])('by %j finds nothing, whatever is cached', async (reported) => {
    const { cache } = arrange();
    await cache.get(
      'plain',
      async () => 'a text',
      () => 9_999_999_999,
    );
    expect(cache.rejected(reported)).toBe(false);
    expect(cache.size()).toBe(1);
  });

  it("finds the token of a step's output too", async () => {
    const { cache } = arrange();
    await cache.get(
      'step',
      async () => ({ accessToken: new Secret('abc') }),
      () => 9_999_999_999,
    );
    expect(cache.rejected(hash('abc'))).toBe(true);
  });

  it('discards a refresh that began before it', async () => {
    const { get, cache, pass, answer, value, count } = arrange();
    await get();
    pass(260);
    const slow = Promise.withResolvers<Value>();
    answer(() => slow.promise);
    await get();
    await settle();
    expect(cache.rejected(hash('token-1'))).toBe(true);
    const stale = value(300);
    answer(async () => value(300));
    const after = get();
    slow.resolve(stale);
    expect(token(await after)).toBe('token-3');
    await settle();
    expect(token(await get())).toBe('token-3');
    expect(count()).toBe(3);
  });

  it('discards such a refresh also where it ends after the next one', async () => {
    const { get, cache, pass, answer, value } = arrange();
    await get();
    pass(260);
    const slow = Promise.withResolvers<Value>();
    answer(() => slow.promise);
    await get();
    await settle();
    const stale = value(9000);
    cache.evict('k');
    answer(async () => value(300));
    expect(token(await get())).toBe('token-3');
    slow.resolve(stale);
    await settle();
    expect(token(await get())).toBe('token-3');
  });

  it('of a value whose last seconds have begun leaves nothing to fall back on', async () => {
    const { get, cache, pass, answer } = arrange();
    await get();
    pass(275);
    const slow = Promise.withResolvers<Value>();
    answer(() => slow.promise);
    const waiting = get();
    expect(cache.rejected(hash('token-1'))).toBe(true);
    slow.reject(new FlowError('unavailable', 'no'));
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('discards the failure of such a refresh too', async () => {
    const { get, cache, pass, answer, value } = arrange();
    await get();
    pass(260);
    const slow = Promise.withResolvers<Value>();
    answer(() => slow.promise);
    await get();
    cache.evict('k');
    slow.reject(new FlowError('unavailable', 'no'));
    await settle();
    answer(async () => value(300));
    await expect(get()).resolves.toBeDefined();
  });

  it('by key or predicate forgets values and failures', async () => {
    const { get, cache, answer, count } = arrange();
    await get('a/1');
    await get('b/1');
    answer(failing('denied'));
    await get('a/2').catch(() => undefined);
    cache.evict((key) => key.startsWith('a/'));
    expect(cache.size()).toBe(1);
    await get('a/2').catch(() => undefined);
    expect(count()).toBe(4);
    cache.evict('b/1');
    expect(cache.size()).toBe(0);
  });
});

it('never gives out an expired value, and never mints one key twice at once, whatever happens', async () => {
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('get' as const), key: fc.constantFrom('a', 'b') }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), by: fc.integer({ min: 1, max: 200 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), fails: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const), key: fc.constantFrom('a', 'b') }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
      let clock = 0;
      let fails = false;
      const running = new Map<string, number>();
      const epochs = new Map<string, number>();
      const cache = createTokenCache({ now: () => clock });
      const wrong: string[] = [];
      const waiting: Promise<unknown>[] = [];
      for (const each of events) {
        if (each.do === 'pass') clock += each.by * 1000;
        else if (each.do === 'fail') fails = each.fails;
        else if (each.do === 'settle') await settle();
        else if (each.do === 'evict') {
          cache.evict(each.key);
          epochs.set(each.key, (epochs.get(each.key) ?? 0) + 1);
        } else {
          const { key } = each;
          const id = `${key}${epochs.get(key) ?? 0}`;
          const mint = async () => {
            if ((running.get(id) ?? 0) > 0) wrong.push('two mints at once');
            running.set(id, (running.get(id) ?? 0) + 1);
            const failing = fails;
            await settle();
            running.set(id, (running.get(id) ?? 0) - 1);
            if (failing) throw new FlowError('unavailable', 'no');
            return { key, expires: clock / 1000 + 100 };
          };
          const asked = clock;
          waiting.push(
            cache
              .get(key, mint, ({ expires }) => expires)
              .then((value) => {
                if (value.key !== key) wrong.push('the value of another key');
                if (value.expires * 1000 <= asked) wrong.push('an expired value');
                return value;
              })
              .catch(() => undefined),
          );
        }
      }
      await Promise.all(waiting);
      expect(wrong).toEqual([]);
    }),
    { numRuns: 150, seed: 20_261_122 },
  );
});
