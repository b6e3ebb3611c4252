import { createHmac, sign, verify } from 'node:crypto';
import { type Ed25519Key, ed25519In, ed25519Text } from './ed25519.ts';
import type { Secret } from './secret.ts';

/**
 * What a drill found, as it is signed: whoever has the environment's public key can check it, without the vault, the
 * broker or us. No value is in it: of what was proven it has an HMAC, which tells one version from another.
 */
export interface DrillEvidence {
  readonly v: 1;
  /** the flow that was run */
  readonly drill: string;
  readonly environment: string;
  /** id of this drill: of the request on the trail, or of the run at the broker */
  readonly id: string;
  /** `local:<user>`, or the agent `schedule` */
  readonly by: string;
  /** what it ran by, where nobody asked: `0 3 * * 1 Europe/Berlin` */
  readonly schedule: string | null;
  /** RFC 3339, by the clock of the machine that ran it */
  readonly began: string;
  /** milliseconds, from there to its end */
  readonly took: number;
  /** nothing is broken */
  readonly held: boolean;
  /** each link that is */
  readonly broken: readonly BrokenLink[];
  readonly accounts: readonly DrilledAccount[];
  readonly steps: readonly DrilledStep[];
  /** who was told of the drill, as they would be of break-glass */
  readonly alerts: readonly DrilledAlert[];
  /** seconds that the local clock is ahead of the provider's; null: not known */
  readonly skew: number | null;
}

/** What a person who needs the account would stumble over. */
export interface BrokenLink {
  /** null: all of its accounts stand on it, as on the clock and on those who are told */
  readonly step: string | null;
  /** in a line, with what to do; never a value */
  readonly why: string;
}

/** An account that a drill signs in to. */
export interface DrilledAccount {
  readonly username: string;
  /** its name in service.yaml, and where it is */
  readonly provider: string;
  readonly address: string;
  /** the step that signs in */
  readonly step: string;
  /** when the sign-in was complete, RFC 3339; null: it was not */
  readonly proven: string | null;
  /** {@link versionOf} what it was proven with; null where it was not */
  readonly password: string | null;
  readonly seed: string | null;
}

export interface DrilledStep {
  readonly step: string;
  readonly uses: string;
  readonly outcome: 'done' | 'cached' | 'unchanged' | 'failed' | 'not-run';
  /** why it failed */
  readonly code: string | null;
  /** null: it has not run */
  readonly milliseconds: number | null;
}

export interface DrilledAlert {
  readonly channel: string;
  readonly delivered: boolean;
  /** why not */
  readonly code: string | null;
}

/** Evidence as it stands on the trail and in a file. */
export interface SignedEvidence {
  /** {@link DrillEvidence} as JSON: the very text that was signed */
  readonly evidence: string;
  /** the public key, base64url: for finding it again. Whoever checks takes the one that they were given before */
  readonly key: string;
  /** Ed25519 (RFC 8032) of `flows drill v1`, a line break and the text; base64url */
  readonly signature: string;
}

const domain = 'flows drill v1\n';
const signedText = (evidence: string) => Buffer.from(`${domain}${evidence}`);

/** Signs what a drill found. */
export function signEvidence(found: DrillEvidence, key: Ed25519Key): SignedEvidence {
  const evidence = JSON.stringify(found);
  const signature = sign(null, signedText(evidence), key.secret).toString('base64url');
  return { evidence, key: ed25519Text(key.public), signature };
}

/** Why evidence is not what it says. */
export type EvidenceProblem = 'form' | 'unknown-key' | 'signature';

/**
 * Whether evidence is as it was signed, by one of these keys.
 * @param keys public keys as {@link ed25519Text} writes them, from elsewhere: never what the evidence says
 */
export function checkEvidence(
  signed: SignedEvidence,
  keys: readonly string[],
): { readonly evidence: DrillEvidence } | { readonly problem: EvidenceProblem } {
  const evidence = evidenceIn(signed.evidence);
  if (evidence === undefined) return { problem: 'form' };
  const key = keys.includes(signed.key) ? ed25519In(signed.key) : undefined;
  if (key === undefined) return { problem: 'unknown-key' };
  const good = verify(null, signedText(signed.evidence), key, Buffer.from(signed.signature, 'base64url'));
  return good ? { evidence } : { problem: 'signature' };
}

/** The evidence in a line of a file: as `flows drill --json` prints it, or a line of the trail; undefined where there is none. */
export function signedEvidenceIn(line: string): SignedEvidence | undefined {
  const found = objectIn(line);
  const held = typeof found?.['evidence'] === 'object' ? (found['evidence'] as typeof found | null) : found;
  const { evidence, key, signature } = held ?? {};
  if (typeof evidence !== 'string' || typeof key !== 'string' || typeof signature !== 'string') return undefined;
  return { evidence, key, signature };
}

/** A text of {@link SignedEvidence}, read; undefined where it is none of ours, or was written otherwise than we write it. */
export function evidenceIn(text: string): DrillEvidence | undefined {
  const value = objectIn(text);
  if (value === undefined || value['v'] !== 1 || typeof value['held'] !== 'boolean') return undefined;
  const texts = ['drill', 'environment', 'id', 'by', 'began'];
  const lists = ['broken', 'accounts', 'steps', 'alerts'];
  if (!texts.every((name) => typeof value[name] === 'string') || !lists.every((name) => Array.isArray(value[name])))
    return undefined;
  // one text for each evidence: a key that stands twice could be read in two ways
  return JSON.stringify(value) === text ? (value as unknown as DrillEvidence) : undefined;
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a drill proved this account of it, whatever became of others. */
export function proves({ broken }: Pick<DrillEvidence, 'broken'>, { proven, step }: DrilledAccount): boolean {
  return proven !== null && broken.every((link) => link.step !== null && link.step !== step);
}

/**
 * Tells one version of a stored value from another, and nothing else: 16 bytes of HMAC-SHA-256, base64url.
 * @param key 32 bytes, derived from the environment's `key:` for this alone
 * @param reference where it is stored: equal values at two places are told apart
 */
export function versionOf(key: Uint8Array, reference: string, value: Secret): string {
  const mac = createHmac('sha256', key).update(`${reference}\0`).update(value.reveal()).digest();
  return mac.subarray(0, 16).toString('base64url');
}
