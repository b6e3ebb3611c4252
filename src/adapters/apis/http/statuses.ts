import { type ErrorCode, FlowError } from '../../../foundation/errors.ts';
import { retryAfterOf } from '../../../foundation/http.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly hint: string;
}

const meanings: Readonly<Record<number, Meaning>> = {
  400: { code: 'invalid-value', hint: 'look at what the step sends' },
  401: { code: 'denied', hint: 'look at the credential: its audience, its scope, whether it was revoked' },
  403: { code: 'denied', hint: 'its credential may not do that: look at its scope and rights' },
  404: { code: 'not-found', hint: 'look at the values in the path' },
  409: { code: 'conflict', hint: 'it is there already, or was changed meanwhile' },
  410: { code: 'not-found', hint: 'it was there once' },
  412: { code: 'conflict', hint: 'it was changed meanwhile' },
  422: { code: 'invalid-value', hint: 'look at what the step sends' },
  429: { code: 'rate-limited', hint: 'it takes no more requests for a while' },
};

/** A failure by its status alone: what the answer says of it is seen by nobody. @param now epoch milliseconds */
export function refusalOf(response: Response, now: number): FlowError {
  const { status, headers } = response;
  const retryAfter = retryAfterOf(headers.get('retry-after'), now);
  const told = `answers ${status}`;
  if (status >= 300 && status < 400)
    return new FlowError('refused', told, {
      hint: 'redirects are not followed: write the address that it redirects to, if you trust it',
    });
  if (status >= 500) return new FlowError('unavailable', told, { hint: 'try again later', retryAfter });
  const { code, hint } = meanings[status] ?? { code: 'protocol', hint: 'write expect: in the step, if it is meant' };
  return new FlowError(code, told, { hint, ...(code === 'rate-limited' ? { retryAfter } : {}) });
}
