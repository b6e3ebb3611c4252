import { FlowError, type ErrorCode } from '../../foundation/errors.ts';
import { retryAfterOf } from '../../foundation/http.ts';

/** What a status says that is not among the 2xx; the rest is `protocol`. */
const codes: Readonly<Partial<Record<number, ErrorCode>>> = {
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  408: 'timeout',
  410: 'not-found',
  429: 'rate-limited',
};

/**
 * Whether a service took a notice. Nothing of its answer is repeated: it may hold what was sent.
 * @param peer for messages: `channel "ops"`
 * @throws FlowError
 */
export function requireTaken({ ok, status, headers }: Response, peer: string, now: () => number): void {
  if (ok) return;
  const code = codes[status] ?? (status >= 500 ? 'unavailable' : 'protocol');
  throw new FlowError(code, `${peer} answers ${status}`, {
    hint: 'flows check --online asks it without telling anybody anything',
    retryAfter: retryAfterOf(headers.get('retry-after'), now()),
  });
}
