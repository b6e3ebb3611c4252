import { FlowError } from '../foundation/errors.ts';
import { createMemory, doubled, refreshedAhead } from '../foundation/expiring-memory.ts';

export interface TokenCacheOptions {
  /** epoch milliseconds; default Date.now */
  readonly now?: (() => number) | undefined;
  /** milliseconds of a clock that nobody sets back; default `now` */
  readonly monotonic?: (() => number) | undefined;
  /** SHA-256 of the access token in a value, in hex; undefined where there is none */
  readonly hashOf?: ((value: unknown) => string | undefined) | undefined;
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
   * @param unnoticed is told the failure of a mint whose callers are given the old value
   */
  get<T>(
    key: string,
    mint: () => Promise<T>,
    expiresAt: (value: T) => number | undefined,
    unnoticed?: (error: unknown) => void,
  ): Promise<T>;
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

/** seconds that a service which asks to wait is believed */
const longestRetryAfter = 3600;

/** Creates a {@link TokenCache}. */
export function createTokenCache(options: TokenCacheOptions = {}): TokenCache {
  const { now = Date.now, monotonic = now, random = Math.random, skew = 30, capacity = 500 } = options;
  const { hashOf = () => undefined, failures: { first, most } = { first: 5, most: 60 } } = options;
  const clock = { monotonic };
  const values = createMemory<unknown>({
    clock,
    capacity,
    failures: {
      row: most * 1000,
      time(error, count) {
        const asked = error instanceof FlowError ? Math.min(error.retryAfter ?? 0, longestRetryAfter) : 0;
        return Math.max(doubled(first, count, most) * (0.8 + 0.2 * random()), asked) * 1000;
      },
      told: remembered,
    },
  });
  /** when a service last said 401 to a key's token, monotonic milliseconds */
  const rejections = createMemory<number>({ clock, capacity });

  /** Whether so many seconds have passed since this key's token was rejected. */
  function isSpaced(key: string, spacing: number): boolean {
    const at = monotonic();
    const passed = at - (rejections.peek(key)?.value ?? -Infinity);
    // a clock that was set back makes nobody wait for longer
    if (passed >= 0 && passed < spacing * 1000) return false;
    rejections.put(key, at, { ends: Infinity });
    return true;
  }

  return {
    get<T>(
      key: string,
      make: () => Promise<T>,
      expiresAt: (value: T) => number | undefined,
      unnoticed?: (error: unknown) => void,
    ): Promise<T> {
      const lifeOf = (value: unknown) => {
        const expiry = expiresAt(value as T);
        const at = monotonic();
        return expiry === undefined
          ? undefined
          : refreshedAhead(at, at + expiry * 1000 - now(), { skew: skew * 1000, random });
      };
      const answer = values.peek(key)?.answer ?? values.get(key, make, lifeOf, unnoticed);
      return answer as Promise<T>;
    },
    evict: values.forget,
    rejected(tokenHash, spacing = 0) {
      const wanted = tokenHash.toLowerCase();
      return values.forget((key, value) => hashOf(value) === wanted && isSpaced(key, spacing));
    },
    size: values.size,
  };
}

/** The same error, with what is left of the wait that the service asked for. */
function remembered(error: unknown, left: number): unknown {
  if (!(error instanceof FlowError) || error.retryAfter === undefined) return error;
  return error.with({ retryAfter: Math.max(1, Math.ceil(left / 1000)) });
}
