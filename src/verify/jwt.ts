import {
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { FlowError } from '../foundation/errors.ts';
import { quoted } from '../foundation/quoted.ts';
import { unmetClaim } from './required-claims.ts';

/** Signature algorithms that are accepted unless fewer are named: those with a public key. */
export const publicKeyAlgorithms: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** `typ` headers that are accepted unless some are named. An access token's is `at+jwt` (RFC 9068), `JWT`, or absent. */
const accessTokenTypes: readonly (string | undefined)[] = ['at+jwt', 'jwt', undefined];

export type JwtProblem =
  | 'malformed'
  | 'algorithm'
  | 'type'
  | 'key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not-yet-valid'
  | 'claim';

/**
 * A JWT that is not accepted. Of the token it holds the name of a claim and, quoted, what of `iss`, `aud`, `typ`, `alg`,
 * `kid` and the times decided: none of these is a secret.
 */
export class JwtRejection extends Error {
  override readonly name = 'JwtRejection';
  readonly problem: JwtProblem;
  readonly claim: string | undefined;
  /** what came and what was wanted, for the operator's eyes */
  readonly detail: string | undefined;

  constructor(problem: JwtProblem, claim?: string, detail?: string) {
    super([problem, claim, detail].filter((part) => part !== undefined).join(': '));
    this.problem = problem;
    this.claim = claim;
    this.detail = detail;
  }
}

/** `its aud is "a", wanted "b"` */
function came(name: string, value: unknown, wanted?: unknown): string {
  return `its ${name} is ${quoted(value)}${wanted === undefined ? '' : `, wanted ${quoted(wanted)}`}`;
}

/** Epoch seconds as people read them; what is no time as it is. */
function timeOf(seconds: unknown): unknown {
  const milliseconds = typeof seconds === 'number' ? seconds * 1000 : Number.NaN;
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : seconds;
}

export interface JwtRules {
  /** one of them must be `iss` */
  readonly issuer: string | readonly string[];
  /** each of them must be in `aud` */
  readonly everyAudience?: readonly string[];
  /** at least one of them must be in `aud` */
  readonly anyAudience?: readonly string[];
  readonly algorithms?: readonly string[] | undefined;
  /** without `application/`, whatever the case; undefined among them: it may be absent */
  readonly typ?: readonly (string | undefined)[] | undefined;
  readonly requiredClaims?: Readonly<Record<string, unknown>> | undefined;
  /** seconds */
  readonly clockTolerance: number;
  /** epoch milliseconds */
  readonly now: () => number;
}

/**
 * A token that was accepted.
 * @example
 * const { header, claims }: VerifiedJwt = await verifier.verify(token);
 * console.log(header['kid'], claims['sub']);
 */
export interface VerifiedJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** who acts: the first of the verifier's `actor` that names someone */
  readonly actor?: string | undefined;
  /** which of them: where it is `azp` or `client_id`, it is the client that asked, which may ask for many agents */
  readonly actorFrom?: string | undefined;
  /** who acted before, the latest first, for a log: nothing may be decided by them (RFC 8693, section 4.1) */
  readonly priorActors?: readonly string[] | undefined;
}

/** a proxy cuts headers long before this */
const longestToken = 64 * 1024;
/** keys that are tried where a token names none */
const mostKeys = 10;

/**
 * Verifies a signed JWT: form, algorithm, type, signature, issuer, audience, times and claims.
 * @throws JwtRejection what is wrong with the token
 * @throws what `keys` throws, where keys cannot be had
 */
export async function verifyJwt(token: string, keys: JWTVerifyGetKey, rules: JwtRules): Promise<VerifiedJwt> {
  // a program in JavaScript may have none
  if (typeof token !== 'string' || token.length > longestToken || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token))
    throw new JwtRejection('malformed');
  const { payload, protectedHeader } = await checked(token, keys, {
    algorithms: [...(rules.algorithms ?? publicKeyAlgorithms)],
    issuer: [rules.issuer].flat(),
    requiredClaims: ['exp'],
    clockTolerance: rules.clockTolerance,
    currentDate: new Date(rules.now()),
  });
  const types = rules.typ?.map(normalType) ?? accessTokenTypes;
  if (!types.includes(normalType(protectedHeader.typ))) {
    throw new JwtRejection('type', undefined, came('typ', protectedHeader.typ, rules.typ ?? accessTokenTypes));
  }
  if (!audienceFits(payload.aud, rules)) {
    const wanted = [...(rules.everyAudience ?? []), ...(rules.anyAudience ?? [])];
    throw new JwtRejection('audience', undefined, came('aud', payload.aud, wanted));
  }
  const latest = rules.now() / 1000 + rules.clockTolerance;
  if (payload.iat !== undefined && !(payload.iat <= latest)) {
    throw new JwtRejection('not-yet-valid', 'iat', came('iat', timeOf(payload.iat), timeOf(rules.now() / 1000)));
  }
  const endless = Object.entries({ ...protectedHeader, ...payload }).find(([, value]) => holdsInfinity(value));
  if (endless !== undefined)
    throw new JwtRejection('claim', endless[0], 'a number that is too large to be kept as it is');
  const unmet = unmetClaim(payload, rules.requiredClaims);
  if (unmet !== undefined) throw new JwtRejection('claim', unmet);
  return { header: { ...protectedHeader }, claims: payload };
}

