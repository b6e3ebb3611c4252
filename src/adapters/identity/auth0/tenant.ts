import { type AdminApi, createAdminApi, type LimitedApiOptions } from '../admin-api.ts';
import type { Told } from '../management-api.ts';
import { type RequestLimits, secondsToReset } from '../request-limits.ts';
import { inTrouble, type Meaning, type Meanings, refusedAnswer, usualMeanings } from '../refused-answer.ts';

/** A tenant's Management API, at `https://acme.eu.auth0.com`. Paths are below `/api/v2/`. */
export type Tenant = AdminApi;

const peer = 'an Auth0 tenant';

/** A limit of requests that ends within a minute is waited for. */
export function createTenant(options: LimitedApiOptions): Tenant {
  const { name } = options;
  const limits = limitsOf(options);
  const address = options.url.replace(/\/+$/, '');
  return createAdminApi({
    ...options,
    address,
    url: `${address}/api/v2/`,
    peer,
    limits,
    async refused(answer: Told, password) {
      const { detail: said } = (await import('./answers.ts')).parseFailure(answer.body);
      const retryAfter = secondsToReset(answer.headers, limits);
      const subject = propertyIn(said);
      return refusedAnswer({ name, answer, said, meanings, otherwise, words: said, password, retryAfter, subject });
    },
  });
}

/** A tenant tells when a limit ends in a header of its own. */
export function limitsOf({ now, sleep }: Pick<LimitedApiOptions, 'now' | 'sleep'>): RequestLimits {
  return { now, sleep, resetHeader: 'x-ratelimit-reset' };
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
