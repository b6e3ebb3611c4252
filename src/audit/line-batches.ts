import type { Chain } from './hmac-chain.ts';
import { bodyOf, endLength, endOf } from './line-format.ts';
import { longestGroup } from './trail-tail.ts';

/** The last line of a trail. */
export interface Position {
  readonly seq: number;
  readonly mac: string;
}

/** What the next line says besides its event: the key's id after each opening, the MAC before at each file's start. */
export interface Announce {
  readonly key: boolean;
  readonly previous: boolean;
}

export interface Encoded {
  /** valid until the next call */
  readonly bytes: Uint8Array;
  /** of the last of these lines */
  readonly position: Position;
  /** index of the first event that is not among them: a write has its longest */
  readonly next: number;
}

/** Events as lines, numbered and chained, for one write: in a buffer that is kept from write to write. */
export function createGroups(chain: Chain) {
  let buffer = Buffer.alloc(64 * 1024);

  return function encode(middles: readonly string[], from: number, after: Position, announce: Announce): Encoded {
    let { seq, mac } = after;
    let length = 0;
    let next = from;
    for (; next < middles.length && length < longestGroup; next += 1) {
      const first = next === from;
      seq += 1;
      const key = first && announce.key ? chain.key : undefined;
      const body = bodyOf(seq, middles[next] ?? '', key, first && announce.previous ? mac : undefined);
      const room = length + body.length * 3 + endLength + 1;
      if (room > buffer.length) buffer = Buffer.concat([buffer.subarray(0, length)], room * 2);
      const end = length + buffer.write(body, length, 'utf8');
      mac = chain.mac(mac, buffer, length, end);
      length = end + buffer.write(`${endOf(mac)}\n`, end, 'latin1');
    }
    return { bytes: buffer.subarray(0, length), position: { seq, mac }, next };
  };
}
