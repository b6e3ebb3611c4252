import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMemory,
  doubled,
  endingEarly,
  type Life,
  type MemoryOptions,
  refreshedAhead,
} from '../../src/foundation/expiring-memory.ts';
import { unlessAborted } from '../../src/foundation/unless-aborted.ts';
import { createClock } from '../broker/arrange.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));
const outcome = (asked: Promise<string>) => asked.catch((error: unknown) => `! ${(error as Error).message}`);

/** A memory with a clock that the test moves; without timers, unless they are asked for. */
function arrange(more: Partial<MemoryOptions> & { readonly timers?: boolean } = {}) {
  const clock = createClock();
  const { timers = false, ...options } = more;
  const { monotonic } = clock;
  const memory = createMemory<string>({ clock: timers ? clock : { monotonic }, capacity: 10, ...options });
  let made = 0;
  const lasting =
    (ends: number, more: { readonly fresh?: number; readonly refresh?: number } = {}) =>
    (): Life => {
      const { fresh = ends, refresh = fresh } = more;
      const at = monotonic();
      return { refresh: at + refresh * 1_000, fresh: at + fresh * 1_000, ends: at + ends * 1_000 };
    };
  const make = async () => {
    made += 1;
    return `value ${made}`;
  };
  const failing = async (): Promise<string> => {
    made += 1;
    throw new Error(`no ${made}`);
  };
  return { clock, memory, make, failing, lasting, made: () => made };
}

const rules = (seconds: number, row = 60) => ({ time: () => seconds * 1_000, row: row * 1_000 });

