import { retryAfterOf } from '../../foundation/http.ts';
import { type ErrorCode, FlowError } from '../../foundation/errors.ts';
import { quotasOf } from './quota-headers.ts';
import { scrub } from '../../foundation/scrub.ts';

/** What a token endpoint said when it did not give a token. */
export interface Refusal {
  readonly status: number;
  /** `error` of RFC 6749, section 5.2, or of what providers add; '' where the body held none */
  readonly error: string;
  /** `error_description`; not to be trusted */
  readonly description: string;
  /** seconds, from `Retry-After` or a quota header */
  readonly retryAfter: number | undefined;
  /** tokens that the body holds all the same */
  readonly tokens?: readonly string[];
}

interface Row {
  readonly when: (refusal: Refusal) => boolean;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** another live client secret may be accepted */
  readonly credential?: boolean;
}

const is =
  (...errors: readonly string[]) =>
  ({ error }: Refusal) =>
    errors.includes(error);

/** The first row that fits. Where providers differ, the row names them. */
const rows: readonly Row[] = [
  {
    when: ({ status, error }) => status === 429 || error === 'too_many_requests' || error === 'slow_down',
    code: 'rate-limited',
    message: "the issuer's quota of token requests is used up",
    hint: 'wait until it resets, or ask the issuer for more',
  },
  {
    when: ({ status, error }) => status >= 500 || error === 'temporarily_unavailable' || error === 'server_error',
    code: 'unavailable',
    message: 'the issuer cannot give tokens at the moment',
    hint: 'try again; if it stays, look at the issuer',
  },
  {
    // Keycloak: a disabled service account
    when: ({ error, description }) => error === 'invalid_request' && /\bdisabled\b/i.test(description),
    code: 'denied',
    message: 'the client is disabled at the issuer',
    hint: 'enable the client, or its service account',
  },
  {
    // Keycloak, at a token exchange: an audience that is no client's id
    when: ({ error, description }) => error === 'invalid_client' && /\baudience\b/i.test(description),
    code: 'denied',
    message: 'the issuer does not know the audience',
    hint: 'check `audience`; Keycloak wants the id of a client there',
  },
  {
    // RFC 6749; Keycloak: unauthorized_client for a wrong secret; Auth0: 401 access_denied
    when: ({ status, error }) =>
      error === 'invalid_client' ||
      error === 'unauthorized_client' ||
      (status === 401 && !is('invalid_target', 'invalid_scope')({ status, error, description: '', retryAfter: 0 })),
    code: 'denied',
    message: "the issuer refused the client's credentials",
    hint: 'check the client id, its secret or key, its authentication method, and that it may use this grant',
    credential: true,
  },
  {
    when: is('invalid_target'),
    code: 'denied',
    message: 'the issuer does not know the audience or resource',
    hint: 'check `audience` and `resource`, and that the client may ask for them',
  },
  {
    // Auth0: an unknown API, or a client without a grant for it
    when: is('access_denied'),
    code: 'denied',
    message: 'the issuer does not give this client a token for the audience',
    hint: 'check `audience`, and that the client is authorised for it',
  },
  {
    when: is('invalid_scope', 'insufficient_scope'),
    code: 'denied',
    message: 'the issuer refused the scope',
    hint: 'check `scope`, and that it is assigned to the client',
  },
  {
    when: is('unsupported_grant_type'),
    code: 'denied',
    message: 'the issuer does not offer this grant to this client',
    hint: 'enable the grant, client credentials or token exchange, at the issuer',
  },
  {
    when: is('unsupported_token_type'),
    code: 'denied',
    message: 'the issuer does not revoke tokens of this type',
    hint: 'such a token ends by its expiry alone',
  },
  {
    when: is('use_dpop_nonce', 'invalid_dpop_proof'),
    code: 'denied',
    message: 'the issuer requires DPoP of this client',
    hint: 'turn the requirement off for this client',
  },
  {
    when: is('invalid_request', 'invalid_grant'),
    code: 'denied',
    message: 'the issuer refused the token request',
    hint: "check `parameters`, `audience` and `resource` against the issuer's documentation",
  },
  {
    when: ({ status }) => status === 403,
    code: 'denied',
    message: 'the issuer refused the token request',
    hint: 'check that the client may ask for this token',
  },
  {
    when: ({ status, error }) => status === 404 && error === '',
    code: 'protocol',
    message: "the issuer's token endpoint does not exist",
    hint: "check the issuer's address and its discovery document",
  },
  {
    when: ({ error }) => error !== '',
    code: 'denied',
    message: 'the issuer refused the token request',
    hint: "see the issuer's documentation for this error",
  },
  {
    when: () => true,
    code: 'protocol',
    message: "the issuer's answer is neither a token nor an OAuth error",
    hint: "check the issuer's address and its discovery document",
  },
];

export interface Classified {
  readonly error: FlowError;
  readonly credential: boolean;
}

/** What a token endpoint's answer refuses; undefined where it is (or should be) a token. */
export async function refusalOf(response: Response, now: number): Promise<Refusal | undefined> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  const fields: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  // some servers say 200 to an error, others 201 to a token
  if (response.ok && (typeof fields['error'] !== 'string' || 'access_token' in fields)) return undefined;
  const used = quotasOf(response.headers).filter(({ remaining }) => remaining === 0);
  return {
    status: response.status,
    error: typeof fields['error'] === 'string' ? fields['error'] : '',
    description: typeof fields['error_description'] === 'string' ? fields['error_description'] : '',
    tokens: ['access_token', 'refresh_token', 'id_token'].flatMap((name) => {
      const token = fields[name];
      return typeof token === 'string' ? [token.slice(0, 4096)] : [];
    }),
    retryAfter:
      retryAfterOf(response.headers.get('retry-after'), now) ??
      (used.length === 0 ? undefined : Math.max(...used.map(({ resetsIn }) => resetsIn))),
  };
}

/** A refusal as our error, and whether another live client secret is worth a try. */
export function classify(
  refusal: Refusal,
  sensitive: { readonly secrets: readonly string[]; readonly clientId: string },
): Classified {
  const row = rows.find((each) => each.when(refusal)) ?? rows[rows.length - 1];
  if (row === undefined) throw new TypeError('the table of refusals is empty');
  const secrets = [...sensitive.secrets, ...(refusal.tokens ?? [])];
  const said = scrub(refusal.description, secrets, [sensitive.clientId]);
  const error = /^[\w.:-]{1,64}$/.test(refusal.error) ? scrub(refusal.error, secrets, [sensitive.clientId]) : undefined;
  const detail = [
    `${refusal.status}${error === undefined ? '' : ` ${error}`}`,
    said === undefined
      ? refusal.description === ''
        ? undefined
        : 'its explanation is withheld, it repeats a secret'
      : bounded(said),
  ].filter((part) => part !== undefined);
  return {
    credential: row.credential === true,
    error: new FlowError(row.code, `${row.message}: ${detail.join(', ')}`, {
      hint: row.hint,
      retryAfter: refusal.retryAfter,
    }),
  };
}

function bounded(text: string): string {
  return `"${text.length > 200 ? `${text.slice(0, 199)}…` : text}"`;
}
