import { createHash } from 'node:crypto';
import { FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { tokenHash } from '../../src/engine/flow-output.ts';
import { createTokenCache, type TokenCacheOptions } from '../../src/engine/token-cache.ts';

export interface Value {
  readonly accessToken: Secret;
  readonly expiresAt: number | undefined;
}

/** A cache with a clock that only the test moves, and an issuer that counts. */
export function arrange(options: TokenCacheOptions = {}) {
  let clock = 1_000_000_000_000;
  let count = 0;
  let next: (() => Promise<Value>) | undefined;
  const cache = createTokenCache({ now: () => clock, random: () => 0.5, hashOf: tokenHash, ...options });
  const value = (life: number | undefined): Value => ({
    accessToken: new Secret(`token-${count}`),
    expiresAt: life === undefined ? undefined : clock / 1000 + life,
  });
  const mint = async (): Promise<Value> => {
    count += 1;
    return next === undefined ? value(300) : next();
  };
  return {
    cache,
    mint,
    value,
    get: (key = 'k') => cache.get(key, mint, ({ expiresAt }) => expiresAt),
    count: () => count,
    pass: (seconds: number) => {
      clock += seconds * 1000;
    },
    answer: (with_: () => Promise<Value>) => {
      next = with_;
    },
  };
}

export const settle = () => new Promise((resolve) => setImmediate(resolve));
export const token = ({ accessToken }: Value) => accessToken.reveal();
export const hash = (text: string) => createHash('sha256').update(text).digest('hex');
export const failing =
  (code: 'denied' | 'unavailable' | 'rate-limited', retryAfter?: number) => async (): Promise<Value> => {
    throw new FlowError(code, 'no', retryAfter === undefined ? {} : { retryAfter });
  };
