import { setTimeout as timer } from 'node:timers/promises';
import { retryAfterOf } from '../../../foundation/http.ts';
import { type AdminApi, type AdminApiOptions, createAdminApi } from '../admin-api.ts';
import type { Told } from '../management-api.ts';
import { inTrouble, type Meaning, type Meanings, refusedAnswer, usualMeanings } from '../refused-answer.ts';

export interface TenantOptions extends Pick<
  AdminApiOptions,
  'name' | 'url' | 'token' | 'development' | 'fetch' | 'deadline'
> {
  /** epoch milliseconds, which X-RateLimit-Reset is compared with */
  readonly now: () => number;
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** A tenant's Management API, at `https://acme.eu.auth0.com`. Paths are below `/api/v2/`. */
export type Tenant = AdminApi;

/**
 * Milliseconds, over all waits of one request: a free tenant allows two changes of a user's factors a minute, and tells
 * its end in whole seconds.
 */
const longestWait = 62_000;
const peer = 'an Auth0 tenant';

/** A limit of requests that ends within a minute is waited for. */
export function createTenant({ now, sleep = timer, ...options }: TenantOptions): Tenant {
  const { name } = options;
  const address = options.url.replace(/\/+$/, '');
  return createAdminApi({
    ...options,
    address,
    url: `${address}/api/v2/`,
    peer,
    async patiently(send) {
      for (let waited = 0; ;) {
        const answer = await send();
        // what was refused for its number was not carried out
        const pause = answer.status === 429 ? (resetOf(answer.headers, now()) ?? Infinity) * 1000 : Infinity;
        if (waited + pause > longestWait) return answer;
        await sleep(pause);
        waited += pause;
      }
    },
    async refused(answer: Told, password) {
      const { detail: said } = (await import('./answers.ts')).parseFailure(answer.body);
      const retryAfter = resetOf(answer.headers, now());
      const subject = propertyIn(said);
      return refusedAnswer({ name, answer, said, meanings, otherwise, words: said, password, retryAfter, subject });
    },
  });
}

/** Seconds until requests are taken again, at least one: `X-RateLimit-Reset` is in whole epoch seconds. */
export function resetOf(headers: Headers, now: number): number | undefined {
  const reset = headers.get('x-ratelimit-reset') ?? '';
  if (!/^\d{1,12}$/.test(reset)) return retryAfterOf(headers.get('retry-after'), now);
  return Math.max(1, Math.ceil(Number(reset) - now / 1000));
}

const meanings: Meanings<string> = [
  ...usualMeanings('let its application have the scopes that infra/README.md lists for what this does', peer),
  [
    (status, detail) => status === 400 && /^Password\w*Error/.test(detail),
    ['invalid-value', 'refuses the password', 'fit the password to the policy of the connection'],
  ],
  [
    (status, detail) => status === 400 && propertyIn(detail) !== undefined,
    ['invalid-value', 'refuses a value', 'fit it to what the connection takes'],
  ],
  [(status) => status >= 500, inTrouble],
];
const otherwise: Meaning = ['protocol', 'refuses the request', 'compare it with what the tenant allows'];

/** `Payload validation error: '…' on property email (…).` */
function propertyIn(detail: string): string | undefined {
  return /\bon property (?<property>\w+)/.exec(detail)?.groups?.['property'];
}
