import { createClockNote } from '../../foundation/clock-note.ts';
import { type Call, createHttp, type Fetch } from '../../foundation/http.ts';
import { globalFetch } from '../../foundation/proxy.ts';

export interface TransportOptions {
  /** allows plain http at a loopback address */
  readonly development: boolean;
  readonly fetch?: Fetch | undefined;
  /** milliseconds for each call, its body included; default 10,000 */
  readonly deadline?: number | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
}

export interface Transport {
  readonly call: Call;
  /** local clock minus the server's `Date`, whole seconds, from the last answer */
  readonly clockSkew: () => number | undefined;
}

/** HTTP to an issuer, whose clock is noted on the way. */
export function createTransport(options: TransportOptions): Transport {
  const { development, fetch: send = globalFetch, deadline, now } = options;
  const clock = createClockNote(send, now);
  return { call: createHttp({ peer: 'the issuer', development, deadline, fetch: clock.fetch }), clockSkew: clock.skew };
}
