import { type ErrorCode, FlowError } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Told } from './management-api.ts';
import { ownWords } from './own-words.ts';

/** What an answer means, after the provider's name. */
export type Meaning = readonly [code: ErrorCode, message: string, hint: string];

/** The first that fits says what an answer means, by its status and by what it says. */
export type Meanings<S> = readonly (readonly [fits: (status: number, said: S) => boolean, meaning: Meaning])[];

/**
 * What a status alone means at every API of users and clients, before what its words mean.
 * @param rights what gives the token the right to it
 * @param peer `a Keycloak realm`: what is expected at the address
 */
export function usualMeanings(rights: string, peer: string): Meanings<unknown> {
  return [
    [(status) => status === 401, ['denied', 'refuses the token', 'check its token, or the client of its token-flow']],
    [(status) => status === 403, ['denied', 'does not allow this', rights]],
    [(status) => status === 404, ['not-found', 'has no such thing', `is the address that of ${peer}?`]],
    [(status) => status === 409, ['conflict', 'says that it exists', 'use another name']],
    [(status) => status === 429, ['rate-limited', 'asks for fewer requests', 'try again later']],
  ];
}

/** The same after what its words mean. */
export const inTrouble: Meaning = ['unavailable', 'is in trouble', 'try again later'];

export interface Refusal<S> {
  /** the provider's name in service.yaml */
  readonly name: string;
  readonly answer: Told;
  readonly said: S;
  readonly meanings: Meanings<S>;
  readonly otherwise: Meaning;
  /** the server's own words, told unless they may quote the password or the bearer token */
  readonly words: string;
  readonly password: Secret | undefined;
  /** seconds */
  readonly retryAfter: number | undefined;
  /** what a value is about that is refused; default `password` */
  readonly subject?: string | undefined;
}

/** An answer that is none of those that were expected, as our error. */
export function refusedAnswer<S>(refusal: Refusal<S>): FlowError {
  const { name, answer, said, password, retryAfter, subject = 'password' } = refusal;
  const { status, bearer } = answer;
  const [code, message, hint] = refusal.meanings.find(([fits]) => fits(status, said))?.[1] ?? refusal.otherwise;
  const words = ownWords(refusal.words, bearer, password);
  const about = words === undefined ? '' : `: ${words}`;
  return new FlowError(code, `identity provider "${name}" ${message} (${status}${about})`, {
    hint,
    retryAfter,
    place: code === 'invalid-value' ? { subject } : undefined,
  });
}
