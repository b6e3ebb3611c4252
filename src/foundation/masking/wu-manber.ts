// oxlint-disable typescript/no-non-null-assertion -- places of tables that are within them by how they were made
import type { Pattern } from './patterns.ts';

/** Finds patterns of at least {@link fewest} bytes by jumping over text that holds none. */
export interface WuManber {
  /**
   * Tells each pattern that stands whole in the data, by where it starts.
   * @param credit comparisons that it may make
   * @returns the comparisons that it made, or undefined where the credit did not do
   */
  scan(
    data: Buffer,
    from: number,
    credit: number,
    found: (pattern: Pattern, start: number) => void,
  ): number | undefined;
  /**
   * Where the longest end of the data begins that a pattern goes on from; the data's length where none does.
   * @param credit as for scan
   */
  heldFrom(data: Buffer, from: number, credit: number): number | undefined;
}

/** bytes of the shortest pattern that it takes */
export const fewest = 4;

/** patterns from which blocks of two bytes stand in any text */
const many = 128;

/**
 * Wu and Manber, "A fast algorithm for multi-pattern searching" (1994): of each window of as many bytes as the shortest
 * pattern has, the last block says how far the next pattern may be.
 * @param patterns in the order of their bytes
 */
export function createWuManber(patterns: readonly Pattern[]): WuManber {
  const sizes = Int32Array.from(patterns, ({ bytes }) => bytes.length);
  const all = Buffer.concat(patterns.map(({ bytes }) => bytes));
  const offsets = new Int32Array(patterns.length);
  for (let index = 1; index < patterns.length; index += 1) offsets[index] = offsets[index - 1]! + sizes[index - 1]!;
  const firsts = Int32Array.from(patterns, ({ bytes }) => bytes.readInt32LE());
  const window = sizes.reduce((least, size) => Math.min(least, size), 255);
  const longest = sizes.reduce((most, size) => Math.max(most, size), 0);

  const wide = patterns.length >= many;
  const block = wide ? 3 : 2;
  const blockAt = (data: Uint8Array, last: number) =>
    wide
      ? Math.imul(data[last - 2]! | (data[last - 1]! << 8) | (data[last]! << 16), 0x9e3779b1) >>> 15
      : data[last - 1]! | (data[last]! << 8);
  const shifts = new Uint8Array(1 << 17).fill(window - block + 1);
  const heads = new Int32Array(1 << 17).fill(-1);
  const next = new Int32Array(patterns.length);
  const begins = new Uint8Array(1 << 16);
  for (const [index, { bytes }] of patterns.entries()) {
    for (let last = block - 1; last < window; last += 1) {
      const slot = blockAt(bytes, last);
      shifts[slot] = Math.min(shifts[slot]!, window - 1 - last);
    }
    const slot = blockAt(bytes, window - 1);
    next[index] = heads[slot]!;
    heads[slot] = index;
    begins[beginAt(bytes, 0)] = 1;
  }

  return {
    scan(data, from, credit, found) {
      const { length } = data;
      let work = 0;
      for (let last = from + window - 1; last < length;) {
        const slot = blockAt(data, last);
        const shift = shifts[slot]!;
        if (shift > 0) {
          last += shift;
          continue;
        }
        const start = last - window + 1;
        const first = data[start]! | (data[start + 1]! << 8) | (data[start + 2]! << 16) | (data[start + 3]! << 24);
        for (let index = heads[slot]!; index >= 0; index = next[index]!) {
          work += 1;
          const end = start + sizes[index]!;
          if (firsts[index] !== first || end > length) continue;
          let at = start + fewest;
          const ahead = offsets[index]! - start;
          while (at < end && data[at] === all[at + ahead]) at += 1;
          work += at - start;
          if (at === end) found(patterns[index]!, start);
        }
        if (work > credit) return undefined;
        last += 1;
      }
      return work;
    },

    heldFrom(data, from, credit) {
      const { length } = data;
      let work = 0;
      for (let start = Math.max(from, length - longest); start < length; start += 1) {
        if (start + fewest <= length && begins[beginAt(data, start)] === 0) continue;
        if (goesOn(data, start)) return start;
        // compared in blocks, some ten times
        work += 16 + ((length - start) >> 6);
        if (work > credit) return undefined;
      }
      return length;
    },
  };

  /** Whether what is left from here is the beginning of a longer pattern, or a short one whose border is not seen yet. */
  function goesOn(data: Buffer, start: number): boolean {
    let [low, high] = [0, patterns.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data.compare(patterns[middle]!.bytes, undefined, undefined, start) > 0) low = middle + 1;
      else high = middle;
    }
    // the first that is not before it: itself, or one that it begins, or another
    for (const pattern of patterns.slice(low, low + 2)) {
      const { bytes, short } = pattern;
      const size = data.length - start;
      if (bytes.length < size || bytes.compare(data, start, undefined, 0, size) !== 0) return false;
      if (bytes.length > size || short) return true;
    }
    return false;
  }
}

/** A number made of the four bytes here. */
function beginAt(data: Uint8Array, at: number): number {
  const first = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
  return Math.imul(first, 0x9e3779b1) >>> 16;
}
