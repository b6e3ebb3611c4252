import { Reference } from './reference.ts';
import { Secret } from './secret.ts';

/** Names of adapters, since an adapter itself is no data: `issuers.main`. */
export type ConnectionLabels = ReadonlyMap<unknown, string>;

/**
 * JSON with sorted keys, the same for the same data: for cache keys and hashes. A reference is told from text that
 * looks like one, and a connection is its name. @throws TypeError for a secret, which is no part of either
 */
export function canonical(value: unknown, labels: ConnectionLabels = new Map()): string {
  if (value instanceof Secret) throw new TypeError('a secret is no part of a key or a hash');
  if (value instanceof Reference) return `{"reference":${JSON.stringify(value.toString())}}`;
  const label = labels.get(value);
  if (label !== undefined && typeof value === 'object') return `{"connection":${JSON.stringify(label)}}`;
  if (Array.isArray(value)) return `[${value.map((each) => canonical(each, labels)).join(',')}]`;
  if (value instanceof Map) return canonical(Object.fromEntries(value), labels);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each, labels)}`).join(',')}}`;
}

/** SHA-256 (hex) of the canonical form. */
export function digestOf(value: unknown): string {
  // not as an import: those who hash nothing load no crypto
  return process.getBuiltinModule('node:crypto').hash('sha256', canonical(value), 'hex');
}

/** The same data with references and connections as text and without secrets: for journals and events. */
export function journalled(value: unknown, labels: ConnectionLabels = new Map()): unknown {
  if (value instanceof Secret) return undefined;
  if (value instanceof Reference) return value.toString();
  const label = labels.get(value);
  if (label !== undefined && typeof value === 'object') return label;
  if (Array.isArray(value)) return value.map((each) => journalled(each, labels) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, journalled(each, labels)] as const);
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined));
}
