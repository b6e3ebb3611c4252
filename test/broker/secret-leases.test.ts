import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLeases, type Found, type Wanted } from '../../src/broker/secret-leases.ts';
import { type ErrorCode, FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { arrange, as, createClock, policy, refusalOf, registry } from './arrange.ts';

const secret = new Secret('canary');
const wanted = (key: string, ttl = 60, fetch: Wanted['fetch'] = async () => ({ value: secret })): Wanted => ({
  key,
  ttl: ttl * 1_000,
  fetch,
});
const found = (each: Found | FlowError | undefined): Found => {
  if (each === undefined || each instanceof FlowError) throw new TypeError('not found');
  return each;
};

describe('leases', () => {
  it('are begun side by side before anything is waited for', () => {
    const leases = createLeases(createClock(), 10);
    const begun: string[] = [];
    const fetch = (key: string) => async () => {
      begun.push(key);
      return { value: secret };
    };
    void leases.get(['a', 'b', 'c'].map((key) => wanted(key, 60, fetch(key))));
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('have one timer, however many they are, and none when all is forgotten', async () => {
    const clock = createClock();
    const leases = createLeases(clock, 100);
    for (let index = 0; index < 50; index += 1) await leases.get([wanted(`k${index}`, 100 - index)]);
    expect(clock.timers()).toBe(1);
    for (let left = 50; left > 0; left -= 1) {
      expect(leases.size()).toBe(left);
      for (let gone = 0; gone < (left === 50 ? 51 : 1); gone += 1) clock.pass(1);
    }
    expect([leases.size(), clock.timers()]).toEqual([0, 0]);
  });

  it('end with the value’s own end', async () => {
    const clock = createClock();
    const leases = createLeases(clock, 10);
    const ends = clock.monotonic() + 5_000;
    const [first] = await leases.get([wanted('token', 60, async () => ({ value: secret, ends }))]);
    expect(found(first).lease).toMatchObject({ ends, valueEnds: ends });
    clock.pass(5);
    expect(leases.size()).toBe(0);
  });

  it('are not kept where the value came too late, or after the close', async () => {
    const clock = createClock();
    const leases = createLeases(clock, 10);
    await leases.get([wanted('late', 60, async () => ({ value: secret, ends: clock.monotonic() }))]);
    expect(leases.size()).toBe(0);
    await leases.get([wanted('kept')]);
    const open = Promise.withResolvers<{ value: Secret }>();
    const waiting = leases.get([wanted('slow', 60, () => open.promise)]);
    leases.close();
    open.resolve({ value: secret });
    expect(found((await waiting)[0]).lease.value).toBe(secret);
    expect([leases.size(), clock.timers()]).toEqual([0, 0]);
  });

  it('of a fetch that throws at once are fetched again', async () => {
    const clock = createClock();
    const leases = createLeases(clock, 10);
    const broken = wanted('a', 60, () => {
      throw new FlowError('unavailable', 'at once');
    });
    expect((await leases.get([broken]))[0]).toMatchObject({ code: 'unavailable' });
    clock.pass(1);
    expect(found((await leases.get([wanted('a')]))[0]).cached).toBe(false);
  });

  it.each([
    ['not-found', undefined, [5, 10, 20, 40, 60, 60]],
    ['denied', undefined, [5, 10, 20, 40, 60, 60]],
    ['protocol', undefined, [5, 10, 20, 40, 60, 60]],
    ['unavailable', undefined, [1, 2, 4, 8, 16, 32, 60]],
    ['timeout', undefined, [1, 2, 4, 8, 16, 32, 60]],
    ['internal', undefined, [1, 2, 4, 8, 16, 32, 60]],
    ['unavailable', 3, [3, 3, 4, 8, 16, 32, 60]],
    ['rate-limited', 30, [30, 30, 30, 40, 60]],
    ['rate-limited', 86_400, [60, 60]],
    ['aborted', undefined, [0, 0, 0]],
  ] as const)('remember a failure: %s, asked to wait %s', async (code: ErrorCode, retryAfter, waits) => {
    const clock = createClock();
    const leases = createLeases(clock, 10);
    let tries = 0;
    const failing = wanted('a', 60, async () => {
      tries += 1;
      throw new FlowError(code, 'no', retryAfter === undefined ? {} : { retryAfter });
    });
    for (const [index, seconds] of waits.entries()) {
      expect((await leases.get([failing]))[0]).toMatchObject({ code });
      expect(tries).toBe(index + 1);
      if (seconds === 0) continue;
      clock.pass(seconds - 0.001);
      expect((await leases.get([failing]))[0]).toMatchObject({ code });
      expect(tries).toBe(index + 1);
      clock.pass(0.001);
    }
    // a success, and the count begins anew
    await leases.get([wanted('a', 1)]);
    clock.pass(1);
    await leases.get([failing]);
    clock.pass(waits[0]);
    await leases.get([failing]);
    expect(tries).toBe(waits.length + 2);
  });

  // a service's trouble passes by itself; what is wrong with the question does not, and nobody is told to wait for it
  it.each([
    ['unavailable', undefined, 0.5, 1],
    ['timeout', undefined, 0.5, 1],
    ['unavailable', 30, 10, 20],
    ['timeout', 30, 10.4, 20],
    ['rate-limited', 30, 10, 20],
    ['rate-limited', 30, 29.6, 1],
    ['denied', 30, 10, 20],
    ['rate-limited', undefined, 0.5, undefined],
    ['not-found', undefined, 0.5, undefined],
    ['denied', undefined, 0.5, undefined],
    ['ambiguous', undefined, 0.5, undefined],
    ['invalid-value', undefined, 0.5, undefined],
    ['protocol', undefined, 0.5, undefined],
    ['conflict', undefined, 0.5, undefined],
    ['refused', undefined, 0.5, undefined],
    ['internal', undefined, 0.5, undefined],
  ] as const)('tell of a %s, asked to wait %s, that was met %s s ago: wait %s', async (code, wait, ago, left) => {
    const clock = createClock();
    const leases = createLeases(clock, 10);
    const thrown = new FlowError(code, 'no', { retryAfter: wait });
    const failing = wanted('a', 60, async () => {
      throw thrown;
    });
    expect((await leases.get([failing]))[0]).toMatchObject({ code, retryAfter: wait });
    clock.pass(ago);
    expect((await leases.get([failing]))[0]).toMatchObject({ code, message: 'no', retryAfter: left });
    expect(thrown.retryAfter).toBe(wait);
  });

  it('keep no more than there is room for, failures neither', async () => {
    const leases = createLeases(createClock(), 3);
    let tries = 0;
    for (let index = 0; index < 100; index += 1) {
      await leases.get([wanted(`k${index}`)]);
      expect(leases.size()).toBe(Math.min(index + 1, 3));
      await leases.get([
        wanted(`f${index}`, 60, async () => {
          tries += 1;
          throw new FlowError('not-found', 'no');
        }),
      ]);
    }
    // the last failures are remembered, the first are not
    expect((await leases.get([wanted('f99')]))[0]).toMatchObject({ code: 'not-found' });
    expect(found((await leases.get([wanted('f0')]))[0]).cached).toBe(false);
    expect([tries, leases.size()]).toEqual([100, 3]);
  });

  it('never outlive a bound, are never fetched twice at once, and never grow beyond their room', async () => {
    const actions = fc.array(
      fc.oneof(
        fc.record({
          get: fc.subarray(['a', 'b', 'c', 'd', 'e'], { minLength: 1 }),
          ttl: fc.integer({ min: 1, max: 20 }),
        }),
        fc.record({ pass: fc.integer({ min: 0, max: 15_000 }) }),
        fc.record({ wall: fc.integer({ min: -10_000, max: 10_000 }) }),
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(actions, fc.integer({ min: 1, max: 4 }), async (list, capacity) => {
        const clock = createClock();
        const leases = createLeases(clock, capacity);
        const running = new Set<string>();
        const breaches: unknown[] = [];
        for (const action of list) {
          if ('pass' in action) clock.pass(action.pass / 1_000);
          else if ('wall' in action) clock.setWall(action.wall);
          else {
            const fetch = (key: string) => async () => {
              if (running.has(key)) breaches.push(`${key} is fetched twice at once`);
              running.add(key);
              await Promise.resolve();
              running.delete(key);
              return { value: secret };
            };
            const all = action.get.map((key) => wanted(key, action.ttl, fetch(key)));
            const [first, second] = await Promise.all([leases.get(all), leases.get(all)]);
            for (const { lease } of [...first, ...second].map(found)) {
              const within = lease.ends > clock.monotonic() && lease.ends <= lease.fetched + action.ttl * 1_000;
              if (!within) breaches.push(lease);
            }
          }
          if (leases.size() > capacity) breaches.push(leases.size());
        }
        clock.pass(20);
        expect(breaches).toEqual([]);
        expect([leases.size(), clock.timers()]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what an agent is told of a lease', () => {
  const agents = { codex: 900, quick: 30, other: Infinity } as const;
  const action = fc.oneof(
    fc.record({ ask: fc.constantFrom('codex', 'quick', 'other') }),
    fc.record({ pass: fc.integer({ min: 0, max: 400_000 }) }),
    fc.record({ wall: fc.integer({ min: -4_000, max: 4_000 }) }),
    fc.record({ ttl: fc.constantFrom(10, 100, 1_000) }),
  );

  it('is never beyond any bound, whatever the clocks and the files do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const { broker, clock, rewrite, vault } = await arrange({
          files: { 'policy.yaml': policy.replace('3/minute', '100000/second') },
        });
        let ttl = 1_800;
        let fetched = 0;
        let kept = ttl;
        let still = true;
        let batches = 0;
        const breaches: unknown[] = [];
        for (const step of actions) {
          if ('pass' in step) clock.pass(step.pass / 1_000);
          else if ('wall' in step) {
            clock.setWall(step.wall);
            still = false;
          } else if ('ttl' in step) {
            ttl = step.ttl;
            rewrite({ registry: registry.replace('ttl: 30m', `ttl: ${ttl}s`) });
          } else {
            const { resolved, cached } = await broker.secrets(as(step.ask), ['openai.api_key']);
            if (cached !== (vault.batches.length === batches)) breaches.push({ cached });
            batches = vault.batches.length;
            if (!cached) {
              fetched = clock.monotonic();
              kept = ttl;
              still = true;
            }
            const left = (Date.parse(resolved['openai.api_key']?.expiresAt ?? '') - clock.now()) / 1_000;
            const age = (clock.monotonic() - fetched) / 1_000;
            // a time that has become longer is for the next one that is fetched
            const bound = Math.min(agents[step.ask], ttl - age, kept - age, 900 - age);
            const asLong = !still || left > bound - 0.002;
            if (!(left > -0.001 && left <= bound + 1e-6 && asLong)) breaches.push({ left, bound });
          }
        }
        clock.pass(900);
        expect(breaches).toEqual([]);
        expect((await broker.stats()).secrets.entries).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('is nothing after the close', async () => {
    const { broker, clock } = await arrange();
    await broker.secrets(as('codex'), ['openai.api_key']);
    await broker.close();
    expect((await broker.stats()).secrets.entries).toBe(0);
    expect(clock.timers()).toBe(0);
    expect((await refusalOf(broker.secrets(as('codex'), ['stripe.live_key']))).code).toBe('not-allowed');
  });
});
