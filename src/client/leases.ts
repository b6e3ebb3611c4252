import type { LeaseClock } from '../foundation/clocks.ts';

/** What was given for a while. */
export interface Leases<T> {
  get(key: string): T | undefined;
  /** @param milliseconds that it may be used for, from `asked` on; @param asked monotonic milliseconds */
  put(key: string, value: T, milliseconds: number, asked: number): void;
  /** Forgets what fits. */
  drop(fits: (value: T) => boolean): void;
  clear(): void;
}

const most = 1_000;

/** Values in memory until a little before their time is over, when they are forgotten. */
export function createLeases<T>(clock: LeaseClock): Leases<T> {
  const entries = new Map<string, { readonly value: T; readonly until: number; readonly end: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      // a machine that slept counts on the one clock, a clock that was set back on the other
      if (clock.monotonic() < entry.until && clock.now() < entry.end) return entry.value;
      entries.delete(key);
      return undefined;
    },
    put(key, value, milliseconds, asked) {
      const usable = milliseconds - Math.min(30_000, milliseconds / 10);
      const left = asked + usable - clock.monotonic();
      if (!(left > 0)) return;
      const [oldest] = entries.keys();
      if (entries.size >= most && oldest !== undefined) entries.delete(oldest);
      const entry = { value, until: asked + usable, end: clock.now() + left };
      entries.delete(key);
      entries.set(key, entry);
      clock.after(left, () => {
        if (entries.get(key) === entry) entries.delete(key);
      });
    },
    drop(fits) {
      for (const [key, { value }] of entries) if (fits(value)) entries.delete(key);
    },
    clear: () => entries.clear(),
  };
}
