import { createHmac, createSecretKey, randomBytes } from 'node:crypto';

/** A text that is told by its hash alone. */
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

/** Prints by their ends, each with what it is of. */
export interface PrintIndex<T> {
  add(prints: readonly Print[], of: T): void;
  remove(prints: readonly Print[]): void;
  /** Goes through the bytes once, however many are known. */
  find(bytes: Uint8Array): PrintMatch<T>[];
}

/** Tells texts by hashes, under a key that ends with the process: what is kept of them can be told, and not read. */
export interface ValuePrints {
  /** HMAC-SHA256 of a text. */
  mac(text: string): string;
  /** Of each of these: those of fewer than eight bytes would stand in any text, and have none. */
  of(texts: Iterable<Uint8Array>): readonly Print[];
  /**
   * @param mostHashes that one text may cost: where it is made to look like values over and over, the ends of values are
   * taken for values
   */
  index<T>(mostHashes: number): PrintIndex<T>;
}

/** bytes of the end; the beginnings of tokens are all the same */
const width = 8;

/**
 * @example
 * const prints = createValuePrints();
 * const index = prints.index<string>(1_000);
 * index.add(prints.of([Buffer.from('hunter2-hunter2')]), 'db.password');
 * index.find(Buffer.from('curl -u me:hunter2-hunter2')); // [{ of: 'db.password', from: 11, to: 26 }]
 */
export function createValuePrints(): ValuePrints {
  const bytes = randomBytes(32);
  const [forHigh, forLow] = [bytes.readUInt32LE(0) | 1, bytes.readUInt32LE(4) | 1];
  // made a key once: from bytes, each hash would make it anew, and take five times as long
  const key = createSecretKey(bytes);
  const macOf = (data: Uint8Array | string) => createHmac('sha256', key).update(data).digest('base64url');
  const hashOf = (high: number, low: number) => (Math.imul(high, forHigh) + Math.imul(low, forLow)) >>> 0;

  function printsOf(texts: Iterable<Uint8Array>): readonly Print[] {
    return Array.from(texts).flatMap((text) => {
      if (text.length < width) return [];
      const last = Buffer.from(text.buffer, text.byteOffset + text.length - width, width);
      return [{ length: text.length, end: hashOf(last.readInt32BE(0), last.readInt32BE(4)), mac: macOf(text) }];
    });
  }

  function index<T>(mostHashes: number): PrintIndex<T> {
    const byEnd = new Map<number, Map<Print, T>>();
    /** by the first half of an end: nearly every byte of a text is done with here */
    const halves = new Uint8Array(65_536);
    return {
      add(prints, of) {
        for (const print of prints) {
          const same = byEnd.get(print.end);
          if (same === undefined) byEnd.set(print.end, new Map([[print, of]]));
          else same.set(print, of);
          halves[print.end >>> 16] = 1;
        }
      },
      remove(prints) {
        for (const print of prints) {
          const same = byEnd.get(print.end);
          same?.delete(print);
          if (same?.size === 0) byEnd.delete(print.end);
        }
      },
      find(bytes) {
        if (byEnd.size === 0) return [];
        let hashes = 0;
        const found: PrintMatch<T>[] = [];
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

  return { mac: macOf, of: printsOf, index };
}
