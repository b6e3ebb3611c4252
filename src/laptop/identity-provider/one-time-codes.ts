import { createGuardrails, generateSecret, generateURI, verifySync } from 'otplib';
import { Secret } from '../../foundation/secret.ts';
import type { OneTimePassword } from '../../foundation/totp.ts';

// seeds of ten bytes are short, and in use
const guardrails = createGuardrails({ MIN_SECRET_BYTES: 10 });
const algorithms = { SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' } as const;

/** A new seed, as this provider makes them: 160 bits, SHA1, six digits, 30 s. */
export function newSeed(): OneTimePassword {
  return { secret: new Secret(generateSecret()), algorithm: 'SHA1', digits: 6, period: 30 };
}

/** What an authenticator scans. */
export function enrolmentUri(seed: OneTimePassword, userName: string): string {
  return generateURI({
    issuer: 'Development',
    label: userName.replaceAll(':', ' '),
    secret: seed.secret.reveal(),
    algorithm: algorithms[seed.algorithm],
    digits: seed.digits,
    period: seed.period,
  });
}

/**
 * The time step of a right code, one step early or late included (RFC 6238, section 5.2).
 * @param at epoch milliseconds
 * @param after the last step that was used: this and earlier ones are refused
 */
export function stepOfCode(
  seed: OneTimePassword,
  code: string,
  at: number,
  after: number | undefined,
): number | undefined {
  if (!/^\d+$/.test(code) || code.length !== seed.digits) return undefined;
  const result = verifySync({
    secret: seed.secret.reveal(),
    token: code,
    epoch: Math.floor(at / 1000),
    epochTolerance: seed.period,
    algorithm: algorithms[seed.algorithm],
    digits: seed.digits,
    period: seed.period,
    guardrails,
  });
  if (!result.valid || !('timeStep' in result)) return undefined;
  return after !== undefined && result.timeStep <= after ? undefined : result.timeStep;
}
