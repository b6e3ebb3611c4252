import { FlowError } from '../../../foundation/errors.ts';
import { retryAfterOf } from '../../../foundation/http.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { createManagementApi, type ManagementApiOptions, type Told } from '../management-api.ts';
import { ownWords } from '../own-words.ts';

export interface TenantOptions extends Omit<ManagementApiOptions, 'mediaType'> {
  /** its name in service.yaml, for messages */
  readonly name: string;
  /** epoch milliseconds, which X-RateLimit-Reset is compared with */
  readonly now: () => number;
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** A tenant's Management API. Paths are below `/api/v2/`. */
export interface Tenant {
  readonly name: string;
  /** `https://acme.eu.auth0.com` */
  readonly address: string;
  /**
   * A limit of requests that ends within a minute is waited for.
   * @param accepted the statuses that are no failure. @throws FlowError for the others
   */
  call(method: string, path: string, accepted: readonly number[], asked?: TenantRequest): Promise<Told>;
  /** An answer that is not what was asked for. */
  malformed(what: string): FlowError;
}

interface TenantRequest {
  readonly json?: unknown;
  readonly repeatable?: boolean;
  /** of the request, which no message may quote */
  readonly password?: Secret | undefined;
}

/**
 * Milliseconds, over all waits of one request: a free tenant allows two changes of a user's factors a minute, and tells
 * its end in whole seconds.
 */
const longestWait = 62_000;

export function createTenant({ name, now, sleep = wait, ...options }: TenantOptions): Tenant {
  const address = options.url.replace(/\/+$/, '');
  const send = createManagementApi({ ...options, url: `${address}/api/v2/` });
  return {
    name,
    address,
    async call(method, path, accepted, { json, repeatable, password } = {}) {
      const body = json === undefined ? undefined : JSON.stringify(json);
      const once = () => send(method, path, { body, ...(repeatable === undefined ? {} : { repeatable }) });
      const { parseFailure } = await import('./answers.ts');
      for (let waited = 0; ;) {
        const answer = await once();
        if (accepted.includes(answer.status)) return answer;
        // what was refused for its number was not carried out
        const pause = answer.status === 429 ? (resetOf(answer.headers, now()) ?? Infinity) * 1000 : Infinity;
        if (waited + pause > longestWait) throw failure(name, answer, parseFailure(answer.body), password, now());
        await sleep(pause);
        waited += pause;
      }
    },
    malformed: (what) =>
      new FlowError('protocol', `identity provider "${name}" answers with ${what}`, {
        hint: 'is the address that of an Auth0 tenant?',
      }),
  };
}

/** Seconds until requests are taken again, at least one: `X-RateLimit-Reset` is in whole epoch seconds. */
export function resetOf(headers: Headers, now: number): number | undefined {
  const reset = headers.get('x-ratelimit-reset') ?? '';
  if (!/^\d{1,12}$/.test(reset)) return retryAfterOf(headers.get('retry-after'), now);
  return Math.max(1, Math.ceil(Number(reset) - now / 1000));
}

type Said = ReturnType<typeof import('./answers.ts').parseFailure>;
type Kind = readonly [code: ConstructorParameters<typeof FlowError>[0], message: string, hint: string];

const rights = 'let its application have the scopes that infra/README.md lists for what this does';
/** The first that fits says what an answer means. */
const kinds: readonly (readonly [(status: number, detail: string) => boolean, Kind])[] = [
  [(status) => status === 401, ['denied', 'refuses the token', 'check its token, or the client of its token-flow']],
  [(status) => status === 403, ['denied', 'does not allow this', rights]],
  [(status) => status === 404, ['not-found', 'has no such thing', 'is the address that of an Auth0 tenant?']],
  [(status) => status === 409, ['conflict', 'says that it exists', 'use another name']],
  [(status) => status === 429, ['rate-limited', 'asks for fewer requests', 'try again later']],
  [
    (status, detail) => status === 400 && /^Password\w*Error/.test(detail),
    ['invalid-value', 'refuses the password', 'fit the password to the policy of the connection'],
  ],
  [
    (status, detail) => status === 400 && propertyIn(detail) !== undefined,
    ['invalid-value', 'refuses a value', 'fit it to what the connection takes'],
  ],
  [(status) => status >= 500, ['unavailable', 'is in trouble', 'try again later']],
];
const otherwise: Kind = ['protocol', 'refuses the request', 'compare it with what the tenant allows'];

function failure(name: string, answer: Told, { detail }: Said, password: Secret | undefined, now: number): FlowError {
  const [code, message, hint] = kinds.find(([fits]) => fits(answer.status, detail))?.[1] ?? otherwise;
  const words = ownWords(detail, answer.bearer, password);
  const about = words === undefined || words === '' ? '' : `: ${words}`;
  return new FlowError(code, `identity provider "${name}" ${message} (${answer.status}${about})`, {
    hint,
    retryAfter: resetOf(answer.headers, now),
    place: code === 'invalid-value' ? { subject: propertyIn(detail) ?? 'password' } : undefined,
  });
}

/** `Payload validation error: '…' on property email (…).` */
function propertyIn(detail: string): string | undefined {
  return /\bon property (?<property>\w+)/.exec(detail)?.groups?.['property'];
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
