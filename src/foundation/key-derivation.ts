import { createHmac, hkdfSync } from 'node:crypto';
import type { Secret } from './secret.ts';

/** What a derived key is for; each has its own HKDF label, so that none can stand in for another. */
export type KeyLabel =
  | 'ownership'
  | 'fingerprint'
  | 'audit'
  | 'operator'
  | 'installation'
  | 'broker'
  | 'agent-run'
  /** signs what the page was asked, where several brokers serve it */
  | 'page'
  | 'drill'
  | 'drill-version'
  | 'migration';

/** HKDF-SHA256 (RFC 5869) of the environment's `key:` under a label: 32 bytes. */
export function deriveKey(root: Secret, label: KeyLabel): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', root.reveal(), '', `auth-chain ${label} v1`, 32));
}

/**
 * The mark that a write step leaves on what it makes: `flows-owner:` and an HMAC-SHA256 (base64url) of the flow, the
 * step and the inputs that identify the thing. It can be verified by whoever has the key, and made by nobody else.
 */
export function ownershipMark(
  key: Uint8Array,
  flow: string,
  step: string,
  identifying: Readonly<Record<string, string>>,
): string {
  const sorted = Object.entries(identifying).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const mac = createHmac('sha256', key)
    .update(JSON.stringify([flow, step, sorted]))
    .digest('base64url');
  return `flows-owner:${mac}`;
}
