import { codeOf, type ErrorCode, FlowError, framesOf } from '../../foundation/errors.ts';

const discoveryHint = "check the issuer's url and its discovery document";

/** openid-client's codes, and jose's for keys. Refusals by the token endpoint are in refusals.ts. */
const table: Readonly<Record<string, readonly [code: ErrorCode, message: string, hint?: string]>> = {
  OAUTH_TIMEOUT: ['timeout', 'the issuer did not answer in time', 'try again; if it stays, look at the issuer'],
  OAUTH_ABORT: ['aborted', 'stopped before the issuer answered'],
  OAUTH_HTTP_REQUEST_FORBIDDEN: ['refused', 'an address of the issuer is plain http', 'use https'],
  OAUTH_REQUEST_PROTOCOL_FORBIDDEN: ['refused', 'an address of the issuer is not https', 'use https'],
  OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED: [
    'protocol',
    "the issuer's discovery document is for another issuer",
    "write the issuer's url exactly as its discovery document has it, a last slash included",
  ],
  OAUTH_RESPONSE_IS_NOT_CONFORM: ['protocol', "the issuer's answer has an unexpected status", discoveryHint],
  OAUTH_RESPONSE_IS_NOT_JSON: ['protocol', "the issuer's answer is not JSON", discoveryHint],
  OAUTH_PARSE_ERROR: ['protocol', "the issuer's answer cannot be read as JSON", discoveryHint],
  OAUTH_INVALID_RESPONSE: ['protocol', "the issuer's answer is not valid", discoveryHint],
  OAUTH_INVALID_SERVER_METADATA: ['protocol', "the issuer's discovery document is not valid", discoveryHint],
  OAUTH_MISSING_SERVER_METADATA: ['protocol', "the issuer's discovery document lacks an endpoint", discoveryHint],
  OAUTH_UNSUPPORTED_OPERATION: ['protocol', "the issuer's answer asks for what is not supported", discoveryHint],
  ERR_INVALID_URL: ['protocol', "the issuer's discovery document names an address that is not a URL", discoveryHint],
  ERR_JWKS_INVALID: ['protocol', "the issuer's key set is not valid", discoveryHint],
  ERR_JOSE_GENERIC: ['protocol', "the issuer's key set cannot be read", discoveryHint],
};

/**
 * What went wrong at the adapter's edge, as our error. The cause keeps class, code and stack only: what a library hangs
 * on its errors (bodies, claims) may hold a token or a secret.
 */
export function translate(error: unknown): FlowError {
  let at: unknown = error;
  for (let depth = 0; at instanceof Error && depth < 6; at = at.cause, depth += 1)
    if (at instanceof FlowError) return at;
  const code = codeOf(error) ?? '';
  const row = table[code];
  if (row === undefined)
    return new FlowError('internal', 'an unexpected fault while asking the issuer', { cause: bare(error) });
  const [ours, message, hint] = row;
  return new FlowError(ours, message, { hint, cause: bare(error) });
}

function bare(error: unknown): Error {
  const copy = new Error(codeOf(error));
  if (!(error instanceof Error)) return copy;
  copy.name = error.constructor.name;
  copy.stack = [`${copy.name}: ${copy.message}`, ...framesOf(error)].join('\n');
  return copy;
}
