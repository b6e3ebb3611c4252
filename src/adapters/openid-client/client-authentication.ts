import { createHash, createPrivateKey, type KeyObject, type webcrypto, X509Certificate } from 'node:crypto';
import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Assertion, ClientAuthentication, ClientRequest, Credential } from '../issuers/contract.ts';

/** The part of a discovery document (RFC 8414) that decides how a client authenticates. */
export interface AuthenticationMetadata {
  readonly token_endpoint_auth_methods_supported?: readonly string[] | undefined;
  readonly token_endpoint_auth_signing_alg_values_supported?: readonly string[] | undefined;
}

/**
 * How the client authenticates: as asked; with its key where it has one; else with its secret in the body, unless the
 * issuer lists methods and this is not among them, but Basic is.
 */
export function authenticationOf(request: ClientRequest, metadata: AuthenticationMetadata): ClientAuthentication {
  if (request.authentication !== undefined) return request.authentication;
  if (request.clientKey !== undefined) return 'private_key_jwt';
  const supported = metadata.token_endpoint_auth_methods_supported;
  const onlyBasic =
    Array.isArray(supported) && !supported.includes('client_secret_post') && supported.includes('client_secret_basic');
  return onlyBasic ? 'client_secret_basic' : 'client_secret_post';
}

/**
 * What else may be tried where the first was refused. RFC 8414, section 2: an issuer that lists no methods takes Basic.
 * One that lists more than one says by its challenge (RFC 6749, section 5.2) which it wants of this client.
 */
export function otherAuthentication(
  { authentication }: ClientRequest,
  tried: ClientAuthentication,
  metadata: AuthenticationMetadata,
  challenged: boolean,
): ClientAuthentication | undefined {
  if (authentication !== undefined || tried === 'private_key_jwt') return undefined;
  const supported = metadata.token_endpoint_auth_methods_supported;
  const listed = Array.isArray(supported);
  if (tried === 'client_secret_basic') return listed ? undefined : 'client_secret_post';
  return !listed || (challenged && supported.includes('client_secret_basic')) ? 'client_secret_basic' : undefined;
}

/**
 * `Authorization: Basic` as RFC 6749, section 2.3.1, has it: both parts form-encoded first. What a URI leaves plain
 * stays plain: `-`, `_`, `.` and `~` mean themselves to a server that decodes and to one that does not.
 */
export function basicHeader(clientId: string, secret: Secret): string {
  const encoded = [clientId, secret.reveal()].map((part) =>
    encodeURIComponent(part.toWellFormed())
      .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+'),
  );
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`;
}

/** What an assertion says of the key that signed it, beside its algorithm. @throws FlowError invalid-value */
export async function assertionHeader(
  { keyId, certificate }: Assertion,
  { certifiedBy }: ClientKey,
): Promise<Readonly<Record<string, string>>> {
  const named = keyId === undefined ? {} : { kid: keyId };
  if (certificate === undefined) return named;
  const text = (await certificate.read()).reveal();
  let found: X509Certificate;
  try {
    found = new X509Certificate(text);
  } catch {
    throw wrong(certificate, 'the certificate is not one', 'store the certificate of the client key as PEM');
  }
  if (!certifiedBy(found)) {
    throw wrong(certificate, 'the certificate is not that of the client key', 'store the two that belong together');
  }
  const thumbprint = (algorithm: string) => createHash(algorithm).update(found.raw).digest('base64url');
  return { ...named, x5t: thumbprint('sha1'), 'x5t#S256': thumbprint('sha256') };
}

/** What the client can show, in order. @throws FlowError usage where it does not fit the authentication */
export function credentialsOf(
  request: ClientRequest,
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
  /** whether the certificate is that of its public half */
  readonly certifiedBy: (certificate: X509Certificate) => boolean;
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
    const certifiedBy = (certificate: X509Certificate) =>
      certificate.checkPrivateKey(createPrivateKey({ key: material, format: 'jwk' }));
    return { key, certifiedBy, ...(typeof kid === 'string' && kid !== '' ? { kid } : {}) };
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
