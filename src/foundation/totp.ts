import { createHash } from 'node:crypto';
import { FlowError } from './errors.ts';
import { Reference } from './reference.ts';
import { Secret } from './secret.ts';

/** One-time passwords by time (RFC 6238), as an OTP field holds them. */
export interface OneTimePassword {
  /** base32, upper case, without padding or spaces */
  readonly secret: Secret;
  readonly algorithm: 'SHA1' | 'SHA256' | 'SHA512';
  readonly digits: 6 | 7 | 8;
  /** seconds */
  readonly period: number;
}

/** Who a one-time password is for: what an authenticator app shows. */
export interface OneTimePasswordLabel {
  readonly issuer: string;
  readonly account: string;
}

const algorithms = { sha1: 'SHA1', sha256: 'SHA256', sha512: 'SHA512' } as const;
const hashes = { SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' } as const;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const maximum = { period: 86_400, secretBytes: 1024, field: 8192 };
/** A bare word may be anything, so a bare seed must be as long as the shortest in use (Okta's: 80 bits). */
const minimumBareCharacters = 16;

/**
 * What an OTP field holds: an `otpauth://totp/` URI or a bare base32 seed, as pasted (spaces, dashes, lower case and
 * padding are fine).
 * @param subject for the error: the reference, never the value
 * @throws FlowError invalid-value
 */
export async function parseOneTimePassword(field: Secret, subject?: string): Promise<OneTimePassword> {
  const text = field.reveal();
  const found = text.length > maximum.field ? undefined : await parseText(text.trim());
  if (found !== undefined) return found;
  // the parser's own errors quote the URI, seed and all, so none of them becomes the cause
  throw new FlowError('invalid-value', 'does not hold a one-time password', {
    hint: 'store an otpauth://totp/… URI or the base32 seed in a field of type one-time password',
    place: subject === undefined ? undefined : { subject },
  });
}

/**
 * The one-time password that a reference names. The field itself is read: with `?attribute=otp` the vault would give a
 * code, whose seconds left nobody knows.
 * @throws FlowError invalid-value, and what `read` throws
 */
export async function readOneTimePassword(
  reference: Reference,
  read: (reference: Reference) => Promise<Secret>,
): Promise<OneTimePassword> {
  const { vault, item, section, field, attribute } = reference;
  const computed = attribute === 'otp' || attribute === 'totp';
  const seed = computed ? Reference.of({ vault, item, section, field }) : reference;
  return parseOneTimePassword(await read(seed), seed.toString());
}

/** The code of the moment. @param at epoch milliseconds */
export async function codeAt(password: OneTimePassword, at: number): Promise<Secret> {
  const { createGuardrails, generate } = await import('otplib');
  const code = await generate({
    secret: password.secret.reveal(),
    algorithm: hashes[password.algorithm],
    digits: password.digits,
    period: password.period,
    epoch: Math.floor(at / 1000),
    guardrails: createGuardrails({
      MIN_SECRET_BYTES: 1,
      MAX_SECRET_BYTES: maximum.secretBytes,
      MIN_PERIOD: 1,
      MAX_PERIOD: maximum.period,
    }),
  });
  return new Secret(code);
}

/** The number of the time step (RFC 6238, section 4.2). @param at epoch milliseconds */
export function timeStepAt(password: OneTimePassword, at: number): number {
  return Math.floor(at / 1000 / password.period);
}

/** Milliseconds until the code of the moment is replaced, more than 0. @param at epoch milliseconds */
export function millisecondsLeft(password: OneTimePassword, at: number): number {
  const period = password.period * 1000;
  return period - (((at % period) + period) % period);
}

/** An `otpauth://totp/` URI, as OTP fields and authenticator apps take it. */
export async function oneTimePasswordUri(password: OneTimePassword, label: OneTimePasswordLabel): Promise<Secret> {
  const { generateURI } = await import('otplib');
  // neither part of a label may hold a colon, which is what separates them
  const clean = (text: string) => text.toWellFormed().replaceAll(':', '-');
  const uri = generateURI({
    issuer: clean(label.issuer),
    label: clean(label.account),
    secret: password.secret.reveal(),
    algorithm: hashes[password.algorithm],
    digits: password.digits,
    period: password.period,
  });
  return new Secret(uri);
}

/** A new one: 160 random bits, with the facts that every authenticator app knows (SHA1, 6 digits, 30 seconds). */
export async function newOneTimePassword(): Promise<OneTimePassword> {
  const { generateSecret } = await import('otplib');
  return { secret: new Secret(generateSecret()), algorithm: 'SHA1', digits: 6, period: 30 };
}

/** Names a seed without telling it, for what is kept in memory about it. */
export function oneTimePasswordDigest(password: OneTimePassword): string {
  return createHash('sha256').update(`totp\0${password.secret.reveal()}`).digest('base64url');
}

async function parseText(text: string): Promise<OneTimePassword | undefined> {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) return bare(text);
  const { parse } = await import('@otplib/uri');
  try {
    const uri = text.replace(/^otpauth:\/\/totp(?=\/)/i, (prefix) => prefix.toLowerCase());
    const given = new URL(uri).searchParams;
    // Steam's codes have letters, and a doubled key means that two readers see two passwords
    if (given.has('encoder') || [...given.keys()].length !== new Set(given.keys()).size) return undefined;
    const { type, params } = parse(uri);
    const secret = normaliseSeed(params.secret);
    const digits = params.digits ?? 6;
    const period = params.period ?? 30;
    if (type !== 'totp' || secret === undefined || period < 1 || period > maximum.period) return undefined;
    if (digits !== 6 && digits !== 7 && digits !== 8) return undefined;
    const algorithm = algorithms[params.algorithm ?? 'sha1'];
    return { secret: new Secret(secret), algorithm, digits, period };
  } catch {
    return undefined;
  }
}

function bare(text: string): OneTimePassword | undefined {
  const secret = normaliseSeed(text);
  if (secret === undefined || secret.length < minimumBareCharacters) return undefined;
  return { secret: new Secret(secret), algorithm: 'SHA1', digits: 6, period: 30 };
}

/**
 * Base32 (RFC 4648) as pages show it and people paste it, in its one canonical form; undefined where it is none.
 * 0, 1 and 8 are not mapped to O, I and B: a guess would make wrong codes instead of an error.
 */
export function normaliseSeed(text: string): string | undefined {
  const seed = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  if (!/^[A-Z2-7]{2,}$/.test(seed) || seed.length > maximum.secretBytes) return undefined;
  const spare = (seed.length * 5) % 8;
  if (spare >= 5) return undefined; // a character too many or too few: cut off when it was copied
  const last = alphabet.indexOf(seed.slice(-1));
  // authenticator apps ignore the spare bits, strict decoders refuse them
  return seed.slice(0, -1) + alphabet.charAt(last & ~((1 << spare) - 1));
}
