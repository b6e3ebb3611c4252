import { FlowError } from './errors.ts';
import { Reference } from './reference.ts';
import { Secret } from './secret.ts';

// when it is needed: most commands that know this file load no crypto, a tenth of node's own start
const crypto = () => process.getBuiltinModule('node:crypto');

/** One-time passwords by time (RFC 6238), as an OTP field holds them. */
export interface OneTimePassword {
  /** base32, upper case, without padding or spaces */
  readonly secret: Secret;
  readonly algorithm: 'SHA1' | 'SHA256' | 'SHA512';
  /** 1–8 */
  readonly digits: number;
  /** seconds, 1–600 */
  readonly period: number;
}

/** Who a one-time password is for: what an authenticator app shows. */
export interface OneTimePasswordLabel {
  readonly issuer: string;
  readonly account: string;
}

const algorithms: ReadonlyMap<string, OneTimePassword['algorithm']> = new Map([
  ['sha1', 'SHA1'],
  ['sha256', 'SHA256'],
  ['sha512', 'SHA512'],
]);
const hashes = { SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' } as const;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const longestField = 8192;
/** What 1Password makes codes of; it takes the usual where a URI says anything else. */
export const oneTimePasswordLimits = { digits: 8, period: 600 } as const;
const usual = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
const schemes: ReadonlySet<string> = new Set(['otpauth:', 'apple-otpauth:', 'yjotp:']);

/**
 * What an OTP field holds: an `otpauth://totp/` URI or a bare base32 seed, as pasted (spaces, dashes, lower case and
 * padding are fine). It is read as 1Password reads it (SDK 0.5.0, measured), since the app is where a person sees
 * whether its codes are right: secret, digits, period and algorithm decide, a label and an issuer never, of what comes
 * twice the first counts, and digits or a period that are no number within its bounds are the usual ones.
 * @param subject for the error: the reference, never the value
 * @throws FlowError invalid-value, with the reason
 */
export async function parseOneTimePassword(field: Secret, subject?: string): Promise<OneTimePassword> {
  const found =
    field.reveal().length > longestField ? refusal('is too long for one') : parseText(field.reveal().trim());
  if ('secret' in found) return found;
  throw new FlowError('invalid-value', `does not hold a one-time password: it ${found.problem}`, {
    hint: found.hint,
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

/** The code of the moment (RFC 4226, section 5.3). @param at epoch milliseconds */
export async function codeAt(password: OneTimePassword, at: number): Promise<Secret> {
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(timeStepAt(password, at)));
  const mac = crypto().createHmac(hashes[password.algorithm], bytesOf(password.secret.reveal())).update(step).digest();
  const number = mac.readUInt32BE(mac.readUInt8(mac.length - 1) & 15) & 0x7f_ff_ff_ff;
  return new Secret(String(number % 10 ** password.digits).padStart(password.digits, '0'));
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
  // neither part of a label may hold a colon, which is what separates them
  const clean = (text: string) => encodeURIComponent(text.toWellFormed().replaceAll(':', '-'));
  const issuer = clean(label.issuer);
  const { secret, algorithm, digits, period } = password;
  const facts = `secret=${secret.reveal()}&issuer=${issuer}&algorithm=${algorithm}&digits=${digits}&period=${period}`;
  return new Secret(`otpauth://totp/${issuer}:${clean(label.account)}?${facts}`);
}

/** A new one: 160 random bits, with the facts that every authenticator app knows (SHA1, 6 digits, 30 seconds). */
export async function newOneTimePassword(): Promise<OneTimePassword> {
  // one character of 32 to a byte, each as likely: 256 is a multiple of 32
  const seed = Array.from(crypto().randomBytes(32), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
  return { secret: new Secret(seed), ...usual };
}

/** Names a seed without telling it, for what is kept in memory about it. */
export function oneTimePasswordDigest(password: OneTimePassword): string {
  return crypto().createHash('sha256').update(`totp\0${password.secret.reveal()}`).digest('base64url');
}

interface Refusal {
  readonly problem: string;
  readonly hint: string;
}

function refusal(
  problem: string,
  hint = 'store an otpauth://totp/… URI or the base32 seed in a field of type one-time password',
): Refusal {
  return { problem, hint };
}

const other = 'enrol one that is based on time (TOTP) at the provider';
const steam = refusal('is one of Steam, whose codes have letters', other);
const kinds: readonly (readonly [start: string, Refusal])[] = [
  ['otpauth://hotp', refusal('is counted (HOTP), and only those by time make codes', other)],
  ['otpauth://steam', steam],
  ['steam://', steam],
  [
    'otpauth-migration://',
    refusal(
      'is an export of an authenticator app (otpauth-migration), which holds several',
      'scan the code of the one account, or take its setup key',
    ),
  ],
];

function parseText(text: string): OneTimePassword | Refusal {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) return parseFacts(new URLSearchParams({ secret: text }));
  const kind = kinds.find(([start]) => text.toLowerCase().startsWith(start));
  if (kind !== undefined) return kind[1];
  const url = URL.parse(text);
  if (url === null || !schemes.has(url.protocol) || url.hostname.toLowerCase() !== 'totp') {
    return refusal('begins like an address, and is no otpauth://totp/… URI');
  }
  // a `#` within a label or an issuer is meant as one, where all that matters comes after it
  const given = url.searchParams.has('secret')
    ? url.searchParams
    : URL.parse(text.replaceAll('#', '%23'))?.searchParams;
  if (given?.get('encoder')?.toLowerCase() === 'steam') return steam;
  return given?.has('secret') === true ? parseFacts(given) : refusal('has no secret=');
}

function parseFacts(given: URLSearchParams): OneTimePassword | Refusal {
  const algorithm = algorithms.get(given.get('algorithm')?.toLowerCase() ?? 'sha1');
  if (algorithm === undefined) {
    const name = /^[\w-]{1,20}$/.exec(given.get('algorithm') ?? '')?.[0] ?? 'another';
    return refusal(`has the algorithm ${name}`, 'SHA1, SHA256 and SHA512 make codes: see what the provider says');
  }
  const pasted = given.get('secret') ?? '';
  const secret = normaliseSeed(pasted);
  if (secret === undefined) return noSeed(pasted);
  const number = (key: 'digits' | 'period') => {
    const value = /^\d{1,9}$/.test(given.get(key) ?? '') ? Number(given.get(key)) : 0;
    return value >= 1 && value <= oneTimePasswordLimits[key] ? value : usual[key];
  };
  return { secret: new Secret(secret), algorithm, digits: number('digits'), period: number('period') };
}

/** Why a seed is none: where it fails, and never what stands there. */
function noSeed(pasted: string): Refusal {
  const text = pasted.trimEnd().replace(/=[\s=-]*$/, '');
  const at = text.search(/[^A-Za-z2-7\s-]/);
  if (at !== -1) {
    const position = `has a character that is not base32 in its seed, the ${ordinal(at + 1)} of ${pasted.length}`;
    return refusal(position, 'a seed has the letters A to Z and the digits 2 to 7; copy it again, without quotes');
  }
  return refusal(/[A-Za-z2-7]/.test(text) ? 'has a seed of one character' : 'has no seed');
}

function ordinal(number: number): string {
  const ending = /1\d$/.test(String(number)) ? undefined : { 1: 'st', 2: 'nd', 3: 'rd' }[number % 10];
  return `${number}${ending ?? 'th'}`;
}

/**
 * Base32 (RFC 4648) as pages show it and people paste it, in its one canonical form; undefined where it is none.
 * 0, 1 and 8 are not mapped to O, I and B: a guess would make wrong codes instead of an error. What is less than a
 * byte at the end is left out, as authenticator apps and 1Password do.
 */
export function normaliseSeed(text: string): string | undefined {
  const seed = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  if (!/^[A-Z2-7]{2,}$/.test(seed) || seed.length > longestField) return undefined;
  const bits = Math.floor((seed.length * 5) / 8) * 8;
  const whole = seed.slice(0, Math.ceil(bits / 5));
  const spare = whole.length * 5 - bits;
  return whole.slice(0, -1) + alphabet.charAt(alphabet.indexOf(whole.slice(-1)) & ~((1 << spare) - 1));
}

function bytesOf(seed: string): Uint8Array {
  const bits = Array.from(seed, (character) => alphabet.indexOf(character).toString(2).padStart(5, '0')).join('');
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}
