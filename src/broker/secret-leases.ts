import { asFlowError, type ErrorCode, FlowError } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import type { BrokerClock } from '../foundation/clocks.ts';

/** A value that was fetched, for as long as it may be kept. */
export interface Lease {
  readonly value: Secret;
  /** monotonic milliseconds */
  readonly fetched: number;
  /** monotonic milliseconds; from then on the value is gone */
  readonly ends: number;
  /** monotonic milliseconds, where the value itself ends: a token's expiry, Infinity for one whose issuer did not say */
  readonly valueEnds: number | undefined;
}

/** A value to have: what it is, how long it may be kept, and how it is fetched. */
export interface Wanted {
  /** everything that decides the value: never a value itself */
  readonly key: string;
  /** milliseconds from when it was fetched */
  readonly ttl: number;
  fetch(): Promise<Fetched>;
}

export interface Fetched {
  readonly value: Secret;
  /** as {@link Lease.valueEnds} */
  readonly ends?: number | undefined;
}

export interface Found {
  readonly lease: Lease;
  /** it was in memory when it was asked for */
  readonly cached: boolean;
}

/** Values in memory until their leases end. Each is fetched once however many wait for it; a failure is remembered briefly. */
export interface Leases {
  /** All of them side by side, so that what is fetched goes in one batch of the vault. A failure stands in its place. */
  get(wanted: readonly Wanted[]): Promise<readonly (Found | FlowError)[]>;
  /** Forgets these, and their failures. */
  forget(which: (key: string, lease: Lease | undefined) => boolean): void;
  readonly size: () => number;
  /** Forgets everything, and keeps nothing from then on. */
  close(): void;
}

interface Failure {
  readonly error: FlowError;
  /** monotonic milliseconds */
  readonly until: number;
  readonly count: number;
}

/** Seconds that the first failure is remembered; each further one in a row doubles them. */
const firstFailure: Partial<Readonly<Record<ErrorCode, number>>> = {
  unavailable: 1,
  timeout: 1,
  aborted: 0,
  internal: 1,
};
const usualFailure = 5;
const longestFailure = 60;
/** milliseconds between two looks for leases that have ended */
const longestLook = 30_000;

/** @param capacity values kept; the least recently used one leaves first */
export function createLeases(clock: BrokerClock, capacity: number): Leases {
  const leases = new Map<string, Lease>();
  const fetches = new Map<string, Promise<Lease>>();
  const failures = new Map<string, Failure>();
  let alarm: { readonly at: number; cancel(): void } | undefined;
  let closed = false;

  /** One timer, for whichever lease ends first: nothing has to be asked for, for a value to be forgotten. */
  const setAlarm = (end: number): void => {
    // timers stand still while the machine sleeps: a look now and then finds what ended meanwhile
    const at = Math.min(end, clock.monotonic() + longestLook);
    if (alarm !== undefined && alarm.at <= at) return;
    alarm?.cancel();
    alarm = { at, cancel: clock.after(at - clock.monotonic(), forgetEnded) };
  };

  const forgetEnded = (): void => {
    alarm = undefined;
    const at = clock.monotonic();
    let next = Infinity;
    for (const [key, { ends }] of leases) {
      if (ends <= at) leases.delete(key);
      else next = Math.min(next, ends);
    }
    if (next < Infinity) setAlarm(next);
  };

  const keep = (key: string, lease: Lease): void => {
    failures.delete(key);
    leases.delete(key);
    if (closed || lease.ends <= clock.monotonic()) return;
    leases.set(key, lease);
    dropOldest(leases, capacity);
    setAlarm(lease.ends);
  };

  const remember = (key: string, error: FlowError): void => {
    const first = firstFailure[error.code] ?? usualFailure;
    if (first === 0 || closed) return;
    const last = failures.get(key);
    const inARow = last !== undefined && clock.monotonic() < last.until + longestFailure * 1_000;
    const count = inARow ? last.count + 1 : 1;
    const seconds = Math.min(longestFailure, Math.max(first * 2 ** Math.min(count - 1, 10), error.retryAfter ?? 0));
    failures.delete(key);
    failures.set(key, { error, until: clock.monotonic() + seconds * 1_000, count });
    dropOldest(failures, capacity);
  };

  const fetched = async ({ key, ttl, fetch }: Wanted): Promise<Lease> => {
    try {
      const { value, ends } = await fetch();
      const at = clock.monotonic();
      const lease = { value, fetched: at, ends: Math.min(at + ttl, ends ?? Infinity), valueEnds: ends };
      keep(key, lease);
      return lease;
    } catch (error) {
      const failure = asFlowError(error);
      remember(key, failure);
      throw failure;
    }
  };

  /** Begins what is not under way; `fetch` is called before this returns. */
  const begin = (wanted: Wanted): Promise<Lease> => {
    const running = fetches.get(wanted.key);
    if (running !== undefined) return running;
    const started = fetched(wanted);
    fetches.set(wanted.key, started);
    // whoever waits hears of a failure; nobody may be waiting any more
    started.finally(() => fetches.delete(wanted.key)).catch(() => undefined);
    return started;
  };

  const look = (wanted: Wanted): Found | FlowError | Promise<Lease> => {
    const at = clock.monotonic();
    const { key, ttl } = wanted;
    const lease = leases.get(key);
    if (lease !== undefined) {
      leases.delete(key);
      // the time that a name has may have become shorter since
      const ends = Math.min(lease.ends, lease.fetched + ttl);
      if (at < ends) {
        leases.set(key, lease);
        return { lease: { ...lease, ends }, cached: true };
      }
    }
    const failure = failures.get(key);
    if (failure !== undefined && at < failure.until) return remembered(failure, at);
    return begin(wanted);
  };

  return {
    async get(wanted) {
      const looked = wanted.map(look);
      const settled = looked.map(async (each) => {
        if (!(each instanceof Promise)) return each;
        return each.then((lease) => ({ lease, cached: false }), asFlowError);
      });
      return Promise.all(settled);
    },
    forget(which) {
      for (const [key, lease] of leases) if (which(key, lease)) leases.delete(key);
      for (const key of failures.keys()) if (which(key, undefined)) failures.delete(key);
    },
    size: () => leases.size,
    close() {
      closed = true;
      alarm?.cancel();
      leases.clear();
      failures.clear();
    },
  };
}

/** Maps keep the order in which they were filled. */
function dropOldest(map: Map<string, unknown>, capacity: number): void {
  for (const key of map.keys()) {
    if (map.size <= capacity) return;
    map.delete(key);
  }
}

/** The same failure, with what is left of the wait where waiting helps. */
function remembered({ error, until }: Failure, at: number): FlowError {
  if (error.retryAfter === undefined && error.code !== 'unavailable' && error.code !== 'timeout') return error;
  return error.with({ retryAfter: Math.max(1, Math.ceil((until - at) / 1_000)) });
}
