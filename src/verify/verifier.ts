import { awake, systemClock } from '../foundation/clocks.ts';
import { createHttp, type Fetch } from '../foundation/http.ts';
import { isLoopback } from '../foundation/safe-address.ts';
import { type Actor, actorOf, meetsActor } from './actor.ts';
import { checkOptions, checkRequirements } from './check-options.ts';
import { scopesOf, unmetClaim } from './required-claims.ts';
import { createIssuerKeys } from './issuer-key-sets.ts';
import { type JwtProblem, JwtRejection, type VerifiedJwt, verifyJwt } from './jwt.ts';
import { TokenError } from './token-error.ts';

/**
 * Whose tokens an API takes, and what every one of them must hold.
 * @example
 * const options: VerifierOptions = {
 *   issuer: 'https://login.example.com',
 *   audience: 'https://orders.example',
 *   typ: 'at+jwt', // where the issuer sends it
 *   requiredScopes: ['orders:read'],
 *   clockTolerance: 2, // seconds
 *   actor: ['act.sub', 'https://orders.example/agent', 'azp'],
 * };
 */
export interface VerifierOptions {
  /** the issuer identifier, as its discovery document has it; plain http only at a loopback address */
  readonly issuer: string;
  /** what this API is called: at least one of these must be in `aud` */
  readonly audience: string | readonly string[];
  /** signature algorithms, of those with a public key; default all of them */
  readonly algorithms?: readonly string[] | undefined;
  /** `typ` headers; default `at+jwt`, `JWT` or none. Where the issuer sends `at+jwt`, write it (RFC 9068, section 4) */
  readonly typ?: string | readonly string[] | undefined;
  /** seconds by which clocks may differ; default 5 */
  readonly clockTolerance?: number | undefined;
  /** scopes that every token must have */
  readonly requiredScopes?: readonly string[] | undefined;
  /** claims that every token must have: equal, or in its list; of a list, each value */
  readonly requiredClaims?: Readonly<Record<string, unknown>> | undefined;
  /**
   * where a token says which agent acts, in order: a claim, or a path to it, as `act.sub` (RFC 8693), the claim that an
   * issuer's `attribution` makes, and last `azp`, which is the client alone; default: nobody is looked for
   */
  readonly actor?: readonly string[] | undefined;
  /** address of the key set; default by discovery */
  readonly jwksUri?: string | undefined;
  /** default the global one */
  readonly fetch?: Fetch | undefined;
  /** epoch milliseconds; default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * What one route wants of a token, beyond what the API does.
 * @example
 * const more: TokenRequirements = { scopes: ['orders:write'], claims: { tenant: 'north' } };
 * await verifier.verify(token, more);
 */
export interface TokenRequirements {
  readonly scopes?: readonly string[] | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /**
   * true: the token must say which agent acts, by another claim than `azp` or `client_id`; a list: by one of these places
   * of the verifier's `actor`; default false
   */
  readonly requireActor?: boolean | readonly string[] | undefined;
}

/**
 * Verifies access tokens of one issuer for one API.
 * @example
 * const { claims } = await verifier.verify(token, { scopes: ['orders:read'] });
 * console.log(claims['sub']);
 */
export interface Verifier {
  /**
   * @param more scopes and claims beyond those of the verifier
   * @throws TokenError invalid_token, insufficient_scope, actor_required, unavailable · TypeError for unusable options
   */
  verify(token: string, more?: TokenRequirements): Promise<VerifiedJwt>;
}

const explanations: Readonly<Record<JwtProblem, string>> = {
  malformed: 'the token is not a signed JWT',
  algorithm: 'the signature algorithm is not accepted',
  type: 'the token is not an access token',
  key: 'the signing key is not one of the issuer',
  signature: 'the signature is wrong',
  issuer: 'the token is from another issuer',
  audience: 'the token is for another audience',
  expired: 'the token has expired',
  'not-yet-valid': 'the token is not valid yet',
  claim: 'a required claim is missing or different',
};

/**
 * Creates a {@link Verifier}. Nothing is contacted before the first token. @throws TypeError for unusable options
 * @example
 * import { createVerifier } from 'auth-chain/verify';
 *
 * const verifier = createVerifier({ issuer: 'https://login.example.com', audience: 'https://orders.example' });
 * const { claims } = await verifier.verify('eyJhbGciOi…'); // throws TokenError
 * console.log(claims['sub']);
 */
export function createVerifier(options: VerifierOptions): Verifier {
  checkOptions(options);
  const { issuer, jwksUri, fetch, now = Date.now, clockTolerance = 5 } = options;
  const development = isLoopback(new URL(issuer));
  const call = createHttp({ peer: 'the issuer', development, fetch, deadline: 5000 });
  const { monotonic } = awake({ now, monotonic: systemClock.monotonic });
  const issuerKeys = createIssuerKeys({ issuer, jwksUri, call, monotonic });

  return {
    async verify(token, more = {}) {
      checkRequirements(more);
      const { claims, header } = await checked(token);
      const unmet = unmetClaim(claims, more.claims);
      if (unmet !== undefined) throw new TokenError('invalid_token', explanations.claim, { claim: unmet });
      const scopes = [...(options.requiredScopes ?? []), ...(more.scopes ?? [])];
      const held = scopesOf(claims) ?? [];
      if (!scopes.every((scope) => held.includes(scope))) {
        throw new TokenError('insufficient_scope', 'the token lacks a scope', { scopes });
      }
      const found = actorOf(claims, options.actor ?? []);
      requireActor(found, more.requireActor ?? false, options.actor);
      return { header, claims, ...found };

      async function checked(text: string): Promise<VerifiedJwt> {
        try {
          const { identifier, keys } = await issuerKeys();
          return await verifyJwt(text, keys.find, {
            issuer: identifier,
            anyAudience: listOf(options.audience),
            algorithms: options.algorithms,
            typ: options.typ === undefined ? undefined : listOf(options.typ),
            requiredClaims: options.requiredClaims,
            clockTolerance,
            now,
          });
        } catch (error) {
          if (error instanceof JwtRejection) {
            throw new TokenError('invalid_token', explanations[error.problem], { claim: error.claim });
          }
          throw new TokenError('unavailable', "the issuer's keys cannot be had", { cause: error });
        }
      }
    },
  };
}

/** @throws TokenError actor_required · TypeError where no token could ever be let in */
function requireActor(
  found: Actor | undefined,
  required: boolean | readonly string[],
  places: readonly string[] | undefined,
): void {
  if (places === undefined && required !== false) throw new TypeError('requireActor: the verifier has no `actor`');
  const unknown = typeof required === 'boolean' ? undefined : required.find((place) => !places?.includes(place));
  if (unknown !== undefined) throw new TypeError(`requireActor: "${unknown}" is not in the verifier's \`actor\``);
  if (!meetsActor(found, required)) throw new TokenError('actor_required', 'the token does not say which agent acts');
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
