import { describe, expect, test } from 'vitest';
import { classify } from '../../../../src/adapters/vaults/onepassword/sdk-errors.ts';

/** The SDK's own words (0.5.0), as they were seen. */
const seen: readonly (readonly [string, string, string])[] = [
  ['Error', 'authentication error: rate limit exceeded', 'rate-limited'],
  ['Error', 'error resolving secret reference: performing a vault operation: rate limit exceeded', 'rate-limited'],
  ['RateLimitExceededError', 'whatever it says', 'rate-limited'],
  [
    'Error',
    'invalid service account token, please make sure you provide a valid service account token as parameter:  service account base64 decoding failed, please create another token',
    'invalid-value',
  ],
  [
    'Error',
    'invalid user input: encountered the following errors: service account token had invalid format',
    'invalid-value',
  ],
  ['Error', 'authentication error: you are not authenticated', 'denied'],
  ['Error', 'authentication error: bad request', 'denied'],
  ['Error', 'bad credentials, please retry: failed to authenticate', 'denied'],
  [
    'Error',
    'error resolving secret reference: unable to retrieve vaults: bad credentials, please retry: failed to authenticate',
    'denied',
  ],
  ['Error', "authentication error: you don't have the right permissions to access this resource", 'denied'],
  ['Error', 'unlocking vaults when listing vaults: DecryptingSymmetricKey(GcmFailedToDecrypt)', 'denied'],
  [
    'Error',
    'authentication error: request library compatibility issue, check that the your environment uses compatible versions: reqwest library: error sending request',
    'unavailable',
  ],
  ['Error', 'internal server error', 'unavailable'],
  ['Error', 'unexpected status code in response: 503 Service Unavailable', 'unavailable'],
  ['Error', 'Native library is not available.', 'unavailable'],
  ['Error', '1Password desktop application not found', 'unavailable'],
  ['Error', 'unexpected status code in response: 302 Found', 'protocol'],
  [
    'Error',
    'authentication error: when deserializing HTTP responses into the corresponding types in unauthenticated request',
    'protocol',
  ],
  ['string', 'words that nobody has seen', 'protocol'],
];
const aboutOne: readonly (readonly [string, string])[] = [
  ['you do not have the right permissions to perform this action: performing a vault operation', 'denied'],
  ['data conflict occurred on the server: performing a vault operation', 'conflict'],
  [
    'invalid user input: encountered the following errors: The submitted item is not up to date. Refetch the item and retry the request.',
    'conflict',
  ],
  ['item is not in an active state', 'not-found'],
  ["item couldn't be found", 'not-found'],
  ['error decrypting item overview when listing items', 'invalid-value'],
  ['error deserializing item during item listing', 'invalid-value'],
  ['error decrypting item details', 'invalid-value'],
  ['invalid user input: encountered the following errors: the provided ID is not in a valid format', 'not-found'],
  [
    'invalid user input: encountered the following errors: cannot update item x. Editing is not supported for unsupported fields,',
    'refused',
  ],
];

describe('what the SDK says', () => {
  test('words that nobody has seen tell nothing about the service where they are of one vault', () => {
    expect(classify({ name: 'Error', text: 'odd' }, { ofVault: true })).toMatchObject({
      code: 'protocol',
      about: 'subject',
    });
  });

  test('who may not read is not told to ask for write access', () => {
    const text = 'you do not have the right permissions to perform this action';
    expect(classify({ name: 'Error', text }, { reads: true }).hint).not.toContain('write');
    expect(classify({ name: 'Error', text }, { reads: false }).hint).toContain('write access');
  });

  test.each(seen)('%s: %s → %s', (name, text, code) => {
    const error = classify({ name, text });
    expect(error.code).toBe(code);
    expect(error.about).toBeUndefined();
  });

  test.each(aboutOne)('%s → %s, for one vault or item', (text, code) => {
    const error = classify({ name: 'Error', text });
    expect(error.code).toBe(code);
    expect(error.about).toBe('subject');
    expect(error.at({ subject: 'op://Agents/One' }).about).toBe('subject');
  });

  test('every error says what to do', () => {
    for (const text of [...seen.map((row) => row[1]), ...aboutOne.map((row) => row[0])]) {
      expect(classify({ name: 'Error', text }).hint).toBeTruthy();
    }
  });

  test("the service's Retry-After and the network's code are passed on", () => {
    expect(classify({ name: 'Error', text: 'rate limit exceeded', retryAfter: 61 }).retryAfter).toBe(61);
    expect(classify({ name: 'Error', text: 'error sending request', network: 'ENOTFOUND' }).message).toContain(
      'ENOTFOUND',
    );
  });
});