/** 1e400 is Infinity to a parser, and would be null to whoever gets it. */
function holdsInfinity(value: unknown): boolean {
  const found = [value];
  for (const each of found) if (typeof each === 'object' && each !== null) found.push(...Object.values(each));
  return found.some((each) => each === Infinity || each === -Infinity);
}

async function checked(token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions) {
  try {
    return await jwtVerify(token, keys, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw rejection(error, token, options);
    let tried = 0;
    let unusable: TypeError | undefined;
    for await (const key of error) {
      if ((tried += 1) > mostKeys) break;
      try {
        return await jwtVerify(token, key, options);
      } catch (inner) {
        if (inner instanceof TypeError) unusable = inner;
        else if (!(inner instanceof errors.JWSSignatureVerificationFailed)) throw rejection(inner, token, options);
      }
    }
    if (unusable !== undefined) throw rejection(unusable, token, options);
    throw new JwtRejection('signature', undefined, headerFact(token, 'kid'));
  }
}

const problems: Readonly<Record<string, JwtProblem>> = {
  ERR_JWT_INVALID: 'malformed',
  ERR_JWS_INVALID: 'malformed',
  ERR_JOSE_NOT_SUPPORTED: 'malformed',
  ERR_JOSE_ALG_NOT_ALLOWED: 'algorithm',
  ERR_JWKS_NO_MATCHING_KEY: 'key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
};
const claimProblems: Readonly<Record<string, JwtProblem>> = { iss: 'issuer', aud: 'audience', nbf: 'not-yet-valid' };

/** Errors about keys stay as they are: the token may be good. */
function rejection(error: unknown, token: string, { issuer, algorithms, currentDate }: JWTVerifyOptions): unknown {
  if (error instanceof TypeError) {
    // jose's own, for a key that is not for the algorithm of a token
    return new FlowError('protocol', "a key of the issuer's key set is too short", {
      hint: "look at the issuer's key set: an RSA key has 2048 bits or more",
      cause: error,
    });
  }
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) {
    const { claim, payload } = error;
    const problem = error instanceof errors.JWTExpired ? 'expired' : (claimProblems[claim] ?? 'claim');
    const detail: Partial<Record<JwtProblem, () => string>> = {
      issuer: () => came('iss', payload.iss, issuer),
      expired: () => came('exp', timeOf(payload.exp), `after ${currentDate?.toISOString() ?? 'now'}`),
      'not-yet-valid': () => came('nbf', timeOf(payload.nbf), `before ${currentDate?.toISOString() ?? 'now'}`),
    };
    // what else a token holds may be about a person
    return new JwtRejection(problem, problem === 'expired' ? undefined : claim, detail[problem]?.());
  }
  const problem = error instanceof errors.JOSEError ? problems[error.code] : undefined;
  if (problem === undefined) return error;
  const fact: Partial<Record<JwtProblem, () => string | undefined>> = {
    algorithm: () => headerFact(token, 'alg', algorithms),
    key: () => headerFact(token, 'kid'),
    signature: () => headerFact(token, 'kid'),
  };
  return new JwtRejection(problem, undefined, fact[problem]?.());
}

function headerFact(token: string, name: 'alg' | 'kid', wanted?: readonly string[]): string | undefined {
  try {
    return came(name, decodeProtectedHeader(token)[name], wanted);
  } catch {
    return undefined;
  }
}

function audienceFits(aud: JWTPayload['aud'], { everyAudience = [], anyAudience }: JwtRules): boolean {
  const held: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return (
    everyAudience.every((one) => held.includes(one)) &&
    (anyAudience === undefined || anyAudience.some((one) => held.includes(one)))
  );
}

/** Media types drop `application/` and ignore case (RFC 7515, section 4.1.9). */
function normalType(typ: string | undefined): string | undefined {
  return typ?.toLowerCase().replace(/^application\//, '');
}
