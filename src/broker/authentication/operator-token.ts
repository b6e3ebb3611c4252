import { Secret } from '../../foundation/secret.ts';
import { createOnceTokens, type OnceCheckOptions, type OnceToken, signOnce, type TokenMake } from './once-token.ts';

/**
 * Whoever holds the vault's token at a terminal proves it to the broker by a claim under a key that both derive from the
 * environment's `key:`. No file, port or account between them has to be trusted. A claim is for one thing, once, soon:
 * a request of the command (a method and a path), or a link that a person opens.
 */
export interface OperatorClaim extends OnceToken {
  /** the account at the terminal */
  readonly user: string;
  /** the request that it is for, `GET /v1/operator/runs?state=failed`; or what a link is for: `enrol ann`, `page` */
  readonly for: string;
}

const make: TokenMake = { prefix: 'flows-operator_', domain: 'auth-chain operator claim v1', longest: 2_048 };

/**
 * Makes a claim. @param key derived under the label `operator` @param lifetime seconds
 * @example
 * const [key] = await connections.derivedKeys('operator');
 * const claim = signClaim(key, { user: 'ann', for: 'GET /v1/operator/overview', lifetime: 60, now: Date.now() });
 * // Authorization: Bearer flows-operator_eyJ….…
 */
export function signClaim(
  key: Uint8Array,
  claim: Pick<OperatorClaim, 'user' | 'for'> & { readonly lifetime: number; readonly now: number },
): Secret {
  const { user, now, lifetime } = claim;
  return new Secret(signOnce(make, key, { user, for: claim.for }, { lifetime, now }).token);
}

/**
 * Whether a claim is true, and still is: each counts once. Undefined for all that is not.
 * @throws FlowError where nobody can tell whether it was used
 */
export type CheckClaim = (token: string, wanted: string) => Promise<OperatorClaim | undefined>;

/** @param options the keys, and where it is kept which were used */
export function createClaimCheck(options: OnceCheckOptions): CheckClaim {
  return createOnceTokens<Pick<OperatorClaim, 'user'>>(make, options).take;
}

/** Whether a credential says of itself that it is a claim of an operator. */
export function isClaim(token: string): boolean {
  return token.startsWith(make.prefix);
}
