import { FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Discover, Metadata, Need } from './discovery.ts';
import type { ClientAuthentication, ClientRequest, Credential } from '../issuers/contract.ts';
import { authenticationOf, credentialsOf, otherAuthentication } from './client-authentication.ts';

/** A request with one credential. */
export interface Attempt<R extends ClientRequest = ClientRequest> {
  readonly request: R;
  readonly metadata: Metadata;
  readonly authentication: ClientAuthentication;
  readonly credential: Credential;
  readonly secret: Secret;
}

export interface Refused {
  readonly refused: FlowError;
  /** another live client secret may be accepted */
  readonly credential: boolean;
  /** the answer asks for Basic (RFC 6749, section 5.2) */
  readonly challenged: boolean;
}

/** Asks an issuer as a client, with each of its secrets and ways to authenticate that may be the right one. */
export type AsClient = <R extends ClientRequest, T extends object>(
  request: R,
  needs: readonly Need[],
  ask: (attempt: Attempt<R>) => Promise<T | Refused>,
) => Promise<T>;

export function createAsClient(discover: Discover): AsClient {
  /** the one that was accepted where the issuer does not tell */
  let learnt: ClientAuthentication | undefined;

  return async (request, needs, ask) => {
    if (request.clientId === '') {
      throw new FlowError('invalid-value', 'the client id is empty', { hint: 'store its value in the vault' });
    }
    // the first credential is read while the issuer is discovered, a second one only where it is needed
    const early = request.clientKey ?? request.clientSecrets?.[0];
    const [metadata, value] = await Promise.all([discover(needs, request.signal), early?.read()]);
    const read = (credential: Credential) =>
      credential === early && value !== undefined ? Promise.resolve(value) : credential.read();

    const askAs = async (authentication: ClientAuthentication) =>
      withOneOf(credentialsOf(request, authentication), request, async (credential) => {
        const askWith = async (secret: Secret) => {
          if (!secret.isEmpty) return ask({ request, metadata, authentication, credential, secret });
          throw new FlowError('invalid-value', 'the client credential is empty', {
            hint: 'store its value in the vault',
            place: { subject: credential.label },
          });
        };
        const secret = await read(credential);
        const answer = await askWith(secret);
        if (!('refused' in answer) || !answer.credential) return answer;
        const anew = await credential.readAnew?.();
        return anew === undefined || anew.equals(secret) ? answer : askWith(anew);
      });

    const usual = authenticationOf(request, metadata);
    const fitting = learnt === otherAuthentication(request, usual, metadata, true) ? learnt : undefined;
    const answer = await askAs(fitting ?? usual);
    if (!('refused' in answer)) return answer;
    const other = fitting === undefined ? otherAuthentication(request, usual, metadata, answer.challenged) : undefined;
    if (other === undefined || !(answer.credential || answer.challenged)) throw answer.refused;
    const second = await askAs(other);
    if ('refused' in second) throw answer.refused;
    learnt = other;
    return second;
  };
}

/** Shows the first credential, and the second, where there is one, if the first was refused. */
async function withOneOf<T extends object>(
  [first, second]: readonly [Credential, Credential?],
  { warn }: Pick<ClientRequest, 'warn'>,
  attempt: (credential: Credential) => Promise<T | Refused>,
): Promise<T | Refused> {
  const answer = await attempt(first);
  if (!('refused' in answer)) return answer;
  const refused = answer.refused.at({ subject: first.label });
  if (!answer.credential || second === undefined) return { ...answer, refused };
  const other = await attempt(second).catch((error: unknown) => {
    // between two rotations only one of them stands in the vault
    if (error instanceof FlowError && error.code === 'not-found') return undefined;
    throw error;
  });
  if (other === undefined) return { ...answer, refused };
  if (!('refused' in other)) {
    warn(`the client secret ${first.label} was refused, ${second.label} was accepted: change or remove the first`);
    return other;
  }
  if (!other.credential) return { ...other, refused: other.refused.at({ subject: second.label }) };
  const both = new FlowError('denied', `both client secrets were refused; ${refused.message}`, {
    hint: `check the client id, and ${first.label} and ${second.label}`,
    place: { subject: first.label },
  });
  return { ...other, refused: both };
}
