import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** A key pair of Ed25519 (RFC 8032). */
export interface Ed25519Key {
  readonly secret: KeyObject;
  readonly public: KeyObject;
}

/** PKCS #8 and SPKI (RFC 8410) of a key, without its 32 bytes */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const spki = Buffer.from('302a300506032b6570032100', 'hex');

/** The key that a seed is: the same one each time. @param seed 32 bytes */
export function ed25519KeyOf(seed: Uint8Array): Ed25519Key {
  const secret = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  return { secret, public: createPublicKey(secret) };
}

/** A public key as people hand it on: its 32 bytes in base64url, 43 characters. */
export function ed25519Text(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64url');
}

/** The public key of such a text; undefined where it is none. */
export function ed25519In(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== 32 || bytes.toString('base64url') !== text) return undefined;
  return createPublicKey({ key: Buffer.concat([spki, bytes]), format: 'der', type: 'spki' });
}
