import { createHash, getDiffieHellman, randomBytes, timingSafeEqual } from 'node:crypto';
import { base64url } from './encoding.ts';

/**
 * The server's side of SRP-6a with the 4096-bit group of RFC 3526, as 1Password's clients speak it. Secure Remote
 * Password: both sides prove that they know the password's verifier, and neither sends it. Source: RFC 5054, RFC 2945.
 */
const prime = getDiffieHellman('modp16').getPrime();
const modulus = toBigInt(prime);
const generator = 5n;
const size = prime.length;

const multiplier = toBigInt(sha256(prime, pad(generator)));

export interface SrpChallenge {
  /** hex, of the group's full length */
  readonly userB: string;
  /** @returns the session key and the server's proof, or undefined where the client's proof is wrong */
  confirm(clientProof: Buffer): { readonly key: Buffer; readonly proof: Buffer } | undefined;
}

export interface SrpUser {
  readonly email: string;
  /** the secret key's public half: its first group */
  readonly keyId: string;
  readonly salt: Buffer;
  readonly verifier: bigint;
}

/** v = g^x: all that a server keeps of a password. */
export function verifierOf(x: Buffer): bigint {
  return power(generator, toBigInt(x));
}

/** @returns undefined where the client's public value is not one (zero modulo N would make the key known) */
export function challenge(user: SrpUser, userA: string): SrpChallenge | undefined {
  if (!/^[0-9a-f]{1,1024}$/i.test(userA)) return undefined;
  const a = BigInt(`0x${userA}`);
  if (a % modulus === 0n || a >= modulus) return undefined;
  const b = toBigInt(randomBytes(32));
  const publicB = (multiplier * user.verifier + power(generator, b)) % modulus;
  return {
    userB: publicB.toString(16).padStart(size * 2, '0'),
    confirm(clientProof) {
      const u = toBigInt(sha256(pad(a), pad(publicB)));
      const shared = power((a * power(user.verifier, u)) % modulus, b);
      const key = sha256(Buffer.from(shared.toString(16)));
      const identity = base64url(
        sha256(sha256(Buffer.from(user.keyId)), sha256(Buffer.from(user.email.toLowerCase()))),
      );
      const group = xor(sha256(prime), sha256(minimal(generator)));
      const expected = sha256(group, sha256(Buffer.from(identity)), user.salt, minimal(a), minimal(publicB), key);
      if (clientProof.length !== expected.length || !timingSafeEqual(expected, clientProof)) return undefined;
      return { key, proof: sha256(minimal(a), expected, key) };
    },
  };
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function minimal(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function pad(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex');
}

/** Square and multiply. Exponents are 256 bits here, so this takes milliseconds; it is not constant-time. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
