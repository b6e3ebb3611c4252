import { checkRequirements } from './check-options.ts';
import type { VerifiedJwt } from './jwt.ts';
import { TokenError, type TokenErrorCode } from './token-error.ts';
import { createVerifier, type TokenRequirements, type Verifier, type VerifierOptions } from './verifier.ts';

/**
 * What the middleware leaves on a request that it lets through.
 * @example
 * const subjectOf = (request: WithAuth): unknown => request.auth?.claims['sub'];
 */
export interface WithAuth {
  auth?: VerifiedJwt;
}

/**
 * What of a request is looked at; those of `node:http`, `node:http2` and adapters to them have it.
 * @example
 * const request: TokenRequest = { headers: { authorization: 'Bearer eyJhbGciOi…' } };
 */
export interface TokenRequest extends WithAuth {
  /** as the middleware before left them: what it set or took away counts */
  readonly headers: { readonly authorization?: string | string[] | undefined };
  /** names and values in turn, as they came: more than one `Authorization` is refused */
  readonly rawHeaders?: readonly string[] | undefined;
  /** a token in its query beside the one in the header is refused */
  readonly url?: string | undefined;
}

/**
 * What of a response is used.
 * @example
 * const end = (response: TokenResponse): unknown => response.end('orders');
 */
export interface TokenResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
  destroy?(): unknown;
}

/**
 * Fits Express, Connect, `node:http`, `node:http2` and adapters to them.
 * @example
 * const protect: TokenMiddleware = requireToken({ issuer: 'https://login.example.com', audience: 'https://orders.example' });
 * createServer((request, response) => protect(request, response, () => response.end('orders'))).listen(8080);
 */
export type TokenMiddleware = (request: TokenRequest, response: TokenResponse, next: (error?: unknown) => void) => void;

/**
 * What a route wants of a token, beyond what its verifier does.
 * @example
 * const options: RequireTokenOptions = { realm: 'orders', scopes: ['orders:write'] };
 */
export interface RequireTokenOptions extends TokenRequirements {
  /** of `WWW-Authenticate`; default `api` */
  readonly realm?: string | undefined;
}

const titles: Readonly<Record<TokenErrorCode, string>> = {
  missing_token: 'a bearer token is required',
  invalid_request: 'the request is malformed',
  invalid_token: 'the token is not accepted',
  insufficient_scope: 'the token lacks a scope',
  actor_required: 'the token does not say which agent acts',
  unavailable: 'tokens cannot be verified at the moment',
};

/** seconds */
const retryAfter = '5';

/**
 * Lets a request through whose `Authorization` header holds a token that the verifier accepts, and sets
 * `request.auth`; answers any other as RFC 6750 says: 401, 403, 400, and 503 where the issuer's keys cannot be had.
 * Tokens in a query or body are not looked at.
 * @param verifier a verifier, or its options
 * @example
 * import express from 'express';
 * import { createVerifier, requireToken } from 'auth-chain/verify';
 *
 * const verifier = createVerifier({ issuer: 'https://login.example.com', audience: 'https://orders.example' });
 * const app = express();
 * app.get('/orders', requireToken(verifier, { scopes: ['orders:read'] }), (_, response) => void response.json([]));
 * app.post('/orders', requireToken(verifier, { scopes: ['orders:write'] }), (_, response) => void response.json({}));
 */
export function requireToken(verifier: Verifier | VerifierOptions, options: RequireTokenOptions = {}): TokenMiddleware {
  const accepts = isVerifier(verifier) ? verifier : createVerifier(verifier);
  checkRequirements(options);
  const { realm = 'api', scopes = [], claims, requireActor } = options;
  // what stands in a header is checked here, so that an answer can be built without
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) throw new TypeError('realm: printable ASCII without " and \\');

  const admit = async (...[request, response, next]: Parameters<TokenMiddleware>): Promise<void> => {
    try {
      request.auth = await accepts.verify(tokenOf(request), { scopes, claims, requireActor });
    } catch (error) {
      if (error instanceof TokenError) refuse(response, error, realm);
      else next(error);
      return;
    }
    next();
  };
  return (request, response, next) => {
    void admit(request, response, next);
  };
}

/** Its options may be anything: they are looked at next. */
function isVerifier(given: Verifier | VerifierOptions): given is Verifier {
  return typeof given === 'object' && (given as Partial<Verifier> | null)?.verify !== undefined;
}

/** @throws TokenError missing_token, invalid_request */
function tokenOf({ headers, rawHeaders, url }: TokenRequest): string {
  const [header, ...others] = [headers.authorization ?? []].flat();
  // of several Node takes the first
  const came = rawHeaders?.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'authorization') ?? [];
  if (header !== undefined && (others.length > 0 || came.length > 1))
    throw new TokenError('invalid_request', 'more than one Authorization header');
  if (header === undefined || !/^bearer(?: |$)/i.test(header)) throw new TokenError('missing_token', 'no bearer token');
  const token = /^bearer +(?<token>[\w.~+/-]+=*) *$/i.exec(header)?.groups?.['token'];
  if (token === undefined) throw new TokenError('invalid_request', 'the Authorization header is malformed');
  if (/[?&]access_token=/.test(url ?? '')) {
    throw new TokenError('invalid_request', 'a token in the query as well as in the header');
  }
  return token;
}

function refuse(response: TokenResponse, error: TokenError, realm: string): void {
  const { code, status, message } = error;
  if (response.headersSent) {
    response.destroy?.();
    return;
  }
  response.statusCode = status;
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Type', 'application/problem+json');
  if (status === 503) response.setHeader('Retry-After', retryAfter);
  else response.setHeader('WWW-Authenticate', challenge(error, realm));
  const detail = status === 503 || code === 'missing_token' ? {} : { error: code, detail: message };
  response.end(`${JSON.stringify({ type: 'about:blank', title: titles[code], status, ...detail })}\n`);
}

/** Our messages and the verifier's scopes are fixed texts, never a part of the request. */
function challenge({ code, message, scopes }: TokenError, realm: string): string {
  const parts = [`realm="${realm}"`];
  if (code !== 'missing_token') parts.push(`error="${code}"`, `error_description="${message}"`);
  if (code === 'insufficient_scope') parts.push(`scope="${scopes.join(' ')}"`);
  return `Bearer ${parts.join(', ')}`;
}
