import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { createMemory } from '../../foundation/expiring-memory.ts';
import { Secret } from '../../foundation/secret.ts';

/**
 * Whoever holds the vault's token at a terminal proves it to the broker by a claim under a key that both derive from the
 * environment's `key:`. No file, port or account between them has to be trusted. A claim is for one thing, once, soon:
 * a request of the command (a method and a path), or a link that a person opens.
 */
export interface OperatorClaim {
  /** the account at the terminal */
  readonly user: string;
  /** the request that it is for, `GET /v1/operator/runs?state=failed`; or what a link is for: `enrol ann`, `page` */
  readonly for: string;
  /** epoch seconds */
  readonly expires: number;
  /** known for as long as the claim lasts, so that it counts once */
  readonly id: string;
}

const prefix = 'flows-operator_';
const longest = 2_048;
/** claims that are remembered as used; one more than that is refused until some have ended */
const mostUsed = 10_000;

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
  const whole = { user, for: claim.for, expires: Math.floor(now / 1_000) + lifetime, id: randomUUID() };
  const payload = Buffer.from(JSON.stringify(whole)).toString('base64url');
  return new Secret(`${prefix}${payload}.${macOf(key, payload).toString('base64url')}`);
}

/** Whether a claim is true, and still is: each counts once. Undefined for all that is not. */
export type CheckClaim = (token: string, wanted: string) => OperatorClaim | undefined;

/** @param clock epoch milliseconds, and monotonic ones */
export function createClaimCheck(options: {
  readonly keys: readonly Uint8Array[];
  readonly clock: { readonly now: () => number; readonly monotonic: () => number };
}): CheckClaim {
  const { keys, clock } = options;
  const used = createMemory<true>({ clock, capacity: mostUsed + 1 });
  return (token, wanted) => {
    const claim = claimIn(token, keys);
    const left = claim === undefined ? 0 : claim.expires * 1_000 - clock.now();
    if (claim?.for !== wanted || left <= 0 || used.peek(claim.id) !== undefined || used.size() >= mostUsed)
      return undefined;
    used.put(claim.id, true, { ends: clock.monotonic() + left });
    return claim;
  };
}

/** Whether a credential says of itself that it is a claim of an operator. */
export function isClaim(token: string): boolean {
  return token.startsWith(prefix);
}

function claimIn(token: string, keys: readonly Uint8Array[]): OperatorClaim | undefined {
  if (!isClaim(token) || token.length > longest) return undefined;
  const [payload = '', mac = '', ...more] = token.slice(prefix.length).split('.');
  const sent = Buffer.from(mac, 'base64url');
  const ours = keys.some((key) => {
    const made = macOf(key, payload);
    return sent.length === made.length && timingSafeEqual(sent, made);
  });
  if (!ours || more.length > 0) return undefined;
  // whoever has the key wrote it
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as OperatorClaim;
}

function macOf(key: Uint8Array, payload: string): Buffer {
  return createHmac('sha256', key).update(`auth-chain operator claim v1\n${payload}`).digest();
}
