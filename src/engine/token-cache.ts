import { createHash } from 'node:crypto';
import { FlowError } from '../foundation/errors.ts';
import { Secret } from '../foundation/secret.ts';

export interface TokenCacheOptions {
  /** epoch milliseconds; default Date.now */
  readonly now?: (() => number) | undefined;
  /** from 0 up to 1, for jitter; default Math.random */
  readonly random?: (() => number) | undefined;
  /** seconds before its expiry that a value is no longer given out, at most a tenth of its life; default 30 */
  readonly skew?: number | undefined;
  /** entries kept; the least recently used one leaves first; default 500 */
  readonly capacity?: number | undefined;
  /** seconds that a failure is remembered: the first one, and the most; default 5 and 60 */
  readonly failures?: { readonly first: number; readonly most: number } | undefined;
}

/** Values that expire, each made once however many callers wait. It has no timers: accesses drive it. */
export interface TokenCache {
  /**
   * The value of `key`: from the cache, or minted. From 80–90 % of its life an access mints the next one in the
   * background while the old one is given out, also for as long as that fails and the old one is valid.
   * @param key everything that changes the value, never a secret
   * @param mint serves whoever waits, so nothing may end it that is one caller's own; stopped, it has failed for all
   * @param expiresAt epoch seconds; undefined: shared by the callers that wait, not kept
   */
  get<T>(key: string, mint: () => Promise<T>, expiresAt: (value: T) => number | undefined): Promise<T>;
  /** Forgets these keys, their failures, and what mints already under way will give. */
  evict(which: string | ((key: string) => boolean)): void;
  /**
   * A service said 401 to this token. Forgets it only if it is the one still cached, so that many reports of one old
   * token cause one mint at most.
   * @param tokenHash SHA-256 of the access token, in hex
   * @param spacing seconds that must have passed since the last time that this happened to the same key, default 0
   * @returns whether it was cached, and is not any more
   */
  rejected(tokenHash: string, spacing?: number): boolean;
  readonly size: () => number;
}

interface Entry {
  readonly value: unknown;
  readonly answer: Promise<unknown>;
  /** epoch milliseconds: given out without question before; refreshed from; worthless from */
  readonly freshUntil: number;
  readonly refreshAt: number;
  readonly expires: number;
  used: number;
  hash?: string | undefined;
}

interface Mint {
  readonly answer: Promise<unknown>;
  discarded: boolean;
}

interface Failure {
  readonly error: unknown;
  readonly until: number;
  readonly count: number;
}

const longestRetryAfter = 3600;

