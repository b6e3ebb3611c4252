/** Requests of five minutes. */
export interface Bucket {
  /** epoch milliseconds */
  readonly start: number;
  readonly count: number;
}

export const bucketLength = 300_000;
export const hour = 3_600_000;
export const day = 24 * hour;

export function bucketAt(now: number): number {
  return Math.floor(now / bucketLength) * bucketLength;
}

/**
 * Requests within a window that ends now. A bucket counts whole until all of it is out; one of the future counts as
 * well, since a clock that was set back is no reason to ask more.
 */
export function usedWithin(buckets: readonly Bucket[], window: number, now: number): number {
  return buckets.reduce((sum, { start, count }) => (start + bucketLength + window > now ? sum + count : sum), 0);
}

/** Seconds until so many more fit under a limit; the whole window where they never do. */
export function waitFor(buckets: readonly Bucket[], window: number, room: number, now: number): number {
  let over = usedWithin(buckets, window, now) - room;
  for (const { start, count } of buckets.toSorted((a, b) => a.start - b.start)) {
    const end = start + bucketLength + window;
    if (end <= now) continue;
    over -= count;
    if (over <= 0) return Math.ceil((end - now) / 1000);
  }
  return window / 1000;
}
