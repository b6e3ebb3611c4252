import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto';
import { FlowError } from '../../../foundation/errors.ts';
import type { Secret } from '../../../foundation/secret.ts';
import type { ClientAuthentication, Credential, TokenRequest } from '../contract.ts';

/** The part of a discovery document (RFC 8414) that decides how a client authenticates. */
export interface AuthenticationMetadata {
  readonly token_endpoint_auth_methods_supported?: readonly string[] | undefined;
  readonly token_endpoint_auth_signing_alg_values_supported?: readonly string[] | undefined;
}

/**
 * How the client authenticates: as asked; with its key where it has one; else with its secret in the body, unless the
 * issuer lists methods and this is not among them, but Basic is.
 */
export function authenticationOf(request: TokenRequest, metadata: AuthenticationMetadata): ClientAuthentication {
  if (request.authentication !== undefined) return request.authentication;
  if (request.clientKey !== undefined) return 'private_key_jwt';
  const supported = metadata.token_endpoint_auth_methods_supported;
  const onlyBasic =
    Array.isArray(supported) && !supported.includes('client_secret_post') && supported.includes('client_secret_basic');
  return onlyBasic ? 'client_secret_basic' : 'client_secret_post';
}

/** What the client can show, in order. @throws FlowError usage where it does not fit the authentication */
export function credentialsOf(
  request: TokenRequest,
  authentication: ClientAuthentication,
): readonly [Credential, Credential?] {
  const withKey = authentication === 'private_key_jwt';
  const [first, second] = withKey ? [request.clientKey] : (request.clientSecrets ?? []);
  if (first === undefined) {
    throw new FlowError('usage', `${authentication} needs a ${withKey ? 'client key' : 'client secret'}`, {
      hint: withKey ? 'give client-key' : 'give client-secret',
    });
  }
  return second === undefined ? [first] : [first, second];
}

/** A client's private key for assertions (RFC 7523), and its id where the JWK tells one. */
export interface ClientKey {
  readonly key: webcrypto.CryptoKey;
  readonly kid?: string;
}

/**
 * The private key in a PEM or JWK. An RSA key signs with PS256 where the issuer does not list RS256 but PS256, else
 * with RS256; a JWK's own `alg` comes first.
 * @throws FlowError invalid-value where it is no private signing key; without the cause, which may quote the value
 */
export async function importClientKey(
  value: Secret,
  credential: Credential,
  metadata: AuthenticationMetadata,
): Promise<ClientKey> {
  const { importJWK } = await import('jose');
  const text = value.reveal();
  const jwk = text.trimStart().startsWith('{') ? parseJwk(text, credential) : exportPem(text, credential);
  const algorithm = algorithmOf(jwk, metadata.token_endpoint_auth_signing_alg_values_supported);
  if (algorithm === undefined) throw wrong(credential, 'the client key cannot sign', keyHint);
  try {
    const { kid, use: _use, key_ops: _operations, ...material } = jwk;
    const key = await importJWK(material, algorithm);
    if (key instanceof Uint8Array || key.type !== 'private' || !key.usages.includes('sign'))
      throw new TypeError('not private');
    return typeof kid === 'string' && kid !== '' ? { key, kid } : { key };
  } catch {
    throw wrong(credential, 'the client key is not a valid private key', keyHint);
  }
}

const keyHint =
  'store a private key as PEM (PKCS #8) or JWK: RSA of 2,048 bits or more, P-256, P-384, P-521 or Ed25519';

type Jwk = Readonly<Record<string, unknown>> & { readonly kty?: string; readonly alg?: string };

function parseJwk(text: string, credential: Credential): Jwk {
  try {
    const jwk: unknown = JSON.parse(text);
    if (typeof jwk === 'object' && jwk !== null && 'd' in jwk && typeof jwk.d === 'string') return { ...jwk };
  } catch {
    // told below, without the parser's message, which quotes the text
  }
  throw wrong(credential, 'the client key is not a private JWK', keyHint);
}

function exportPem(text: string, credential: Credential): Jwk {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    const encrypted = text.includes('ENCRYPTED');
    throw wrong(
      credential,
      encrypted ? 'the client key is encrypted' : 'the client key is not a PEM or JWK',
      encrypted ? 'store it without a passphrase: the vault encrypts it' : keyHint,
    );
  }
  try {
    return { ...key.export({ format: 'jwk' }) };
  } catch {
    throw wrong(credential, 'the client key is of a kind that cannot sign assertions', keyHint);
  }
}

const curves: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'Ed25519',
};

function algorithmOf(jwk: Jwk, supported: readonly string[] | undefined): string | undefined {
  if (typeof jwk.alg === 'string') return jwk.alg;
  if (jwk.kty !== 'RSA') return curves[String(jwk['crv'])];
  const listed = Array.isArray(supported) ? supported : [];
  return !listed.includes('RS256') && listed.includes('PS256') ? 'PS256' : 'RS256';
}

function wrong(credential: Credential, message: string, hint: string): FlowError {
  return new FlowError('invalid-value', message, { hint, place: { subject: credential.label } });
}