describe('a memory', () => {
  it('begins at once, and makes a value once however many wait for it', async () => {
    const { memory, make, lasting, made } = arrange();
    const all = Array.from({ length: 100 }, () => memory.get('a', make, lasting(1)));
    expect(made()).toBe(1);
    expect(new Set(await Promise.all(all))).toEqual(new Set(['value 1']));
    expect(memory.peek('a')?.value).toBe('value 1');
  });

  it('gives the next value to who wants it now, and what it has to others until that comes', async () => {
    const { memory, make, failing, lasting, made } = arrange({ failures: rules(5) });
    await memory.get('a', make, lasting(60));
    await expect(memory.renew('a', failing, lasting(60))).rejects.toThrow('no 2');
    expect(await memory.get('a', make, lasting(60))).toBe('value 1');
    expect(memory.failure('a')).toMatchObject({ message: 'no 2' });
    const next = Promise.withResolvers<string>();
    const both = [memory.renew('a', () => next.promise, lasting(60)), memory.renew('a', make, lasting(60))];
    expect(await memory.get('a', make, lasting(60))).toBe('value 1');
    next.resolve('next');
    expect(await Promise.all(both)).toEqual(['next', 'next']);
    expect([await memory.get('a', make, lasting(60)), memory.failure('a'), made()]).toEqual(['next', undefined, 2]);
  });

  it('is asked by what it asks itself, without end neither of them', async () => {
    const { memory, lasting } = arrange();
    let inner: Promise<string> | undefined;
    const value = await memory.get(
      'a',
      async () => {
        inner = memory.get('a', () => Promise.reject(new Error('twice')), lasting(1));
        return 'one';
      },
      lasting(1),
    );
    expect([value, await inner]).toEqual(['one', 'one']);
  });

  it('gives the same promise each time, so that a value which is kept costs nothing', async () => {
    const { memory, make, lasting } = arrange();
    await memory.get('a', make, lasting(10));
    expect(memory.get('a', make, lasting(10))).toBe(memory.get('a', make, lasting(10)));
    expect(memory.peek('a')).toBe(memory.peek('a'));
  });

  it.each<[string, Life | undefined]>([
    ['no life', undefined],
    ['a life that is over', { ends: 5_000 }],
    ['an end that is no number', { ends: Number.NaN }],
  ])('does not keep what has %s', async (_, life) => {
    const { memory, make } = arrange();
    expect(await memory.get('a', make, () => life)).toBe('value 1');
    expect([memory.size(), memory.peek('a')]).toEqual([0, undefined]);
  });

  it('is asked by a caller that is stopped, who stops nobody else', async () => {
    const { memory, lasting } = arrange();
    const { promise, resolve } = Promise.withResolvers<string>();
    const stop = new AbortController();
    const first = unlessAborted(
      memory.get('a', () => promise, lasting(1)),
      stop.signal,
      () => new Error('stopped'),
    );
    const second = memory.get('a', () => promise, lasting(1));
    stop.abort();
    expect(await outcome(first)).toBe('! stopped');
    resolve('late');
    expect([await second, memory.peek('a')?.value]).toEqual(['late', 'late']);
  });

  it('gives the old value while the next one is made, and where that fails until its very end', async () => {
    const { clock, memory, make, failing, lasting, made } = arrange({ failures: rules(2) });
    const life = lasting(10, { refresh: 6, fresh: 8 });
    await memory.get('a', make, life);
    clock.pass(6);
    expect(memory.peek('a')).toBeUndefined();
    expect([await memory.get('a', failing, life), made()]).toEqual(['value 1', 2]);
    await settle();
    expect([await memory.get('a', failing, life), made()]).toEqual(['value 1', 2]);
    clock.pass(2);
    expect([await memory.get('a', failing, life), made()]).toEqual(['value 1', 3]);
    clock.pass(1.999);
    expect([await memory.get('a', failing, life), made()]).toEqual(['value 1', 3]);
    clock.pass(0.001);
    expect([await outcome(memory.get('a', failing, life)), made()]).toEqual(['! no 4', 4]);
  });

  it('tells a failure as it is told to, counts those in a row, and forgets them by a success', async () => {
    const counts: number[] = [];
    const failures = {
      time: (_: unknown, count: number) => counts.push(count) && 1_000,
      row: 5_000,
      told: (error: unknown, left: number) => new Error(`${(error as Error).message}, ${left} ms`),
    };
    const { clock, memory, make, failing, lasting } = arrange({ failures });
    const ask = (how = failing) => outcome(memory.get('a', how, lasting(1)));
    expect(await ask()).toBe('! no 1');
    clock.pass(0.6);
    expect(await ask()).toBe('! no 1, 400 ms');
    expect(memory.failure('a')).toMatchObject({ message: 'no 1, 400 ms' });
    clock.pass(0.4);
    expect([await ask(), memory.failure('b')]).toEqual(['! no 2', undefined]);
    clock.pass(5.999);
    await ask();
    clock.pass(6);
    await ask();
    clock.pass(1);
    await ask(make);
    clock.pass(1);
    await ask();
    memory.fail('b', new Error('met elsewhere'));
    expect([await outcome(memory.get('b', make, lasting(1))), counts]).toEqual([
      '! met elsewhere, 1000 ms',
      [1, 2, 3, 1, 1, 1],
    ]);
  });

  it('forgets by key and by value, and does not keep what was under way', async () => {
    const { memory, lasting } = arrange({ failures: rules(60) });
    const life = lasting(60)();
    for (const key of ['a', 'b', 'c']) memory.put(key, `${key} value`, life);
    memory.fail('d', new Error('no'));
    expect([memory.forget('a'), memory.forget('a'), memory.forget('d'), memory.failure('d')]).toEqual([
      true,
      false,
      true,
      undefined,
    ]);
    const seen: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = memory.get('e', () => promise, lasting(60));
    expect(memory.forget((key, value) => seen.push([key, value]) > 0 && (key === 'e' || value === 'b value'))).toBe(
      true,
    );
    expect(seen).toEqual([
      ['b', 'b value'],
      ['c', 'c value'],
      ['e', undefined],
    ]);
    expect(memory.forget(() => false)).toBe(false);
    resolve('too late');
    expect([await waiting, memory.peek('e'), memory.size()]).toEqual(['too late', undefined, 1]);
  });

  it('forgets with one timer, also after the machine slept, and keeps nothing once it is closed', async () => {
    const { clock, memory, make, lasting } = arrange({ timers: true, failures: rules(60) });
    for (const seconds of [100, 50, 70]) memory.put(`${seconds}`, 'value', lasting(seconds)());
    expect(clock.timers()).toBe(1);
    for (const [at, left] of [
      [50, 2],
      [70, 1],
      [100, 0],
    ] as const) {
      while (clock.monotonic() < 5_000 + at * 1_000) clock.pass(10);
      expect([memory.size(), clock.timers()]).toEqual([left, left === 0 ? 0 : 1]);
    }
    memory.put('a', 'value', lasting(60)());
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = memory.get('b', () => promise, lasting(60));
    memory.close();
    resolve('value');
    expect(await waiting).toBe('value');
    memory.fail('c', new Error('no'));
    await memory.get('d', make, lasting(60));
    expect([memory.size(), clock.timers(), memory.failure('c')]).toEqual([0, 0, undefined]);
  });

  it('has a timer for each nearer end where timers cannot be taken back', async () => {
    const { clock, lasting } = arrange();
    const calls: (() => void)[] = [];
    const after = (_: number, call: () => void) => void calls.push(call);
    const memory = createMemory<string>({ clock: { monotonic: clock.monotonic, after }, capacity: 10 });
    memory.put('a', 'value', lasting(20)());
    memory.put('b', 'value', lasting(10)());
    clock.pass(20);
    calls[0]?.();
    expect([calls.length, memory.size()]).toEqual([2, 2]);
    calls[1]?.();
    expect([calls.length, memory.size()]).toEqual([2, 0]);
  });
});

