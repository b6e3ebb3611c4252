import { createHmac, randomBytes } from 'node:crypto';
import { patternsOf } from '../foundation/masking/patterns.ts';
import type { Secret } from '../foundation/secret.ts';

/** A form of a value, known by its hash alone. */
export interface Print {
  /** bytes */
  readonly length: number;
  /** of its last bytes: what is not this is looked at no further */
  readonly end: number;
  /** HMAC-SHA256 of all of it */
  readonly mac: string;
}

/** Where a print was found. */
export interface PrintMatch<T> {
  readonly of: T;
  /** bytes, the second exclusive */
  readonly from: number;
  readonly to: number;
}

/** Tells values by hashes, under a key that ends with the process. */
export interface ValuePrints {
  /** Of each of its forms, of which those of fewer than eight bytes would stand in any text. */
  of(value: Secret): readonly Print[];
  /**
   * Goes through the bytes once, however many are known. Where they are made to look like values over and over, the ends
   * of values are taken for values. @param known as {@link indexOf} has them
   */
  find<T>(bytes: Uint8Array, known: PrintIndex<T>): PrintMatch<T>[];
}

/** Prints by their ends, each with what it is of. */
export interface PrintIndex<T> {
  readonly byEnd: ReadonlyMap<number, readonly (readonly [Print, T])[]>;
  /** by the first half of an end: nearly every byte of a text is done with here */
  readonly halves: Uint8Array;
}

export function indexOf<T>(prints: Iterable<readonly [Print, T]>): PrintIndex<T> {
  const byEnd = Map.groupBy(prints, ([{ end }]) => end);
  const halves = new Uint8Array(65_536);
  for (const end of byEnd.keys()) halves[end >>> 16] = 1;
  return { byEnd, halves };
}

/** bytes of the end; the beginnings of tokens are all the same */
const width = 8;
/** hashes that one text may cost */
const mostHashes = 1_000;

export function createValuePrints(): ValuePrints {
  const key = randomBytes(32);
  const [forHigh, forLow] = [key.readUInt32LE(0) | 1, key.readUInt32LE(4) | 1];
  const macOf = (bytes: Uint8Array) => createHmac('sha256', key).update(bytes).digest('base64url');
  const hashOf = (high: number, low: number) => (Math.imul(high, forHigh) + Math.imul(low, forLow)) >>> 0;
  return {
    of: (value) =>
      patternsOf([{ name: '', value }], false)
        .all.filter(({ short }) => !short)
        .map(({ bytes }) => {
          const at = bytes.length - width;
          return {
            length: bytes.length,
            end: hashOf(bytes.readInt32BE(at), bytes.readInt32BE(at + 4)),
            mac: macOf(bytes),
          };
        }),
    find(bytes, { byEnd, halves }) {
      if (byEnd.size === 0) return [];
      let hashes = 0;
      const found = [];
      let [high, low] = [0, 0];
      for (let to = 1; to <= bytes.length; to += 1) {
        high = (high << 8) | (low >>> 24);
        low = (low << 8) | (bytes[to - 1] ?? 0);
        const end = hashOf(high, low);
        if (halves[end >>> 16] === 0) continue;
        for (const [{ length, mac }, of] of byEnd.get(end) ?? []) {
          const from = to - length;
          if (from < 0) continue;
          hashes += 1;
          if (hashes > mostHashes || macOf(bytes.subarray(from, to)) === mac) found.push({ of, from, to });
        }
      }
      return found;
    },
  };
}
