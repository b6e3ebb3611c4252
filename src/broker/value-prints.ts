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
  /** Goes through the bytes once, however many are known. @param known as {@link indexOf} has them */
  find<T>(bytes: Uint8Array, known: PrintIndex<T>): PrintMatch<T>[];
}

/** Prints by their ends, each with what it is of. */
export type PrintIndex<T> = ReadonlyMap<number, readonly (readonly [Print, T])[]>;

export function indexOf<T>(prints: Iterable<readonly [Print, T]>): PrintIndex<T> {
  return Map.groupBy(prints, ([{ end }]) => end);
}

/** bytes of the end; the beginnings of tokens are all the same */
const width = 8;

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
    find(bytes, known) {
      if (known.size === 0) return [];
      const found = [];
      let [high, low] = [0, 0];
      for (let to = 1; to <= bytes.length; to += 1) {
        high = (high << 8) | (low >>> 24);
        low = (low << 8) | (bytes[to - 1] ?? 0);
        for (const [{ length, mac }, of] of known.get(hashOf(high, low)) ?? []) {
          const from = to - length;
          if (from >= 0 && macOf(bytes.subarray(from, to)) === mac) found.push({ of, from, to });
        }
      }
      return found;
    },
  };
}
