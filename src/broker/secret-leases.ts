import { asFlowError, type ErrorCode, type FlowError } from '../foundation/errors.ts';
import { createMemory, doubled } from '../foundation/expiring-memory.ts';
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
  /** `jti` of the tokens behind it */
  readonly jti: readonly string[] | undefined;
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
  readonly jti?: Lease['jti'];
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
  /** What is in memory, without a promise. */
  peek(wanted: Pick<Wanted, 'key' | 'ttl'>): Found | undefined;
  /** Forgets these, and their failures. */
  forget(which: (key: string, lease: Lease | undefined) => boolean): void;
  readonly size: () => number;
  /** Forgets everything, and keeps nothing from then on. */
  close(): void;
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
/** @param capacity values kept; the least recently used one leaves first */
export function createLeases(clock: BrokerClock, capacity: number): Leases {
  const failures = { row: longestFailure * 1_000, time: timeOf, told: remembered };
  const leases = createMemory<Lease>({ clock, capacity, failures });

  const fetched = async ({ ttl, fetch }: Wanted): Promise<Lease> => {
    const { value, ends, jti } = await fetch();
    const at = clock.monotonic();
    return { value, fetched: at, ends: Math.min(at + ttl, ends ?? Infinity), valueEnds: ends, jti };
  };

  const peek: Leases['peek'] = ({ key, ttl }) => {
    const lease = leases.peek(key)?.value;
    if (lease === undefined) return undefined;
    // the time that a name has may have become shorter since
    const ends = Math.min(lease.ends, lease.fetched + ttl);
    if (clock.monotonic() < ends) return { lease: { ...lease, ends }, cached: true };
    leases.forget(key);
    return undefined;
  };

  const look = (wanted: Wanted): Found | Promise<Found | FlowError> => {
    const found = peek(wanted);
    if (found !== undefined) return found;
    const { key } = wanted;
    return leases.get(key, async () => fetched(wanted), itself).then(fresh, asFlowError);
  };

  return {
    get: async (wanted) => Promise.all(wanted.map(async (each) => look(each))),
    peek,
    forget: leases.forget,
    size: leases.size,
    close: leases.close,
  };
}

const itself = (lease: Lease): Lease => lease;
const fresh = (lease: Lease): Found => ({ lease, cached: false });

/** milliseconds */
function timeOf(error: unknown, count: number): number {
  const { code, retryAfter = 0 } = asFlowError(error);
  const first = firstFailure[code] ?? usualFailure;
  return first === 0
    ? 0
    : Math.min(longestFailure, Math.max(doubled(first, count, longestFailure), retryAfter)) * 1_000;
}

/** The same failure, with what is left of the wait where waiting helps. */
function remembered(failure: unknown, left: number): FlowError {
  const error = asFlowError(failure);
  if (error.retryAfter === undefined && error.code !== 'unavailable' && error.code !== 'timeout') return error;
  return error.with({ retryAfter: Math.max(1, Math.ceil(left / 1_000)) });
}
