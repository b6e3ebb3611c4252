import type { Fetch } from './proxy.ts';

/** How far the local clock is from a server's, noted by the way. */
export interface ClockNote {
  /** the same fetch, whose answers are looked at */
  readonly fetch: Fetch;
  /** local clock minus the server's `Date`, whole seconds, from the last answer; undefined: it told no date yet */
  readonly skew: () => number | undefined;
}

/** @param now epoch milliseconds */
export function createClockNote(send: Fetch, now: () => number): ClockNote {
  let skew: number | undefined;

  const note = async (url: string, init: RequestInit) => {
    const sentAt = now();
    const response = await send(url, init);
    noteClock(response.headers, sentAt);
    return response;
  };

  function noteClock(headers: Headers, sentAt: number): void {
    // an answer out of a cache carries an old date
    if (headers.has('age')) return;
    const date = Date.parse(headers.get('date') ?? '');
    if (!Number.isFinite(date)) return;
    // the header drops the fraction of its second: half of one is added back
    skew = Math.round(((sentAt + now()) / 2 - (date + 500)) / 1000) || 0;
  }

  return { fetch: Object.assign(note, { proxyOf: send.proxyOf }), skew: () => skew };
}
