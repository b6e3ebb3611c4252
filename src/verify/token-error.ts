/**
 * Why a request is not let in: RFC 6750, section 3.1, and three of ours.
 * @example
 * const ofTheRequest: ReadonlySet<TokenErrorCode> = new Set(['missing_token', 'invalid_request']);
 */
export type TokenErrorCode =
  /** no bearer token came with the request */
  | 'missing_token'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  /** the token does not say which agent acts, and the route wants that */
  | 'actor_required'
  /** the issuer's keys cannot be had: nothing is known about the token */
  | 'unavailable';

const statuses: Readonly<Record<TokenErrorCode, number>> = {
  missing_token: 401,
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  actor_required: 403,
  unavailable: 503,
};

export interface TokenErrorOptions {
  /** scopes that are required */
  readonly scopes?: readonly string[] | undefined;
  /** the claim that is not as required */
  readonly claim?: string | undefined;
  readonly cause?: unknown;
}

/**
 * A token that is not accepted. Message and fields hold nothing of the token but the name of a claim.
 * @example
 * try {
 *   await verifier.verify(token);
 * } catch (error) {
 *   if (!(error instanceof TokenError)) throw error;
 *   console.error(error.status, error.code, error.message); // 401 invalid_token the token has expired
 * }
 */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly code: TokenErrorCode;
  /** of an HTTP answer */
  readonly status: number;
  readonly scopes: readonly string[];
  readonly claim: string | undefined;

  constructor(code: TokenErrorCode, message: string, options: TokenErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = statuses[code];
    this.scopes = options.scopes ?? [];
    this.claim = options.claim;
  }
}
