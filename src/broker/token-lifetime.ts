import type { Token } from '../adapters/issuers/contract.ts';
import { tokenJson, type TokenJson } from '../engine/output-json.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import { BrokerRefusal } from './refusal.ts';

/** What is known of a token that was given out. */
export interface GivenToken {
  readonly token: Token;
  /** SHA-256 of the access token, hex */
  readonly hash: string;
  /** monotonic milliseconds: as its life was when it was first seen, whatever is done to the wall clock since */
  readonly ends: number;
}

/** When a token ends, in monotonic milliseconds, as the clock reads now; Infinity where its issuer did not say. */
export function tokenEnd({ expiresAt }: Token, { now, monotonic }: BrokerClock): number {
  return expiresAt === undefined ? Infinity : monotonic() + expiresAt * 1_000 - now();
}

/** Milliseconds of its life that are left by both clocks. @param at monotonic milliseconds, where it was just looked at */
export function leftOf({ token, ends }: GivenToken, { now, monotonic }: BrokerClock, at = monotonic()): number {
  const expiresAt = token.expiresAt;
  return expiresAt === undefined ? Infinity : Math.min(ends - at, expiresAt * 1_000 - now());
}

/** @param left milliseconds */
export function grantedToken({ token }: GivenToken, left: number): TokenJson {
  const expiresAt = token.expiresAt;
  return tokenJson(token, expiresAt === undefined ? 0 : expiresAt * 1_000 - left);
}

/**
 * A token is good until its expiry, whatever is written beside it: one that lives for too long is not given at all.
 * @param left milliseconds
 * @throws BrokerRefusal ttl-exceeds-policy
 */
export function requireShort(left: number, maxTtl: number, name: string): void {
  if (left > maxTtl) throw new BrokerRefusal('ttl-exceeds-policy', { names: [name] });
}
