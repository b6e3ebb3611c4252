/** Time as a memory needs it. */
interface MemoryClock {
  /** milliseconds of a clock that nobody sets back */
  readonly monotonic: () => number;
  /**
   * Calls once, after so many milliseconds, and may return what takes that back. With it values are forgotten as soon as
   * they end; without it, when the next one is kept.
   */
  readonly after?: ((milliseconds: number, call: () => void) => unknown) | undefined;
}

/** How long a value lasts, in monotonic milliseconds. */
export interface Life {
  /** from then on an access makes the next value beside the one that it is given; default never */
  readonly refresh?: number | undefined;
  /** from then on callers wait for the next value, and are given this one only where that fails; default `ends` */
  readonly fresh?: number | undefined;
  /** from then on nobody is given it */
  readonly ends: number;
}

export interface FailureRules {
  /** Milliseconds that a failure is remembered; 0: not at all. @param count which one in a row, from 1 */
  readonly time: (error: unknown, count: number) => number;
  /** milliseconds after that within which the next failure is the next in the row */
  readonly row: number;
  /** what those are told who come meanwhile, with the milliseconds that are left; default the same error */
  readonly told?: ((error: unknown, left: number) => unknown) | undefined;
}

export interface MemoryOptions {
  readonly clock: MemoryClock;
  /** values kept, and failures: the value that was used least recently makes room, and the oldest failure */
  readonly capacity: number;
  /** absent: no failure is remembered */
  readonly failures?: FailureRules | undefined;
}

/** A value that is kept. */
export interface Kept<T> {
  readonly value: T;
  /** the value, as a promise: always the same one */
  readonly answer: Promise<T>;
}

/** Values that expire, each made once however many wait for it; failures are remembered for a while. */
export interface ExpiringMemory<T> {
  /** What is kept and fresh, where no access need make the next one yet. Allocates nothing. */
  peek(key: string): Kept<T> | undefined;
  /**
   * The value of `key`: what is kept, or what `make` gives, which is called before this returns.
   * @param key everything that decides the value, never a value
   * @param make serves whoever waits, so nothing may end it that is one caller's own
   * @param lifeOf of a value that came; undefined: shared by the callers that wait, not kept
   * @param unnoticed is told the failure of the next value where no caller is, since the one before is still given
   */
  get(
    key: string,
    make: () => Promise<T>,
    lifeOf: (value: T) => Life | undefined,
    unnoticed?: (error: unknown) => void,
  ): Promise<T>;
  /** The next value, whatever is kept or has failed; until it comes, others are given what is kept. */
  renew(key: string, make: () => Promise<T>, lifeOf: (value: T) => Life | undefined): Promise<T>;
  /** Keeps what was made elsewhere. */
  put(key: string, value: T, life: Life): void;
  /** Remembers a failure that was met elsewhere. */
  fail(key: string, error: unknown): void;
  /** The failure that is remembered, as it is told. */
  failure(key: string): unknown;
  /**
   * Forgets values, failures, and what is under way: whoever waits for it gets it, but it is not kept.
   * @param which its value is undefined where none is kept
   * @returns whether there was any
   */
  forget(which: string | ((key: string, value: T | undefined) => boolean)): boolean;
  readonly size: () => number;
  /** Forgets everything, and keeps nothing from then on. */
  close(): void;
}

interface Entry<T> extends Kept<T> {
  readonly refresh: number;
  readonly fresh: number;
  readonly ends: number;
  used: number;
}

interface Flight<T> {
  readonly answer: Promise<T>;
  discarded: boolean;
}

interface Failure {
  readonly error: unknown;
  readonly until: number;
  readonly count: number;
}

/** milliseconds: timers stand still while the machine sleeps, and a look now and then finds what ended meanwhile */
const longestLook = 30_000;

