import { FlowError, type ErrorCode } from '../../../foundation/errors.ts';
import type { SdkFailure } from './thread-messages.ts';

/** What the SDK says and what it means. Its texts are the only clue: all but one of its errors are plain ones. */
interface Meaning {
  readonly text: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** as {@link FlowError.about} */
  readonly about?: 'subject';
}

const meanings: readonly Meaning[] = [
  {
    text: /rate limit exceeded/i,
    code: 'rate-limited',
    message: "the quota of the vault's token or account is used up",
    hint: 'wait until it resets; a new token does not raise the daily limit of the account',
  },
  {
    text: /invalid service account token|service account token had invalid format|requires either/i,
    code: 'invalid-value',
    message: "the vault's token is malformed",
    hint: 'it begins with ops_; copy it whole, without spaces or line breaks',
  },
  {
    text: /failed to authenticate|you are not authenticated|authentication error: bad request|permissions to access this resource/i,
    code: 'denied',
    message: 'the vault refused its token',
    hint: 'it is revoked or expired: make a new one in 1Password and put it where token: says',
  },
  {
    text: /DecryptingSymmetricKey|GcmFailedToDecrypt/,
    code: 'denied',
    message: "the token does not open the vault's keys",
    hint: 'it is damaged or of another account: make a new one',
  },
  {
    text: /desktop app|native library|desktop session/i,
    code: 'unavailable',
    message: 'the 1Password desktop app did not answer',
    hint: 'open and unlock it, and switch on "integrate with other apps" in its developer settings',
  },
  {
    text: /do not have the right permissions/i,
    code: 'denied',
    message: 'the token may not do that in this vault',
    hint: 'give its service account write access to the vault; access is fixed when one is created',
    about: 'subject',
  },
  {
    text: /not up to date|data conflict occurred/i,
    code: 'conflict',
    message: 'the item or its vault has changed in between',
    hint: 'someone else is at work on it; run again',
    about: 'subject',
  },
  {
    text: /not in an active state/i,
    code: 'not-found',
    message: 'the item is archived',
    hint: 'restore it in 1Password, or name another',
    about: 'subject',
  },
  {
    text: /couldn't be found|no vault matched|no item matched|cannot be found|ID is not in a valid format/i,
    code: 'not-found',
    message: 'there is no such vault or item, or the token may not see it',
    hint: 'compare the names in 1Password, and which vaults the service account has',
    about: 'subject',
  },
  {
    text: /unsupported|web ?form|would be lost|cannot be edited|can't be edited/i,
    code: 'refused',
    message: 'the SDK cannot change this item without losing parts of it',
    hint: 'make an item of its own for this, instead of one that is used in browsers',
    about: 'subject',
  },
  {
    text: /too (?:big|large)|exceeds the limit/i,
    code: 'invalid-value',
    message: 'the item is too large',
    hint: 'keep large files elsewhere',
    about: 'subject',
  },
  {
    text: /error sending request/i,
    code: 'unavailable',
    message: 'the vault cannot be reached',
    hint: 'check the network, the proxy and the certificates of this machine',
  },
  {
    text: /internal server error|unexpected status code in response: 5\d\d/i,
    code: 'unavailable',
    message: 'the vault has a fault of its own',
    hint: 'try again in a while; see https://status.1password.com',
  },
  {
    text: /unexpected status code in response: 3\d\d/i,
    code: 'protocol',
    message: 'the vault answered with a redirect, which is not followed',
    hint: 'something on the way answers in its place: a proxy or a portal',
  },
];

const unknown: Meaning = {
  text: /(?:)/,
  code: 'protocol',
  message: 'the vault gave an answer that the 1Password SDK does not understand',
  hint: 'run with --debug for its words',
};

/** An SDK failure as our error. */
export function classify(failure: SdkFailure): FlowError {
  const text = failure.name === 'RateLimitExceededError' ? 'rate limit exceeded' : failure.text;
  const meaning = meanings.find((each) => each.text.test(text)) ?? unknown;
  const network = meaning.code === 'unavailable' && failure.network !== undefined ? `: ${failure.network}` : '';
  return new FlowError(meaning.code, `${meaning.message}${network}`, {
    hint: meaning.hint,
    about: meaning.about,
    cause: new Error(`${failure.name}: ${failure.text}`),
    retryAfter: failure.retryAfter,
  });
}

/** An error of our own about one vault or item. */
export function subjectError(code: ErrorCode, message: string, hint?: string): FlowError {
  return new FlowError(code, message, { hint, about: 'subject' });
}
