import { type ErrorCode, FlowError } from '../../foundation/errors.ts';
import { retryAfterOf } from '../../foundation/http.ts';
import { wordsOf } from './vault-answers.ts';

/** What a failure of Vault or OpenBao means. */
interface Row {
  readonly status: number | ((status: number) => boolean);
  /** narrows by its words, which are matched and never shown */
  readonly saying?: RegExp;
  readonly login?: true;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** an unknown or expired token; one whose policies say no has another text */
const tokenRefused = /^permission denied$|\* (?:invalid|bad) token\b|missing client token/;

/** The first that fits. */
const rows: readonly Row[] = [
  {
    status: (status) => status >= 300 && status < 400,
    code: 'refused',
    message: 'the Vault server leads to another address, as a standby does to its active node',
    hint: 'write url: as the address of the active node, or of what stands before all nodes; a path has no // and no /../ in it',
  },
  {
    status: (status) => status === 400 || status === 403,
    login: true,
    code: 'denied',
    message: 'the Vault server refused the login by JWT',
    hint: "check jwt-role and jwt-mount, the role's bound claims, and the audience and expiry of the JWT",
  },
  {
    status: 400,
    saying: /check-and-set/,
    code: 'conflict',
    message: 'someone else has written it in between',
    hint: 'look at it, and run again',
  },
  {
    status: 400,
    saying: /missing client token/,
    code: 'denied',
    message: 'the Vault server was given no token',
    hint: 'see token: in service.yaml',
  },
  {
    status: 400,
    code: 'refused',
    message: 'the Vault server does not take this request',
    hint: "see its log, and the engine's limits for names, values and metadata",
  },
  {
    status: 403,
    saying: /preflight capability check/,
    code: 'denied',
    message: 'there is no such mount, or the token may do nothing in it',
    hint: 'compare mount: and namespace: with vault secrets list; flows check --setup prints the policy that a push needs',
  },
  {
    status: (status) => status === 401 || status === 403,
    saying: tokenRefused,
    code: 'denied',
    message: 'the Vault server does not know the token',
    hint: 'it has expired, is revoked, or is of another server or namespace: put a new one where token: says',
  },
  {
    status: (status) => status === 401 || status === 403,
    code: 'denied',
    message: "the token's policies do not allow this",
    hint: 'flows check --setup prints the policy that a push needs',
  },
  {
    status: 404,
    saying: /namespace not found/,
    code: 'not-found',
    message: 'the Vault server has no such namespace',
    hint: 'compare namespace: with vault namespace list',
  },
  {
    status: 404,
    saying: /no handler for route/,
    code: 'not-found',
    message: 'the Vault server has nothing mounted there',
    hint: 'compare mount: and namespace: with vault secrets list',
  },
  {
    status: 404,
    code: 'not-found',
    message: 'the Vault server does not have what was asked for',
    hint: 'see its version, and compare mount: and namespace: with vault secrets list',
  },
  {
    status: 405,
    code: 'protocol',
    message: 'what is mounted there cannot do this, as KV of version 2 can',
    hint: 'compare mount: with vault secrets list -detailed',
  },
  {
    status: 412,
    code: 'unavailable',
    message: 'this node of the Vault server has not caught up with what was just written',
    hint: 'run again in a moment; where it stays, look at its replication',
  },
  {
    status: 413,
    code: 'invalid-value',
    message: 'it is too large for the Vault server',
    hint: 'split it; see max_request_size and max_entry_size in its configuration',
  },
  {
    status: 429,
    code: 'rate-limited',
    message: 'the Vault server takes no more requests for now',
    hint: 'run again later; see its rate limit quotas (sys/quotas/rate-limit)',
  },
  {
    status: 500,
    saying: /too large/,
    code: 'invalid-value',
    message: "it is too large for the Vault server's storage",
    hint: 'split it; see max_entry_size in its configuration',
  },
  {
    status: 501,
    code: 'unavailable',
    message: 'the Vault server is not initialized',
    hint: 'see vault operator init, or check url:',
  },
  {
    status: 503,
    saying: /sealed/i,
    code: 'unavailable',
    message: 'the Vault server is sealed',
    hint: 'its operators must unseal it: vault status, vault operator unseal',
  },
  {
    status: 503,
    code: 'unavailable',
    message: 'the Vault server is not in service: no active node, or maintenance',
    hint: 'see vault status, and try again in a while',
  },
  {
    status: (status) => status >= 500,
    code: 'unavailable',
    message: 'the Vault server has a fault of its own',
    hint: 'try again in a while; see its log',
  },
];

const unknown: Omit<Row, 'status'> = {
  code: 'protocol',
  message: 'what answers is not the Vault server',
  hint: 'is url: its address, without /v1?',
};

/** An answer that is no success, as our error. What it says of a write may repeat what was sent, so only a read's is kept. */
export async function vaultFailure(
  { method = 'GET', login = false }: { readonly method?: string; readonly login?: boolean },
  response: Response,
  now: number,
): Promise<FlowError> {
  const { status, headers } = response;
  const text = await response.text();
  const words = wordsOf(text) ?? [];
  const row = rows.find(
    (each) =>
      (typeof each.status === 'number' ? each.status === status : each.status(status)) &&
      (each.login !== true || login) &&
      (each.saying === undefined || words.some((word) => each.saying?.test(word.trim()) === true)),
  );
  // whatever stands in its place has no words of Vault, and what stands before it may have a fault of its own too
  const isOurs = status < 400 || status >= 500 || status === 429 || wordsOf(text) !== undefined;
  const { code, message, hint } = (isOurs ? row : undefined) ?? unknown;
  const told = method === 'GET' ? words.join('; ').slice(0, 300) : '';
  return new FlowError(code, message, {
    hint,
    cause: new Error(`status ${status} ${told}`.trim()),
    retryAfter: retryAfterOf(headers.get('retry-after'), now),
  });
}

/** Whether an answer 403 is about the token itself, and not about what it may do. */
export function isTokenRefused(text: string): boolean {
  return (wordsOf(text) ?? []).some((word) => tokenRefused.test(word.trim()));
}
