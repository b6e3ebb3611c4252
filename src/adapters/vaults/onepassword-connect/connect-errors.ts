import { type ErrorCode, FlowError } from '../../../foundation/errors.ts';
import { retryAfterOf } from '../../../foundation/http.ts';

/** What a status of Connect means. */
interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** as {@link FlowError.about} */
  readonly about?: 'subject';
}

const meanings: Readonly<Record<number, Meaning>> = {
  400: {
    code: 'refused',
    message: 'Connect does not take this request',
    hint: 'run with --debug for its words',
    about: 'subject',
  },
  401: {
    code: 'denied',
    message: 'Connect refused its token',
    hint: 'it is revoked, expired or of another server: make a new one and put it where token: says',
  },
  403: {
    code: 'denied',
    message: 'the token of Connect may not do that in this vault',
    hint: 'make a token with this vault, for reading or for writing too; access is fixed when one is made',
    about: 'subject',
  },
  404: {
    code: 'not-found',
    message: 'there is no such vault, item or file, or Connect has not got it',
    hint: 'compare the names in 1Password, and which vaults the server and the token have',
    about: 'subject',
  },
  409: {
    code: 'conflict',
    message: 'the item or its vault has changed in between',
    hint: 'someone else is at work on it, or Connect is behind its sync; run again',
    about: 'subject',
  },
  413: {
    code: 'invalid-value',
    message: 'it is too large for Connect',
    hint: 'keep large files elsewhere',
    about: 'subject',
  },
  429: {
    code: 'rate-limited',
    message: 'Connect, or what stands before it, takes no more requests for now',
    hint: 'wait; 1Password itself counts none that Connect answers',
  },
};

const fault: Meaning = {
  code: 'unavailable',
  message: 'Connect has a fault of its own, or is starting',
  hint: 'try again in a while; see its log, and /health below its address',
};

/** a vault that another writer was faster in, which Connect tells of a deletion by a fault alone */
const deletionFault: Meaning = {
  code: 'conflict',
  message: 'Connect failed to delete the item: another change of its vault may have come first',
  hint: 'run again; where it stays, see the log of Connect',
  about: 'subject',
};

const unknown: Meaning = {
  code: 'protocol',
  message: 'what answers is not 1Password Connect',
  hint: 'is url: the address of Connect, without /v1?',
};

/** An answer that is no success, as our error. What it says may repeat what was sent, so only a read's is kept. */
export async function connectFailure(
  { method = 'GET', path }: { readonly method?: string; readonly path: string },
  response: Response,
  now: number,
): Promise<FlowError> {
  const { status, headers } = response;
  const { code, message, hint, about } = meaningOf(method, path, status);
  const words = method === 'GET' ? (await response.text()).slice(0, 300) : '';
  return new FlowError(code, message, {
    hint,
    about,
    cause: new Error(`status ${status} ${words}`.trim()),
    retryAfter: retryAfterOf(headers.get('retry-after'), now),
  });
}

function meaningOf(method: string, path: string, status: number): Meaning {
  if (status === 500 && method === 'DELETE') return deletionFault;
  if (status >= 500) return fault;
  const meaning = meanings[status] ?? unknown;
  // about no vault: whatever answers so does not know Connect's own paths
  return meaning.about === 'subject' && !path.startsWith('v1/vaults/') ? unknown : meaning;
}
