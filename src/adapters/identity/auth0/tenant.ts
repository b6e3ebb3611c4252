import { type AdminApi, createAdminApi, type LimitedApiOptions } from '../admin-api.ts';
import { inTrouble, type Meaning, type Meanings, usualMeanings } from '../refused-answer.ts';

/** A tenant's Management API, at `https://acme.eu.auth0.com`. Paths are below `/api/v2/`. */
export type Tenant = AdminApi;

const peer = 'an Auth0 tenant';

/** A limit of requests that ends within a minute is waited for. */
export function createTenant(options: LimitedApiOptions): Tenant {
  const { now, sleep } = options;
  const address = options.url.replace(/\/+$/, '');
  return createAdminApi({
    ...options,
    address,
    url: `${address}/api/v2/`,
    peer,
    limits: { now, sleep, resetHeader: 'x-ratelimit-reset' },
    meanings,
    otherwise,
    async failure(body) {
      const { detail } = (await import('./answers.ts')).parseFailure(body);
      return { said: detail, words: detail, subject: propertyIn(detail) };
    },
  });
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
