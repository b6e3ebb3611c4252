import type { Secret } from './secret.ts';

/** One-time passwords by time (RFC 6238), as an OTP field holds them. */
export interface OneTimePassword {
  /** base32, upper case, without padding or spaces */
  readonly secret: Secret;
  readonly algorithm: 'SHA1' | 'SHA256' | 'SHA512';
  readonly digits: 6 | 7 | 8;
  /** seconds */
  readonly period: number;
}
