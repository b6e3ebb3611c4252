import type { FlowError } from '../../../foundation/errors.ts';
import { retryAfterOf } from '../../../foundation/http.ts';
import type { NewUser } from '../contract.ts';
import type { Told } from '../management-api.ts';
import { inTrouble, type Meaning, type Meanings, refusedAnswer } from '../refused-answer.ts';

/** What an error answer says, and what it is about. */
interface Said {
  /** RFC 7644, section 3.12 */
  readonly scimType: string | undefined;
  readonly detail: string;
  /** the user that was to be made */
  readonly given: NewUser | undefined;
  /** epoch milliseconds */
  readonly now: number;
}

const byHand = 'do it at the provider by hand';

const meanings: Meanings<Said> = [
  [(status) => status === 401, ['denied', 'refuses the token', 'check its token, or the client of its token-flow']],
  [
    (status) => status === 403,
    ['denied', 'does not allow this', 'give the token, or the client of its token-flow, the right to manage users'],
  ],
  [(status) => status === 404, ['not-found', 'has no such resource', 'is the address that of a SCIM API?']],
  [
    (status, { scimType }) => status === 409 || scimType === 'uniqueness',
    ['conflict', 'says that the user exists', 'use another user name'],
  ],
  [(status) => status === 429, ['rate-limited', 'asks for fewer requests', 'try again later']],
  [(status) => [405, 501].includes(status), ['protocol', 'does not offer this operation', byHand]],
  [refusesPassword, ['invalid-value', 'refuses the password', "fit the password to the provider's rules"]],
  // a server that says what is wrong with the request does not mean "later", whatever its status
  [(status, { scimType }) => status >= 500 && scimType === undefined, inTrouble],
];
const otherwise: Meaning = ['protocol', 'refuses the request', 'compare the user with what the provider asks for'];

export function scimFailure(name: string, answer: Told, said: Said): FlowError {
  const { detail: words, given, now } = said;
  const retryAfter = retryAfterOf(answer.headers.get('retry-after'), now);
  return refusedAnswer({ name, answer, said, meanings, otherwise, words, password: given?.password, retryAfter });
}

/** `password` as a word of its own or at the end of a path, and Keycloak's code; not `passwordHint`, not `passport` */
const passwordAttribute = /(?<![\w-])password(?![\w-])|\binvalidPassword\w*/i;
/** what may stand before it where the password is what the answer is about; after any other word it is an aside */
const introduces =
  /^(?:\d+|the|an?|new|users?|user's|given|supplied|provided|specified|attributes?|field|property|parameter|value|of|for|invalid\w*|weak|bad|scim|errors?|\w+(?:error|exception)|validation|failed|failure|constraint|violations?|urn:[\w.:-]+)$/i;
/** something else about passwords than what one holds */
const somethingElse =
  /^password\W+(?:reset|recovery|hint|e-?mail|service|store|module|sync\w*)\b|\b(?:missing|required|provided|supplied|present|null|empty|blank|set|ignored|evaluated|checked|not supported|unsupported|unknown|read-?only|mutable|could not|unable|loaded|configured|locked|federated)\b/i;
/** what is said of a value that does not fit */
const misfits =
  /\b(?:invalid\w*|weak|polic\w+|complex\w*|requirements?|min(?:imum)?|max(?:imum)?|must|short|long|length|common|breach\w*|compromised|pwned|reject\w*|refus\w*|not (?:meet|allowed|accept\w*|permitted|valid)|strength|history|reused?|used before|previous\w*|unacceptable|violat\w*|dictionary)\b/i;

/**
 * The vault's item goes with a refused password, so nothing is guessed: the answer is about that attribute before all
 * else, and says that its value does not fit.
 */
function refusesPassword(status: number, { given, detail, scimType }: Said): boolean {
  if (given === undefined || (scimType !== undefined && scimType !== 'invalidValue')) return false;
  if (![400, 422, 500].includes(status)) return false;
  // what the password holds is no word of the server's
  const words = detail.slice(0, 2_000).replaceAll(given.password.reveal(), '');
  const at = words.search(passwordAttribute);
  if (at === -1) return false;
  const before = words.slice(0, at).match(/[\w.:'-]*\w/g) ?? [];
  const [said = ''] = words.slice(at).split(/[.;](?:\s|$)|[\r\n]/, 1);
  if (!before.every((word) => introduces.test(word.replace(/^\W+/, ''))) || somethingElse.test(said)) return false;
  return misfits.test(`${before.join(' ')} ${said}`) || (status !== 500 && scimType === 'invalidValue');
}