it('has lives that end early and are renewed ahead', () => {
  expect(endingEarly(0, 600_000, 30_000)).toEqual({ ends: 570_000 });
  expect(endingEarly(0, 10_000, 30_000)).toEqual({ ends: 9_000 });
  const ahead = (random: number) => refreshedAhead(1_000, 301_000, { skew: 30_000, random: () => random });
  expect(ahead(0)).toEqual({ refresh: 241_000, fresh: 271_000, ends: 301_000 });
  expect(ahead(0.5).refresh).toBeCloseTo(256_000);
  expect([1, 2, 3, 4, 5, 5_000].map((count) => doubled(5, count, 60))).toEqual([5, 10, 20, 40, 60, 60]);
});

/** What the memory should know of one key. */
interface Known {
  value?: { readonly id: string; readonly life: typeof lasts } | undefined;
  /** monotonic milliseconds */
  failedUntil: number;
  flight?: Flight | undefined;
}

interface Flight {
  land(fails: boolean): void;
  /** undefined: it is still under way */
  gives?: string;
}

const names = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof names)[number];
const lasts = { refresh: 4_000, fresh: 6_000, ends: 10_000 };
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ get: fc.constantFrom(...names), stopped: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ land: fc.constantFrom(...names), fails: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 4_000 }) }) },
  { weight: 3, arbitrary: fc.record({ put: fc.constantFrom(...names) }) },
  { weight: 2, arbitrary: fc.record({ forget: fc.constantFrom(...names), fails: fc.boolean() }) },
);
const world = fc.record({
  capacity: fc.integer({ min: 1, max: 5 }),
  timers: fc.boolean(),
  remembered: fc.integer({ min: 0, max: 4_000 }),
});

/** The same by hand, as slowly as it likes. */
function createModel(
  { capacity, remembered }: { readonly capacity: number; readonly remembered: number },
  now: () => number,
) {
  const known: Record<Name, Known> = {
    a: { failedUntil: 0 },
    b: { failedUntil: 0 },
    c: { failedUntil: 0 },
    d: { failedUntil: 0 },
  };
  /** least recently used first, and the oldest failure first */
  let [used, failed]: [readonly Name[], readonly Name[]] = [[], []];
  const last = (list: readonly Name[], name: Name) => [...list.filter((each) => each !== name), name];
  const model = {
    known,
    wrong: [] as string[],
    touch(name: Name) {
      used = last(used, name);
    },
    keep(name: Name, id: string): Life {
      const at = now();
      const life = { refresh: at + lasts.refresh, fresh: at + lasts.fresh, ends: at + lasts.ends };
      known[name].value = { id, life };
      model.touch(name);
      // what has ended makes room first
      const left = used.filter((each) => (known[each].value?.life.ends ?? 0) > at);
      used = left.slice(-capacity);
      for (const each of names) if (!used.includes(each)) known[each].value = undefined;
      return life;
    },
    succeed(name: Name) {
      known[name].failedUntil = 0;
      failed = failed.filter((each) => each !== name);
    },
    fail(name: Name) {
      if (remembered === 0) return;
      known[name].failedUntil = now() + remembered;
      failed = last(failed, name).slice(-capacity);
      for (const each of names) if (!failed.includes(each)) known[each].failedUntil = 0;
    },
  };
  return model;
}

