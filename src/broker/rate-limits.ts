import type { Rate } from '../language/rate.ts';

/** Token buckets that refill evenly. What was used stays used when a rate changes, as a reload of policy may do. */
export interface Rates {
  /** Seconds until the next one is free; 0: it is free now. Takes nothing. */
  wait(key: string, rate: Rate | undefined): number;
  /** Takes one. @returns as {@link Rates.wait}; where it is not 0, nothing was taken */
  take(key: string, rate: Rate | undefined): number;
}

interface Bucket {
  /** of what it holds; runs down at the rate's pace */
  used: number;
  at: number;
}

const fewBuckets = 1_024;

/** @param monotonic milliseconds of a clock that nobody sets */
export function createRates(monotonic: () => number): Rates {
  const buckets = new Map<string, Bucket>();

  const used = (key: string, { count, per }: Rate, at: number): number => {
    const bucket = buckets.get(key);
    return bucket === undefined ? 0 : Math.max(0, bucket.used - ((at - bucket.at) / 1_000) * (count / per));
  };

  const wait: Rates['wait'] = (key, rate) => {
    if (rate === undefined) return 0;
    const missing = used(key, rate, monotonic()) + 1 - rate.count;
    // what rounding leaves over is no reason to make anyone wait
    return missing > 1e-9 ? (missing * rate.per) / rate.count : 0;
  };

  /** A bucket that nobody has used for a day is full, whatever its rate. */
  const dropIdle = (at: number): void => {
    for (const [key, bucket] of buckets) if (at - bucket.at > 86_400_000) buckets.delete(key);
  };

  return {
    wait,
    take(key, rate) {
      const seconds = wait(key, rate);
      if (seconds > 0 || rate === undefined) return seconds;
      const at = monotonic();
      const bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= fewBuckets) dropIdle(at);
        buckets.set(key, { used: 1, at });
      } else {
        bucket.used = used(key, rate, at) + 1;
        bucket.at = at;
      }
      return 0;
    },
  };
}
