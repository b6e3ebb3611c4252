import type { Secret } from '../../foundation/secret.ts';

// when it is needed: most commands that know this file load no crypto, a tenth of node's own start
const crypto = () => process.getBuiltinModule('node:crypto');

/** New first; a second one is the old key of a rotation. */
export type FingerprintKeys = readonly [Uint8Array, ...Uint8Array[]];

const half = 16;

/**
 * The name of the version that holds this value: 64 hex digits, 16 bytes of HMAC-SHA256 over name and value, and 16 of
 * one over name and those, by which it is known as ours whatever the value was. An HMAC and no hash, since version names
 * are visible and logged.
 */
export function versionName(key: Uint8Array, name: string, value: Secret): string {
  const first = halfOf(key, 'value', name, value.reveal());
  return Buffer.concat([first, halfOf(key, 'owner', name, first)]).toString('hex');
}

/** Whether a version was made by a push with one of these keys, whatever its value. */
export function isOurs(keys: FingerprintKeys, name: string, version: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(version)) return false;
  const bytes = Buffer.from(version, 'hex');
  const first = bytes.subarray(0, half);
  return keys.some((key) => crypto().timingSafeEqual(halfOf(key, 'owner', name, first), bytes.subarray(half)));
}

/** Of one step of one environment: what a push tags a secret with, to find it again when it is not declared any more. */
export function ownerMark(
  key: Uint8Array,
  { environment, flow, step }: { readonly environment: string; readonly flow: string; readonly step: string },
): string {
  return macOf(key, ['step', environment, flow, step]).toString('base64url');
}

function halfOf(key: Uint8Array, purpose: 'value' | 'owner', name: string, last: string | Uint8Array): Buffer {
  return macOf(key, [purpose, name, last]).subarray(0, half);
}

/**
 * What is signed says first what it is for, and each part stands behind its length (4 bytes, big-endian, of its UTF-8
 * bytes): no name and value that someone chooses are the name and half of an owner.
 */
function macOf(
  key: Uint8Array,
  parts: readonly [purpose: 'value' | 'owner' | 'step', ...(string | Uint8Array)[]],
): Buffer {
  const mac = crypto().createHmac('sha256', key);
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    mac.update(length).update(bytes);
  }
  return mac.digest();
}
