import { createHash, getDiffieHellman, randomBytes } from 'node:crypto';

interface Token {
  readonly email: string;
  readonly secretKey: string;
  readonly srpX: string;
  readonly userAuth: { readonly salt: string };
}

/** The client's side of SRP-6a, written apart from the server's, for what the SDK cannot be made to do wrong. */
export function createSrpClient(token: Token) {
  const prime = getDiffieHellman('modp16').getPrime();
  const modulus = BigInt(`0x${prime.toString('hex')}`);
  const a = BigInt(`0x${randomBytes(32).toString('hex')}`);
  const x = BigInt(`0x${token.srpX}`);
  const publicA = power(5n, a, modulus);
  return {
    modulus,
    userA: publicA.toString(16),
    prove(userB: string) {
      const publicB = BigInt(`0x${userB}`);
      const k = number(hash(prime, bytes(5n, 512)));
      const u = number(hash(bytes(publicA, 512), bytes(publicB, 512)));
      const base = (((publicB - k * power(5n, x, modulus)) % modulus) + modulus) % modulus;
      const key = hash(Buffer.from(power(base, a + u * x, modulus).toString(16)));
      const group = hash(prime).map((byte, index) => byte ^ (hash(Buffer.of(5))[index] ?? 0));
      const keyId = token.secretKey.split('-')[1] ?? '';
      const identity = hash(hash(Buffer.from(keyId)), hash(Buffer.from(token.email.toLowerCase()))).toString(
        'base64url',
      );
      const salt = Buffer.from(token.userAuth.salt, 'base64url');
      const proof = hash(group, hash(Buffer.from(identity)), salt, bytes(publicA), bytes(publicB), key);
      return {
        key,
        sent: proof.toString('base64url'),
        expected: hash(bytes(publicA), proof, key).toString('base64url'),
      };
    },
  };
}

function hash(...parts: readonly Uint8Array[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function number(buffer: Buffer): bigint {
  return BigInt(`0x${buffer.toString('hex')}`);
}

function bytes(value: bigint, length?: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(length === undefined ? hex.length + (hex.length % 2) : length * 2, '0'), 'hex');
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (exponent === 0n) return 1n;
  const half = power((base * base) % modulus, exponent >> 1n, modulus);
  return exponent & 1n ? (half * base) % modulus : half;
}
