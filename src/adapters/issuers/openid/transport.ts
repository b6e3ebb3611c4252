import { type Call, createHttp, type Fetch } from '../../../foundation/http.ts';
import { globalFetch } from '../../../foundation/proxy.ts';

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
  let skew: number | undefined;

  const note = async (url: string, init: RequestInit) => {
    const sentAt = now();
    const response = await send(url, init);
    noteClock(response.headers, sentAt);
    return response;
  };
  const noting: Fetch = Object.assign(note, { proxyOf: send.proxyOf });

  function noteClock(headers: Headers, sentAt: number): void {
    // an answer out of a cache carries an old date
    if (headers.has('age')) return;
    const date = Date.parse(headers.get('date') ?? '');
    if (!Number.isFinite(date)) return;
    // the header drops the fraction of its second: half of one is added back
    skew = Math.round(((sentAt + now()) / 2 - (date + 500)) / 1000) || 0;
  }

  return { call: createHttp({ peer: 'the issuer', development, deadline, fetch: noting }), clockSkew: () => skew };
}

/** The clock skew of a server that nothing else is asked of; undefined where it does not answer soon or tells no date. */
export async function clockSkewOf(url: string, options: Omit<TransportOptions, 'fetch'>): Promise<number | undefined> {
  const { call, clockSkew } = createTransport({ deadline: 2_000, ...options });
  await call(url, { method: 'HEAD' }).catch(() => undefined);
  return clockSkew();
}
