import type { BrokerClock } from '../foundation/clocks.ts';
import type { GrantedToken } from './contract.ts';
import { type GivenToken, grantedToken, leftOf } from './token-lifetime.ts';

/**
 * The tokens of flows by agent and the inputs that they were asked for with, in front of the engine, so that the many requests for
 * the same token within a second cost no run each. Nothing lives here for longer than two seconds without the engine.
 */
export interface Front {
  /** @param key agent, flow, and the inputs where there are any. @returns undefined: ask the engine. One caller is told so every second, while the others are served. */
  get(key: string): (Given & { readonly token: GrantedToken; readonly left: number }) | undefined;
  /** @param generation as it was before the engine was asked: what was under way when a token was evicted is not kept */
  put(key: string, given: Given, generation: number): void;
  readonly generation: () => number;
  /** Forgets the token of this hash. */
  drop(hash: string): void;
}

/** What the engine gave. */
interface Given {
  readonly known: GivenToken;
  /** `jti` of the tokens behind it */
  readonly jti: readonly string[] | undefined;
}

interface Entry extends Given {
  /** monotonic milliseconds: the engine is asked again from the first on, and nothing is given from the second on */
  askAt: number;
  readonly until: number;
  /** for as long as it says the same, the same object */
  token: GrantedToken;
  /** milliseconds */
  left: number;
}

const second = 1_000;
/** inputs come from callers: whoever sends ever new ones does not fill the memory */
const mostEntries = 5_000;
const longestKey = 2_000;

export function createFront(clock: BrokerClock): Front {
  const entries = new Map<string, Entry>();
  let generation = 0;

  return {
    generation: () => generation,
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const at = clock.monotonic();
      const left = leftOf(entry.known, clock, at);
      if (at >= entry.until || left < second) {
        entries.delete(key);
        return undefined;
      }
      if (at >= entry.askAt) {
        entry.askAt = at + second;
        return undefined;
      }
      if (Math.floor(left / second) !== Math.floor(entry.left / second)) entry.token = grantedToken(entry.known, left);
      entry.left = left;
      return entry;
    },
    put(key, { known, jti }, asked) {
      const left = leftOf(known, clock);
      // a token without an expiry is not cached by the engine either
      if (asked !== generation || left < second || left === Infinity || key.length > longestKey) return;
      const at = clock.monotonic();
      const last = entries.get(key);
      const token =
        last?.known === known && Math.floor(left / second) === Math.floor(last.left / second)
          ? last.token
          : grantedToken(known, left);
      if (entries.size >= mostEntries && last === undefined) entries.clear();
      entries.set(key, { known, jti, askAt: at + second, until: at + 2 * second, token, left });
    },
    drop(hash) {
      generation += 1;
      for (const [key, { known }] of entries) if (known.hash === hash) entries.delete(key);
    },
  };
}
