import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPair,
  publicEncrypt,
  randomBytes,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { madeOnce } from '../../foundation/made-once.ts';
import { base64url, fromBase64url } from './encoding.ts';

/** A value encrypted with a symmetric key, as it travels. */
export interface Sealed {
  readonly kid: string;
  readonly enc: string;
  readonly cty: string;
  readonly iv?: string;
  readonly data: string;
}

export interface SymmetricKey {
  readonly kid: string;
  readonly bytes: Buffer;
}

const cty = 'b5+jwk+json';

export function newKey(kid: string): SymmetricKey {
  return { kid, bytes: randomBytes(32) };
}

/** The key as the client expects it inside another sealed value. */
export function asJwk(key: SymmetricKey): JsonWebKey {
  return {
    alg: 'A256GCM',
    ext: true,
    k: base64url(key.bytes),
    key_ops: ['encrypt', 'decrypt'],
    kty: 'oct',
    kid: key.kid,
  };
}

/** AES-256-GCM without additional data; the tag stands at the end of the data. */
export function encrypt(key: SymmetricKey, bytes: Uint8Array): { readonly iv: Buffer; readonly data: Buffer } {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, iv);
  return { iv, data: Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]) };
}

/** @throws Error where it was not encrypted with this key */
export function decrypt(key: SymmetricKey, iv: Uint8Array, data: Uint8Array): Buffer {
  const cipher = createDecipheriv('aes-256-gcm', key.bytes, iv);
  cipher.setAuthTag(data.subarray(-16));
  return Buffer.concat([cipher.update(data.subarray(0, -16)), cipher.final()]);
}

export function seal(key: SymmetricKey, value: unknown): Sealed {
  const { iv, data } = encrypt(key, Buffer.from(JSON.stringify(value)));
  return { kid: key.kid, enc: 'A256GCM', cty, iv: base64url(iv), data: base64url(data) };
}

/** @throws Error where the value was not sealed with this key */
export function open(key: SymmetricKey, sealed: Sealed): unknown {
  const data = fromBase64url(sealed.data);
  if (sealed.kid !== key.kid || data.length < 16) throw new Error('sealed with another key');
  return JSON.parse(decrypt(key, fromBase64url(sealed.iv ?? ''), data).toString('utf8'));
}

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/**
 * One pair for all accounts of this process: to make one takes some tens of milliseconds of work, and nobody is served what
 * was sealed for an account that may see more.
 */
export const keyPair = madeOnce<KeyPair>(() =>
  promisify(generateKeyPair)('rsa', { modulusLength: 2048, publicExponent: 0x10001 }),
);

/** What a keyset is made of: a symmetric key under the master key, the private key under that, the public key. */
export function keyset(master: SymmetricKey, uuid: string, pair: KeyPair): Readonly<Record<string, unknown>> {
  const symmetric = newKey(uuid);
  const marks = { kid: uuid, alg: 'RSA-OAEP', ext: true };
  return {
    uuid,
    encryptedBy: master.kid,
    sn: 1,
    encSymKey: seal(master, asJwk(symmetric)),
    encPriKey: seal(symmetric, { ...pair.privateKey.export({ format: 'jwk' }), ...marks, key_ops: ['decrypt'] }),
    pubKey: { ...createPublicKey(pair.privateKey).export({ format: 'jwk' }), ...marks, key_ops: ['encrypt'] },
  };
}

/** A vault's key for the holder of a keyset: RSA-OAEP with SHA-1, which the protocol fixes. */
export function sealFor(keysetId: string, pair: KeyPair, key: SymmetricKey): Sealed {
  const data = publicEncrypt(
    { key: pair.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    Buffer.from(JSON.stringify(asJwk(key))),
  );
  return { kid: keysetId, enc: 'RSA-OAEP', cty, data: base64url(data) };
}
