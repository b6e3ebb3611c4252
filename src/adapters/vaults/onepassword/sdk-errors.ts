import { FlowError, type ErrorCode } from '../../../foundation/errors.ts';
import { byProxy } from '../../../foundation/proxy.ts';
import type { SdkFailure } from './thread-messages.ts';

/** What the SDK says and what it means. Its texts are the only clue: all but one of its errors are plain ones. */
interface Meaning {
  readonly text: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** what a person can do where it was a read */
  readonly hintOfRead?: string;
  /** as {@link FlowError.about} */
  readonly about?: 'subject';
  /** where it was said of a batch of items: it may be one of them alone */
  readonly ofOne?: true;
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
    text: /failed to authenticate|you are not authenticated|bad request|permissions to access this resource/i,
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
    hintOfRead: 'make a service account that may read the vault; access is fixed when one is created',
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
    ofOne: true,
  },
  {
    text: /error (?:decrypting|deserializing) item.* (?:listing items|item listing)/i,
    code: 'invalid-value',
    message: "the names of the vault's items cannot be read: one of them is damaged",
    hint: 'look for a title with a broken character and write it anew; items named by their ids can be read meanwhile',
    about: 'subject',
  },
  {
    text: /error (?:decrypting|deserializing)/i,
    code: 'invalid-value',
    message: 'what is stored in the vault cannot be read: it is damaged',
    hint: 'open it in 1Password; restore an older version of it, or make it anew',
    about: 'subject',
    ofOne: true,
  },
  {
    text: /when deserializing HTTP responses/i,
    code: 'protocol',
    message: 'the vault gave an answer that is not one of 1Password',
    hint: 'something on the way answers in its place: a proxy or a portal',
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
  ofOne: true,
};

function meaningOf(text: string): Meaning {
  return meanings.find((each) => each.text.test(text)) ?? unknown;
}

/** Whether what was said of a batch of items may concern one of them alone. */
export function mayBeOneItem(text: string): boolean {
  return meaningOf(text).ofOne === true;
}

export function isArchived(text: string): boolean {
  return /not in an active state/.test(text);
}

/** Whether every other call would fail as well: the token, or its quota. */
export function endsAll(text: string): boolean {
  const { code, about } = meaningOf(text);
  return about === undefined && (code === 'denied' || code === 'rate-limited');
}

/** What something between us and the service did to one answer. */
export function onTheWay(text: string): { readonly message: string; readonly hint: string } | undefined {
  const { code, message, hint, ofOne } = meaningOf(text);
  return code === 'protocol' && ofOne === undefined ? { message, hint } : undefined;
}

/**
 * An SDK failure as our error.
 * @param call whether it was a read, and of one vault: then words that nobody knows tell nothing about the service
 * @param proxy that the vault is reached by
 */
export function classify(
  failure: SdkFailure,
  call: { readonly reads?: boolean; readonly ofVault?: boolean } = {},
  proxy?: string,
): FlowError {
  const text = failure.name === 'RateLimitExceededError' ? 'rate limit exceeded' : failure.text;
  const meaning = meaningOf(text);
  const network =
    meaning.code === 'unavailable' && failure.network !== undefined ? `${byProxy(proxy)}: ${failure.network}` : '';
  return new FlowError(meaning.code, `${meaning.message}${network}`, {
    hint: (call.reads === true ? meaning.hintOfRead : undefined) ?? meaning.hint,
    about: meaning === unknown && call.ofVault === true ? 'subject' : meaning.about,
    cause: new Error(`${failure.name}: ${failure.text}`),
    retryAfter: meaning.code === 'rate-limited' ? failure.retryAfter : undefined,
  });
}
