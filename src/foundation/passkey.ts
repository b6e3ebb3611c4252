import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';

/**
 * Whether a passkey signed something, by Node's own cryptography: WebAuthn level 3, sections 7.1 and 7.2, for passkeys
 * whose user was verified. What is wrong is told in one word, so that who keeps a trail can say why.
 */

/** What is known of a passkey since it was enrolled. */
export interface KnownPasskey {
  /** credential id, base64url */
  readonly id: string;
  /** SPKI (DER), base64url */
  readonly publicKey: string;
  readonly algorithm: PasskeyAlgorithm;
  /** eligible for backup (BE) when it was enrolled: this never changes */
  readonly synced: boolean;
}

export type PasskeyAlgorithm = 'ES256' | 'EdDSA' | 'RS256';

/** What a browser gives for `navigator.credentials.get`, as base64url. */
export interface Assertion {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  readonly signature: string;
}

/** What it gives for `navigator.credentials.create`, by `getPublicKey()` and `getAuthenticatorData()`. */
export interface Registration {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  /** SPKI (DER) */
  readonly publicKey: string;
  /** COSE: -7, -8 or -257 */
  readonly publicKeyAlgorithm: number;
}

export interface PasskeyRules {
  readonly challenge: Uint8Array;
  /** `https://flows.example` or `http://localhost:7700`: compared letter by letter, with its port */
  readonly origin: string;
  /** relying party id: the origin's host name */
  readonly rpId: string;
}

/** Why something is not taken; for the trail. */
export type PasskeyProblem =
  | 'encoding'
  | 'client-data'
  | 'type'
  | 'challenge'
  | 'origin'
  | 'cross-origin'
  | 'authenticator-data'
  | 'rp-id'
  | 'user-present'
  | 'user-verified'
  | 'backup-state'
  | 'backup-eligible'
  | 'credential'
  | 'key'
  | 'signature';

/** COSE algorithm ids that are taken, in the order of preference. */
export const coseAlgorithms: Readonly<Record<PasskeyAlgorithm, number>> = { ES256: -7, EdDSA: -8, RS256: -257 };

const flag = { present: 0x01, verified: 0x04, eligible: 0x08, backedUp: 0x10, credential: 0x40, extensions: 0x80 };

/**
 * Whether a passkey signed this challenge, on this page, with its user verified.
 * @returns the counter that it sent: where either is more than 0, it must have grown
 * @example
 * const found = checkAssertion(assertion, passkey, { challenge, origin: 'http://localhost:7700', rpId: 'localhost' });
 * if ('problem' in found) throw new Error(found.problem); // 'origin', 'signature', …
 */
export function checkAssertion(
  assertion: Assertion,
  passkey: KnownPasskey,
  rules: PasskeyRules,
): { readonly counter: number } | { readonly problem: PasskeyProblem } {
  const [clientData, data, signature] = [
    assertion.clientDataJSON,
    assertion.authenticatorData,
    assertion.signature,
  ].map(bytesOf);
  if (clientData === undefined || data === undefined || signature === undefined) return { problem: 'encoding' };
  if (assertion.id !== passkey.id) return { problem: 'credential' };
  const problem = clientDataProblem(clientData, 'webauthn.get', rules) ?? authenticatorProblem(data, rules.rpId);
  if (problem !== undefined) return { problem };
  const flags = data[32] ?? 0;
  if (((flags & flag.eligible) !== 0) !== passkey.synced) return { problem: 'backup-eligible' };
  // nothing stands after the counter but extensions
  if ((flags & flag.credential) !== 0 || data.length > 37 !== ((flags & flag.extensions) !== 0))
    return { problem: 'authenticator-data' };
  const key = keyOf(passkey);
  if (key === undefined) return { problem: 'key' };
  const signed = Buffer.concat([data, sha256(clientData)]);
  if (!isSigned(signed, signature, key, passkey.algorithm)) return { problem: 'signature' };
  return { counter: data.readUInt32BE(33) };
}

/**
 * Whether a passkey was made for this challenge, on this page, with its user verified; nothing attests its maker.
 * @returns what to keep of it
 */
