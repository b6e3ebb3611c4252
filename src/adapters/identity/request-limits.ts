import { setTimeout as timer } from 'node:timers/promises';
import { retryAfterOf } from '../../foundation/http.ts';
import type { Told } from './management-api.ts';

/** How an API says when it takes requests again. */
export interface RequestLimits {
  /** epoch milliseconds */
  readonly now: () => number;
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
  /** the header that has it in whole epoch seconds; where it is absent, Retry-After counts */
  readonly resetHeader?: string | undefined;
}

/** Milliseconds, over all waits of one request: limits of a minute are usual, and their end is told in whole seconds. */
const longestWait = 62_000;

/** Seconds until requests are taken again; undefined where the answer does not say. */
export function secondsToReset(headers: Headers, { now, resetHeader }: RequestLimits): number | undefined {
  const reset = (resetHeader === undefined ? null : headers.get(resetHeader)) ?? '';
  if (!/^\d{1,12}$/.test(reset)) return retryAfterOf(headers.get('retry-after'), now());
  return Math.max(1, Math.ceil(Number(reset) - now() / 1000));
}

/** Sends again what was refused for its number, and so was not carried out, where the limit ends within a minute. */
export function waitingForReset(limits: RequestLimits): (send: () => Promise<Told>) => Promise<Told> {
  const { sleep = timer } = limits;
  return async (send) => {
    for (let waited = 0; ;) {
      const answer = await send();
      const seconds = answer.status === 429 ? secondsToReset(answer.headers, limits) : undefined;
      const pause = seconds === undefined ? Infinity : Math.max(1, seconds) * 1000;
      if (waited + pause > longestWait) return answer;
      await sleep(pause);
      waited += pause;
    }
  };
}
