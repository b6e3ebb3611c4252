// oxlint-disable typescript/no-non-null-assertion -- places of tables that are within them by how they were made
import type { Pattern } from './patterns.ts';

/** What looking may still cost, in bytes compared. */
export interface Budget {
  left: number;
}

/** Finds patterns of at least {@link fewest} bytes by what stands at a few places of the text. */
export interface Sampling {
  /**
   * Tells each pattern that stands whole in the data, by where it starts.
   * @param budget is charged with what it costs
   * @returns where the longest end of the data begins that a pattern goes on from, the data's length where none does;
   * undefined where the budget did not do, and what was told is not all
   */
  scan(
    data: Buffer,
    from: number,
    budget: Budget,
    found: (pattern: Pattern, start: number) => void,
  ): number | undefined;
}

/** bytes of a sample, so those of the shortest pattern */
export const fewest = 4;

/** bytes from one sample to the next, at most; then looking costs no more than copying */
const widest = 16;

/**
 * Looks up four bytes in each stretch of text, by their hash as Karp and Rabin do (1987). The stretches are so short that a
 * sample falls within the first bytes of any pattern, wherever that starts; a table knows where in which pattern it would be.
 * Algorithms that jump, such as Wu and Manber's, wait for one lookup to know the place of the next, and are slower for it.
 * @param patterns in the order of their bytes
 */
export function createSampling(patterns: readonly Pattern[]): Sampling {
  const sizes = Int32Array.from(patterns, ({ bytes }) => bytes.length);
  const all = Buffer.concat(patterns.map(({ bytes }) => bytes));
  const offsets = new Int32Array(patterns.length);
  for (let index = 1; index < patterns.length; index += 1) offsets[index] = offsets[index - 1]! + sizes[index - 1]!;
  const firsts = Int32Array.from(patterns, ({ bytes }) => bytes.readInt32LE());
  const stride = sizes.reduce((least, size) => Math.min(least, size - fewest + 1), widest);

  // a bit for each of some hundred times as many hashes as there are samples, so that text seldom has one by chance and the
  // bits of a thousand values stay near the processor; sixteen hashes share a list
  const shift = Math.clz32(patterns.length * stride) - 6;
  const seen = new Int32Array(2 ** (27 - shift));
  const lists = new Int32Array(seen.length * 2).fill(-1);
  const next = new Int32Array(patterns.length * widest);
  for (const [index, { bytes }] of patterns.entries()) {
    for (let ahead = 0; ahead < stride; ahead += 1) {
      const hash = hashOf(bytes.readInt32LE(ahead), shift);
      const place = index * widest + ahead;
      seen[hash >>> 5]! |= 1 << hash;
      next[place] = lists[hash >> 4]!;
      lists[hash >> 4] = place;
    }
  }
  // where in their order the patterns with this first byte begin
  const groups = new Int32Array(257);
  for (const { bytes } of patterns) groups[bytes[0]! + 1]! += 1;
  for (let byte = 0; byte < 256; byte += 1) groups[byte + 1]! += groups[byte]!;

  return {
    scan(data, from, budget, found) {
      const { length } = data;
      const view = new DataView(data.buffer, data.byteOffset, length);
      let held = length;
      budget.left -= length - from;
      const look = (at: number) => {
        let place = lists[hashOf(view.getInt32(at, true), shift) >> 4]!;
        for (; place >= 0 && budget.left >= 0; place = next[place]!) {
          budget.left -= 1;
          const index = Math.floor(place / widest);
          const start = at - (place % widest);
          if (start < from || view.getInt32(start, true) !== firsts[index]) continue;
          const whole = start + sizes[index]!;
          const end = Math.min(whole, length);
          const ahead = offsets[index]! - start;
          let same = start + fewest;
          while (same < end && data[same] === all[same + ahead]) same += 1;
          budget.left -= same - start;
          if (same < end) continue;
          if (whole > length) held = Math.min(held, start);
          else found(patterns[index]!, start);
        }
      };
      for (let at = from + stride - 1; ; at += 2 * stride) {
        at = nextSample(view, at, stride, seen, shift);
        if (at + fewest > length) break;
        look(at);
        if (at + stride + fewest <= length) look(at + stride);
        if (budget.left < 0) return undefined;
      }
      // ends that may be too short for a sample
      for (let start = Math.max(from, length - stride - fewest + 2); start < held; start += 1) {
        if (goesOn(data, start)) return start;
      }
      return held;
    },
  };

  /** Whether a pattern begins with what is left from here, which is shorter than any. */
  function goesOn(data: Buffer, start: number): boolean {
    let [low, high] = [groups[data[start]!]!, groups[data[start]! + 1]!];
    while (low < high) {
      const middle = (low + high) >> 1;
      const ahead = offsets[middle]! - start;
      let same = start + 1;
      while (same < data.length && data[same] === all[same + ahead]) same += 1;
      if (same === data.length) return true;
      if (data[same]! > all[same + ahead]!) low = middle + 1;
      else high = middle;
    }
    return false;
  }
}

/** Of four bytes as a number: the upper bits of a product (Knuth, 6.4). */
function hashOf(sample: number, shift: number): number {
  return Math.imul(sample, 0x9e3779b1) >>> shift;
}

/**
 * The first two samples of which one has a hash that was seen, or the last one, or a place behind all. Nearly all time is
 * spent here: two lookups a branch and no calls are twice as fast as the plain loop.
 */
function nextSample(view: DataView, from: number, distance: number, seen: Int32Array, by: number): number {
  // known to be whole numbers before the loop, not in each round of it
  const [stride, shift, last] = [distance | 0, by | 0, (view.byteLength - fewest - distance) | 0];
  let at = from | 0;
  for (; at <= last; at = (at + 2 * stride) | 0) {
    const one = hashOf(view.getInt32(at, true), shift);
    const other = hashOf(view.getInt32(at + stride, true), shift);
    if ((((seen[one >>> 5]! >>> one) | (seen[other >>> 5]! >>> other)) & 1) !== 0) break;
  }
  return at;
}
