import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../foundation/secret.ts';

/** New first; a second one is the old key of a rotation. */
export type FingerprintKeys = readonly [Uint8Array, ...Uint8Array[]];

const half = 16;

/**
 * The name of the version that holds this value: 64 hex digits, HMAC-SHA256 of name and value cut to 16 bytes, and
 * an HMAC of that half, cut likewise, by which it is known as ours whatever the value was. An HMAC and no hash, since
 * version names are visible and logged.
 */
export function versionName(key: Uint8Array, name: string, value: Secret): string {
  const first = createHmac('sha256', key).update(`${name}\0`).update(value.reveal(), 'utf8').digest().subarray(0, half);
  return Buffer.concat([first, ownerHalf(key, name, first)]).toString('hex');
}

/** Whether a version was made by a push with one of these keys, whatever its value. */
export function isOurs(keys: FingerprintKeys, name: string, version: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(version)) return false;
  const bytes = Buffer.from(version, 'hex');
  const first = bytes.subarray(0, half);
  return keys.some((key) => timingSafeEqual(ownerHalf(key, name, first), bytes.subarray(half)));
}

function ownerHalf(key: Uint8Array, name: string, first: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`owner\0${name}\0`).update(first).digest().subarray(0, half);
}
