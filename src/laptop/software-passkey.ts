import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { type Assertion, coseAlgorithms, type PasskeyAlgorithm, type Registration } from '../foundation/passkey.ts';

/** A passkey that is a key in this process: nobody touches anything, and it says all the same that somebody did. */
export interface SoftwarePasskey {
  readonly id: string;
  readonly algorithm: PasskeyAlgorithm;
  /** what a browser would give for `create` */
  register(asked: Asked): Registration;
  /** what it would give for `get` */
  assert(asked: Asked): Assertion;
}

export interface Asked {
  readonly challenge: Uint8Array;
  readonly origin: string;
  readonly rpId: string;
  /** what it says otherwise than an authenticator would, for tests */
  readonly claims?: {
    readonly flags?: number;
    readonly counter?: number;
    readonly type?: string;
    /** beside or instead of the usual members of the client data */
    readonly client?: Readonly<Record<string, unknown>>;
    /** after the counter */
    readonly rest?: Uint8Array;
  };
}

const pairs = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }),
} as const;

/** user present, user verified */
const usualFlags = 0x05;

/**
 * A key that approves on the laptop, where there is no person at a passkey, and in tests. It proves nothing of a human.
 * @example
 * const passkey = createSoftwarePasskey();
 * const assertion = passkey.assert({ challenge, origin: 'http://localhost:7700', rpId: 'localhost' });
 */
export function createSoftwarePasskey(algorithm: PasskeyAlgorithm = 'ES256'): SoftwarePasskey {
  const { publicKey, privateKey } = pairs[algorithm]();
  const rawId = randomBytes(32);
  const id = rawId.toString('base64url');
  let counter = 0;

  function clientData(usual: string, { challenge, origin, claims = {} }: Asked): Buffer {
    const { type = usual, client = {} } = claims;
    const told = {
      type,
      challenge: Buffer.from(challenge).toString('base64url'),
      origin,
      crossOrigin: false,
      ...client,
    };
    return Buffer.from(JSON.stringify(told));
  }

  function authenticatorData({ rpId, claims = {} }: Asked, more: number): Buffer {
    const head = Buffer.alloc(37);
    createHash('sha256').update(rpId).digest().copy(head);
    head[32] = (claims.flags ?? usualFlags) | more;
    head.writeUInt32BE(claims.counter ?? (counter += 1), 33);
    return Buffer.concat([head, claims.rest ?? Buffer.alloc(0)]);
  }

  return {
    id,
    algorithm,
    register(asked) {
      const length = Buffer.from([0, rawId.length]);
      const credential = Buffer.concat([Buffer.alloc(16), length, rawId, coseKey(publicKey, algorithm)]);
      return {
        id,
        clientDataJSON: clientData('webauthn.create', asked).toString('base64url'),
        authenticatorData: Buffer.concat([authenticatorData(asked, 0x40), credential]).toString('base64url'),
        publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'),
        publicKeyAlgorithm: coseAlgorithms[algorithm],
      };
    },
    assert(asked) {
      const [client, data] = [clientData('webauthn.get', asked), authenticatorData(asked, 0)];
      const signed = Buffer.concat([data, createHash('sha256').update(client).digest()]);
      return {
        id,
        clientDataJSON: client.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: sign(algorithm === 'EdDSA' ? null : 'sha256', signed, privateKey).toString('base64url'),
      };
    },
  };
}

/** The key as COSE writes it (RFC 9052), in CBOR's canonical order. */
export function coseKey(key: KeyObject, algorithm: PasskeyAlgorithm): Buffer {
  const { x = '', y = '', n = '', e = '' } = key.export({ format: 'jwk' });
  const bytes = (text: string) => {
    const raw = Buffer.from(text, 'base64url');
    return raw.length < 256 ? [0x58, raw.length, ...raw] : [0x59, raw.length >> 8, raw.length & 0xff, ...raw];
  };
  if (algorithm === 'ES256') return Buffer.from([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, ...bytes(x), 0x22, ...bytes(y)]);
  if (algorithm === 'EdDSA') return Buffer.from([0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, ...bytes(x)]);
  return Buffer.from([0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, ...bytes(n), 0x21, 0x43, ...Buffer.from(e, 'base64url')]);
}
