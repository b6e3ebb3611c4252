import type { JsonWebKey, KeyObject } from 'node:crypto';
import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { IdentityProvider, ListedSecret, PublicJwk } from '../../adapters/identity/contract.ts';

// when it is needed: every command loads this file
const crypto = () => process.getBuiltinModule('node:crypto');

/** What a provider accepts of an OAuth client: its secrets, or its public keys. */
export interface LiveCredentials {
  readonly what: 'client secret' | 'client key';
  readonly origin: 'ours' | 'theirs';
  readonly live: 1 | 2 | 'many';
  /** seconds after which a change surely holds */
  readonly changeLag: number;
  /** newest first */
  list(clientId: string): Promise<readonly ListedSecret[]>;
  /** @returns the value, where it is theirs */
  add(clientId: string, value: Secret): Promise<Secret | undefined>;
  retire(clientId: string, id: string): Promise<void>;
}

/** @throws FlowError refused where the provider lets nobody change them */
export function secretsOf({ clientSecrets, address }: IdentityProvider): LiveCredentials {
  if (clientSecrets === undefined) throw unable(address, 'client secrets');
  const { origin, live, changeLag = 0 } = clientSecrets;
  return {
    what: 'client secret',
    origin,
    live,
    changeLag,
    list: (clientId) => clientSecrets.list(clientId),
    add: async (clientId, value) => (await clientSecrets.add(clientId, origin === 'ours' ? value : undefined)).value,
    retire: (clientId, id) => clientSecrets.retire(clientId, id),
  };
}

/** The values are private keys; the provider gets and lists the public half. @throws FlowError refused */
export function keysOf({ clientKeys, address }: IdentityProvider): LiveCredentials {
  if (clientKeys === undefined) throw unable(address, 'the keys of clients');
  return {
    what: 'client key',
    origin: 'ours',
    live: clientKeys.live,
    changeLag: 0,
    async list(clientId) {
      const listed = await clientKeys.list(clientId);
      return listed.map(({ id, kid }) => ({ id, is: (key) => kid !== undefined && kid === publicJwk(key).kid }));
    },
    async add(clientId, value) {
      await clientKeys.add(clientId, publicJwk(value));
      return undefined;
    },
    retire: (clientId, id) => clientKeys.retire(clientId, id),
  };
}

function unable(address: string, what: string): FlowError {
  return new FlowError('refused', `the identity provider does not let us change ${what}`, {
    hint: 'use one of a type that does, in service.yaml',
    place: { subject: address },
  });
}

/**
 * The public half of a private key in PEM or JWK, with its own `kid`, else its thumbprint (RFC 7638).
 * @throws FlowError invalid-value where it is no private key
 */
export function publicJwk(key: Secret): PublicJwk {
  const { made, own } = publicHalf(key);
  const { kty, crv, x, y, n, e } = made.export({ format: 'jwk' });
  // in the order of RFC 7638, section 3.2, without what the type of key does not have
  const members = JSON.stringify({ crv, e, kty, n, x, y });
  const kid = own ?? crypto().createHash('sha256').update(members).digest('base64url');
  return { ...(JSON.parse(members) as object), use: 'sig', alg: algorithms[crv ?? kty ?? ''] ?? 'RS256', kid };
}

const algorithms: Readonly<Record<string, string>> = {
  Ed25519: 'EdDSA',
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  RSA: 'RS256',
};

function publicHalf(key: Secret): { readonly made: KeyObject; readonly own: string | undefined } {
  const text = key.reveal();
  try {
    if (!text.trimStart().startsWith('{')) return { made: crypto().createPublicKey(text), own: undefined };
    const jwk = JSON.parse(text) as JsonWebKey & { readonly kid?: unknown };
    const made = crypto().createPublicKey({ key: jwk, format: 'jwk' });
    return { made, own: typeof jwk.kid === 'string' && jwk.kid !== '' ? jwk.kid : undefined };
  } catch {
    // without the cause, which may quote the value
    throw new FlowError('invalid-value', 'the value is no private key', {
      hint: 'store one as PEM (PKCS #8) or JWK: vault/create-key makes it',
    });
  }
}

/** Those among the listed that are this value; undefined where the provider does not let us know. */
export function matching(listed: readonly ListedSecret[], value: Secret): readonly ListedSecret[] | undefined {
  return listed.some((each) => each.is === undefined) ? undefined : listed.filter(({ is }) => is?.(value) === true);
}
