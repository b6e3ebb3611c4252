import type { Reference } from '../../foundation/reference.ts';
import { form, type InputOf, type Keys, optional } from '../../language/forms.ts';
import type { KeyProblem } from '../declaration.ts';
import type { ClientRequest, Credential } from './contract.ts';

/** What a client authenticates with, wherever one is written. */
export const credentialKeys = {
  'client-secret': optional(
    form.list(form.reference(), { minimum: 1, maximum: 2, orOne: true }),
    'the client secret; during a rotation two, tried in order',
    { example: 'op://Agents/Orders M2M/credential' },
  ),
  'client-key': optional(form.reference(), 'the private key for private_key_jwt, as PEM (PKCS #8) or JWK'),
  authentication: optional(
    form.oneOf('client_secret_post', 'client_secret_basic', 'private_key_jwt'),
    'how the client authenticates; without it private_key_jwt with a key, else the body unless the issuer lists only Basic; where it lists nothing, or asks for Basic, that is tried too',
  ),
  assertion: optional(
    form.object({
      audience: optional(
        form.text(),
        'its `aud`; default the issuer identifier; Entra ID and Okta want the token endpoint',
      ),
      'key-id': optional(form.text(), 'its `kid`; default that of a JWK'),
      certificate: optional(
        form.reference(),
        'a reference to the certificate of the client key, as PEM: `x5t` and `x5t#S256` are made of it',
      ),
    }),
    'what the assertion of private_key_jwt says beyond its key (RFC 7523)',
  ),
} satisfies Keys;

export type ClientCredentials = InputOf<typeof credentialKeys>;

/** Credentials that do not fit each other. @param given the keys that are written, `client-id` among them */
export function clientProblems(
  { authentication, assertion }: Partial<Pick<ClientCredentials, 'authentication' | 'assertion'>>,
  given: ReadonlySet<string>,
): readonly KeyProblem[] {
  const problems: KeyProblem[] = [];
  const [secret, key] = [given.has('client-secret'), given.has('client-key')];
  if (!secret && !key) {
    problems.push({
      key: 'client-id',
      problem: 'has no credential beside it',
      hint: 'give client-secret, or client-key for private_key_jwt',
    });
  }
  if (secret && key) {
    problems.push({ key: 'client-key', problem: 'stands beside client-secret', hint: 'keep one of them' });
  } else if (secret && authentication === 'private_key_jwt') {
    problems.push({ key: 'authentication', problem: 'does not use a client secret', hint: 'give client-key instead' });
  } else if (key && authentication !== undefined && authentication !== 'private_key_jwt') {
    problems.push({ key: 'authentication', problem: 'does not use a client key', hint: 'write private_key_jwt' });
  }
  if (assertion !== undefined && !key) {
    problems.push({ key: 'assertion', problem: 'is of private_key_jwt', hint: 'give client-key, or remove it' });
  }
  return problems;
}

/** The part of a request that authenticates. @param credential how a reference is read */
export function authenticatedBy(
  { 'client-secret': secrets, 'client-key': key, authentication, assertion }: ClientCredentials,
  credential: (reference: Reference) => Credential,
): Pick<ClientRequest, 'clientSecrets' | 'clientKey' | 'authentication' | 'assertion'> {
  return {
    clientSecrets: secrets?.map(credential),
    clientKey: key && credential(key),
    authentication,
    assertion: assertion && {
      audience: assertion.audience,
      keyId: assertion['key-id'],
      certificate: assertion.certificate && credential(assertion.certificate),
    },
  };
}