/** Creates a {@link TokenCache}. */
export function createTokenCache(options: TokenCacheOptions = {}): TokenCache {
  const { now = Date.now, random = Math.random, skew = 30, capacity = 500 } = options;
  const { first, most } = options.failures ?? { first: 5, most: 60 };
  const entries = new Map<string, Entry>();
  const mints = new Map<string, Mint>();
  const failures = new Map<string, Failure>();
  /** when a service last said 401 to a key's token, epoch milliseconds */
  const rejections = new Map<string, number>();
  let tick = 0;

  function keep(key: string, value: unknown, expiry: number | undefined): void {
    sweep();
    const at = now();
    const life = expiry === undefined ? 0 : expiry * 1000 - at;
    // `not above` rather than `below`: an expiry that is no number keeps nothing
    if (expiry === undefined || !(life > 0)) {
      entries.delete(key);
      return;
    }
    const freshUntil = at + life - Math.min(skew * 1000, life / 10);
    entries.set(key, {
      value,
      answer: Promise.resolve(value),
      freshUntil,
      refreshAt: Math.min(freshUntil, at + life * (0.8 + 0.1 * random())),
      expires: at + life,
      used: ++tick,
    });
    while (entries.size > capacity) entries.delete(leastRecentlyUsed(entries));
  }

  function sweep(): void {
    const at = now();
    for (const [key, entry] of entries) if (at >= entry.expires) entries.delete(key);
    // a failure that ended long ago no longer makes the next one last longer
    for (const [key, failure] of failures) if (at >= failure.until + most * 1000) failures.delete(key);
    dropOldest(failures);
  }

  function dropOldest(map: Map<string, unknown>): void {
    for (const key of map.keys()) {
      if (map.size <= capacity) return;
      map.delete(key);
    }
  }

  function remember(key: string, error: unknown): void {
    sweep();
    const count = (failures.get(key)?.count ?? 0) + 1;
    const backoff = Math.min(most, first * 2 ** Math.min(count - 1, 20)) * (0.8 + 0.2 * random());
    const asked = error instanceof FlowError ? Math.min(error.retryAfter ?? 0, longestRetryAfter) : 0;
    failures.delete(key);
    failures.set(key, { error, until: now() + Math.max(backoff, asked) * 1000, count });
  }

  function start<T>(key: string, make: () => Promise<T>, expiresAt: (value: T) => number | undefined): Promise<T> {
    const run = async (): Promise<T> => {
      try {
        const value = await make();
        if (!mint.discarded) {
          failures.delete(key);
          keep(key, value, expiresAt(value));
        }
        return value;
      } catch (error) {
        if (!mint.discarded) remember(key, error);
        throw error;
      } finally {
        if (mints.get(key) === mint) mints.delete(key);
      }
    };
    // begun in a later microtask, so that `mint` exists before `make` can throw or evict
    const answer = Promise.resolve().then(run);
    const mint: Mint = { answer, discarded: false };
    mints.set(key, mint);
    return answer;
  }

  async function wait<T>(key: string, make: () => Promise<T>, expiresAt: (value: T) => number | undefined): Promise<T> {
    const old = entries.get(key);
    const failure = failures.get(key);
    const running = mints.get(key);
    try {
      if (running !== undefined) return (await running.answer) as T;
      if (failure !== undefined && now() < failure.until) throw remembered(failure, now());
      return await start(key, make, expiresAt);
    } catch (error) {
      if (old !== undefined && entries.get(key) === old && now() < old.expires) return old.value as T;
      throw error;
    }
  }

  function refresh<T>(key: string, make: () => Promise<T>, expiresAt: (value: T) => number | undefined): void {
    if (mints.has(key)) return;
    const failure = failures.get(key);
    if (failure !== undefined && now() < failure.until) return;
    // its failure is remembered; the next access after the wait tries again
    start(key, make, expiresAt).catch(() => undefined);
  }

  function forget(key: string): void {
    entries.delete(key);
    failures.delete(key);
    const mint = mints.get(key);
    if (mint === undefined) return;
    mint.discarded = true;
    mints.delete(key);
  }

  const cache: TokenCache = {
    get<T>(key: string, make: () => Promise<T>, expiresAt: (value: T) => number | undefined): Promise<T> {
      const entry = entries.get(key);
      if (entry === undefined) return wait(key, make, expiresAt);
      const at = now();
      if (at >= entry.freshUntil) return wait(key, make, expiresAt);
      entry.used = ++tick;
      if (at >= entry.refreshAt) refresh(key, make, expiresAt);
      return entry.answer as Promise<T>;
    },
    evict(which) {
      if (typeof which === 'string') return forget(which);
      for (const key of new Set([...entries.keys(), ...failures.keys(), ...mints.keys()])) if (which(key)) forget(key);
    },
    rejected(tokenHash, spacing = 0) {
      const wanted = tokenHash.toLowerCase();
      if (!/^[0-9a-f]{64}$/.test(wanted)) return false;
      for (const [key, entry] of entries) {
        entry.hash ??= hashOf(entry.value);
        if (entry.hash !== wanted) continue;
        const at = now();
        const passed = at - (rejections.get(key) ?? -Infinity);
        // a clock that was set back makes nobody wait for longer
        if (passed >= 0 && passed < spacing * 1000) return false;
        rejections.delete(key);
        rejections.set(key, at);
        dropOldest(rejections);
        forget(key);
        return true;
      }
      return false;
    },
    size: () => entries.size,
  };
  return cache;
}

function leastRecentlyUsed(entries: ReadonlyMap<string, Entry>): string {
  let found = '';
  let used = Infinity;
  for (const [key, entry] of entries) {
    if (entry.used >= used) continue;
    found = key;
    used = entry.used;
  }
  return found;
}

/** The same error, with what is left of the wait that the service asked for. */
function remembered({ error, until }: Failure, at: number): unknown {
  if (!(error instanceof FlowError) || error.retryAfter === undefined) return error;
  return error.with({ retryAfter: Math.max(1, Math.ceil((until - at) / 1000)) });
}

/** A token as the issuer contract has it, or as a step's output has it. */
function hashOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const fields = value as Readonly<Record<string, unknown>>;
  const token = fields['accessToken'] ?? fields['access-token'];
  return token instanceof Secret ? createHash('sha256').update(token.reveal()).digest('hex') : '';
}