/** Creates an {@link ExpiringMemory}. */
export function createMemory<T>({ clock, capacity, failures: rules }: MemoryOptions): ExpiringMemory<T> {
  const { monotonic, after } = clock;
  const entries = new Map<string, Entry<T>>();
  const flights = new Map<string, Flight<T>>();
  const failures = new Map<string, Failure>();
  /** no value ends before */
  let nextEnd = Infinity;
  let alarm: { readonly at: number; cancel: unknown } | undefined;
  let tick = 0;
  let closed = false;

  function sweep(): void {
    const at = monotonic();
    nextEnd = Infinity;
    for (const [key, { ends }] of entries) {
      if (at >= ends) entries.delete(key);
      else nextEnd = Math.min(nextEnd, ends);
    }
    setAlarm();
  }

  /** One timer, for whichever value ends first. */
  function setAlarm(): void {
    if (after === undefined || nextEnd === Infinity) return;
    const now = monotonic();
    const at = Math.min(nextEnd, now + longestLook);
    if (alarm !== undefined && alarm.at <= at) return;
    cancelAlarm();
    const mine: typeof alarm = { at, cancel: undefined };
    alarm = mine;
    mine.cancel = after(at - now, () => {
      if (alarm !== mine) return;
      alarm = undefined;
      sweep();
    });
  }

  function cancelAlarm(): void {
    if (typeof alarm?.cancel === 'function') alarm.cancel();
    alarm = undefined;
  }

  function keep(key: string, value: T, life: Life | undefined): void {
    const at = monotonic();
    if (at >= nextEnd) sweep();
    // `not above` rather than `below`: an end that is no number keeps nothing
    if (closed || life === undefined || !(life.ends > at)) {
      entries.delete(key);
      return;
    }
    const { ends, fresh = ends, refresh = fresh } = life;
    entries.set(key, { value, answer: Promise.resolve(value), refresh, fresh, ends, used: ++tick });
    while (entries.size > capacity) entries.delete(leastRecentlyUsed(entries));
    nextEnd = Math.min(nextEnd, ends);
    setAlarm();
  }

  function remember(key: string, error: unknown): void {
    if (rules === undefined || closed) return;
    const at = monotonic();
    const last = failures.get(key);
    const count = last !== undefined && at < last.until + rules.row ? last.count + 1 : 1;
    const time = rules.time(error, count);
    if (!(time > 0)) return;
    failures.delete(key);
    failures.set(key, { error, until: at + time, count });
    for (const [oldest, { until }] of failures) {
      if (failures.size <= capacity && at < until + rules.row) break;
      failures.delete(oldest);
    }
  }

  function failureAt(key: string, at: number): unknown {
    const failure = failures.get(key);
    if (failure === undefined || at >= failure.until) return undefined;
    const { error, until } = failure;
    return rules?.told === undefined ? error : rules.told(error, until - at);
  }

  function start(key: string, make: () => Promise<T>, lifeOf: (value: T) => Life | undefined): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const flight: Flight<T> = { answer: promise, discarded: false };
    flights.set(key, flight);
    const run = async (): Promise<T> => {
      try {
        const value = await make();
        if (!flight.discarded) {
          failures.delete(key);
          keep(key, value, lifeOf(value));
        }
        return value;
      } catch (error) {
        if (!flight.discarded) remember(key, error);
        throw error;
      } finally {
        if (flights.get(key) === flight) flights.delete(key);
      }
    };
    resolve(run());
    return promise;
  }

  async function wait(
    key: string,
    old: Entry<T> | undefined,
    make: () => Promise<T>,
    lifeOf: (value: T) => Life | undefined,
    unnoticed: (error: unknown) => void,
  ): Promise<T> {
    try {
      const flight = flights.get(key);
      if (flight !== undefined) return await flight.answer;
      const failure = failureAt(key, monotonic());
      if (failure !== undefined) throw failure;
      return await start(key, make, lifeOf);
    } catch (error) {
      if (old === undefined || entries.get(key) !== old || monotonic() >= old.ends) throw error;
      unnoticed(error);
      return old.value;
    }
  }

  function forget(key: string): boolean {
    const flight = flights.get(key);
    if (flight !== undefined) flight.discarded = true;
    // each of them
    return [entries.delete(key), failures.delete(key), flights.delete(key)].includes(true);
  }

  return {
    peek(key) {
      const entry = entries.get(key);
      if (entry === undefined || monotonic() >= entry.refresh) return undefined;
      entry.used = ++tick;
      return entry;
    },
    get(key, make, lifeOf, unnoticed = () => undefined) {
      const entry = entries.get(key);
      const at = monotonic();
      if (entry === undefined || at >= entry.fresh) return wait(key, entry, make, lifeOf, unnoticed);
      entry.used = ++tick;
      if (at >= entry.refresh && !flights.has(key) && failureAt(key, at) === undefined) {
        // its failure is remembered; the next access after the wait tries again
        start(key, make, lifeOf).catch(unnoticed);
      }
      return entry.answer;
    },
    renew: (key, make, lifeOf) => flights.get(key)?.answer ?? start(key, make, lifeOf),
    put: keep,
    fail: remember,
    failure: (key) => failureAt(key, monotonic()),
    forget(which) {
      if (typeof which === 'string') return forget(which);
      const keys = new Set([...entries.keys(), ...failures.keys(), ...flights.keys()]);
      return [...keys].filter((key) => which(key, entries.get(key)?.value) && forget(key)).length > 0;
    },
    size: () => entries.size,
    close() {
      closed = true;
      cancelAlarm();
      entries.clear();
      failures.clear();
    },
  };
}

function leastRecentlyUsed(entries: ReadonlyMap<string, Entry<unknown>>): string {
  let found = '';
  let used = Infinity;
  for (const [key, entry] of entries) {
    if (entry.used >= used) continue;
    found = key;
    used = entry.used;
  }
  return found;
}

/** Given out from `from` on until shortly before its end, and made anew from 80–90 % of its life. */
export function refreshedAhead(
  from: number,
  ends: number,
  {
    skew,
    random,
  }: { /** milliseconds, at most a tenth of its life */ readonly skew: number; readonly random: () => number },
): Life {
  const fresh = endingEarly(from, ends, skew).ends;
  const refresh = Math.min(fresh, from + (ends - from) * (0.8 + 0.1 * random()));
  return { refresh, fresh, ends };
}

/** Given out until shortly before its end. @param skew milliseconds, at most a tenth of its life */
export function endingEarly(from: number, ends: number, skew: number): Life {
  return { ends: ends - Math.min(skew, (ends - from) / 10) };
}

/** Twice as long each time, in the unit of `first`. @param count from 1 */
export function doubled(first: number, count: number, most: number): number {
  return Math.min(most, first * 2 ** (count - 1));
}