export function checkRegistration(
  registration: Registration,
  rules: PasskeyRules,
): (KnownPasskey & { readonly counter: number }) | { readonly problem: PasskeyProblem } {
  const { id, publicKey, publicKeyAlgorithm } = registration;
  const [clientData, data, spki, rawId] = [
    registration.clientDataJSON,
    registration.authenticatorData,
    publicKey,
    id,
  ].map(bytesOf);
  if (clientData === undefined || data === undefined || spki === undefined || rawId === undefined)
    return { problem: 'encoding' };
  const problem = clientDataProblem(clientData, 'webauthn.create', rules) ?? authenticatorProblem(data, rules.rpId);
  if (problem !== undefined) return { problem };
  const flags = data[32] ?? 0;
  if ((flags & flag.credential) === 0 || data.length < 55) return { problem: 'authenticator-data' };
  const end = 55 + data.readUInt16BE(53);
  if (rawId.length < 16 || rawId.length > 1_023 || !data.subarray(55, end).equals(rawId))
    return { problem: 'credential' };
  const algorithm = algorithmOf(publicKeyAlgorithm);
  const key = algorithm === undefined ? undefined : keyOf({ publicKey, algorithm });
  if (algorithm === undefined || key === undefined) return { problem: 'key' };
  // what the browser made of the authenticator's key is that key
  const numbers = Object.entries(key.export({ format: 'jwk' })).flatMap(([name, value]) =>
    ['x', 'y', 'n'].includes(name) && typeof value === 'string' ? [Buffer.from(value, 'base64url')] : [],
  );
  if (!numbers.every((each) => data.subarray(end).includes(each))) return { problem: 'key' };
  return { id, publicKey, algorithm, synced: (flags & flag.eligible) !== 0, counter: data.readUInt32BE(33) };
}

/** Strictly: Node's decoder passes over what is not base64url. */
function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function clientDataProblem(
  bytes: Buffer,
  type: string,
  { challenge, origin }: PasskeyRules,
): PasskeyProblem | undefined {
  let data: Readonly<Record<string, unknown>>;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'client-data';
    data = { ...parsed };
  } catch {
    return 'client-data';
  }
  if (data['type'] !== type) return 'type';
  if (data['challenge'] !== Buffer.from(challenge).toString('base64url')) return 'challenge';
  if (data['origin'] !== origin) return 'origin';
  if ((data['crossOrigin'] ?? false) !== false || data['topOrigin'] !== undefined) return 'cross-origin';
  return undefined;
}

function authenticatorProblem(data: Buffer, rpId: string): PasskeyProblem | undefined {
  if (data.length < 37) return 'authenticator-data';
  if (!data.subarray(0, 32).equals(sha256(Buffer.from(rpId)))) return 'rp-id';
  const flags = data[32] ?? 0;
  if ((flags & flag.present) === 0) return 'user-present';
  if ((flags & flag.verified) === 0) return 'user-verified';
  return (flags & flag.backedUp) !== 0 && (flags & flag.eligible) === 0 ? 'backup-state' : undefined;
}

function algorithmOf(cose: number): PasskeyAlgorithm | undefined {
  if (cose === coseAlgorithms.ES256) return 'ES256';
  if (cose === coseAlgorithms.EdDSA) return 'EdDSA';
  return cose === coseAlgorithms.RS256 ? 'RS256' : undefined;
}

/** A public key that is what its algorithm takes, and no other. */
function keyOf({ publicKey, algorithm }: Pick<KnownPasskey, 'publicKey' | 'algorithm'>): KeyObject | undefined {
  const der = bytesOf(publicKey);
  if (der === undefined) return undefined;
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
    if (algorithm === 'ES256') return key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1' ? key : undefined;
    if (algorithm === 'EdDSA') return key.asymmetricKeyType === 'ed25519' ? key : undefined;
    return key.asymmetricKeyType === 'rsa' && modulusLength >= 2_048 ? key : undefined;
  } catch {
    return undefined;
  }
}

function isSigned(data: Buffer, signature: Buffer, key: KeyObject, algorithm: PasskeyAlgorithm): boolean {
  try {
    return verify(algorithm === 'EdDSA' ? null : 'sha256', data, key, signature);
  } catch {
    return false;
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