it('does what is told of it, in whatever order things happen', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      world,
      async (steps, { capacity, timers, remembered }) => {
        const { clock, memory } = arrange({ capacity, timers, failures: { time: () => remembered, row: 1_000 } });
        const model = createModel({ capacity, remembered }, clock.monotonic);
        const { known, wrong } = model;
        const lives = new Map<string, Life>();
        let ids = 0;

        const making = (name: Name) => async () => {
          const { promise, resolve, reject } = Promise.withResolvers<string>();
          const mine = known[name];
          if (mine.flight !== undefined) wrong.push(`${name} is made twice at once`);
          const id = `${name} ${(ids += 1)}`;
          const flight: Flight = {
            land(fails) {
              const isKept = mine.flight === flight;
              if (isKept) mine.flight = undefined;
              if (fails) {
                if (isKept) model.fail(name);
                flight.gives = '! no';
                return reject(new Error('no'));
              }
              flight.gives = id;
              lives.set(id, isKept ? model.keep(name, id) : { ends: Infinity });
              if (isKept) model.succeed(name);
              resolve(id);
            },
          };
          mine.flight = flight;
          return promise;
        };
        const get = async (name: Name, stopped: boolean): Promise<void> => {
          const at = clock.monotonic();
          const { value, failedUntil, flight: before } = known[name];
          const may = before === undefined && at >= failedUntil;
          const must = value === undefined || at >= value.life.refresh;
          const stop = new AbortController();
          const asked = memory.get(name, making(name), (id) => lives.get(id));
          const { flight } = known[name];
          if ((flight !== before) !== (may && must)) wrong.push(`${name} is begun: ${flight !== before}`);
          const isFresh = value !== undefined && at < value.life.fresh;
          if (isFresh) model.touch(name);
          if (stopped) {
            stop.abort();
            void outcome(unlessAborted(asked, stop.signal, () => new Error('stopped')));
          }
          const given = await outcome(asked);
          const isStill = value !== undefined && known[name].value === value && clock.monotonic() < value.life.ends;
          const made = flight === undefined ? '! no' : flight.gives;
          const wanted = isFresh || (made === '! no' && isStill) ? value.id : made;
          if (given !== wanted) wrong.push(`${given} instead of ${wanted}`);
        };

        const asked: Promise<void>[] = [];
        for (const each of steps) {
          if ('get' in each) asked.push(get(each.get, each.stopped));
          else if ('land' in each) known[each.land].flight?.land(each.fails);
          else if ('pass' in each) clock.pass(each.pass / 1_000);
          else if ('put' in each) memory.put(each.put, `${each.put} put`, model.keep(each.put, `${each.put} put`));
          else {
            const mine = known[each.forget];
            const { flight } = mine;
            mine.value = mine.flight = undefined;
            model.succeed(each.forget);
            memory.forget(each.forget);
            flight?.land(each.fails);
          }
          await settle();
          if (memory.size() > capacity) wrong.push(`${memory.size()} are kept`);
        }
        for (const { flight } of Object.values(known)) flight?.land(false);
        await Promise.all(asked);
        for (let time = 0; time < 40; time += 10) clock.pass(10);
        if (timers && memory.size() + clock.timers() > 0) wrong.push('something is left');
        expect(wrong).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});
