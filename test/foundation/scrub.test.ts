import { retryAfterOf } from '../../src/foundation/http.ts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quotasOf, quotaWarning } from '../../src/adapters/openid-client/quota-headers.ts';
import { scrub } from '../../src/foundation/scrub.ts';

describe('scrub', () => {
  const secrets = fc.string({ minLength: 8, maxLength: 60, unit: 'grapheme' });
  const around = fc.string({ maxLength: 30 });
  const forms: readonly ((value: string, before: string) => string)[] = [
    (value) => value,
    (value) => encodeURIComponent(value.toWellFormed()),
    (value) => Buffer.from(value).toString('hex'),
    (value, before) => Buffer.from(`${before}${value}`).toString('base64'),
    (value, before) => Buffer.from(`${before}${value}x`).toString('base64url'),
    (value) => JSON.stringify(value),
    (value) => Array.from(value).toReversed().join(''),
    (value) => Array.from(Buffer.from(value).toString('base64')).toReversed().join(''),
    (value) => Buffer.from(Array.from(value).toReversed().join('')).toString('base64'),
    (value) => Buffer.from(Array.from(value).toReversed().join('')).toString('hex'),
    (value) =>
      Array.from(value)
        .map((one) => `&#${one.codePointAt(0)};`)
        .join(''),
    (value) =>
      value
        .split('')
        .map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join(''),
    (value) => Buffer.from(value).toString('hex').replace(/../g, '$& '),
  ];

  it('never shows a text that repeats a secret, in whatever form', () => {
    fc.assert(
      fc.property(secrets, around, around, fc.constantFrom(...forms), (secret, before, after, form) => {
        // shorter ones leave nothing whole between the ends of base64
        fc.pre(Buffer.byteLength(secret) >= 12);
        expect(scrub(`${before}${form(secret, before)}${after}`, [secret])).toBeUndefined();
      }),
      { numRuns: 500, seed: 20_261_122 },
    );
  });

  it.each([
    'l-o-n-g-e-n-o-u-g-h',
    'h g u o n e g n o l',
    '%6c%6f%6e%67%65%6e%6f%75%67%68',
    'LONG_ENOUGH',
    'ｌｏｎｇｅｎｏｕｇｈ',
    '\\154\\157\\156\\147\\145\\156\\157\\165\\147\\150',
  ])('withholds %j, with whatever between the characters', (text) => {
    expect(scrub(`got ${text}`, ['longenough'])).toBeUndefined();
  });

  it.each([
    ['base32', 'NRXW4ZZNMVXG65LHNA======'],
    ['base32 within another text', 'PBWG63THFVSW433VM5UHS==='],
    ['base64 of base64', 'Ykc5dVp5MWxibTkxWjJnPQ=='],
    ['rot13', 'ybat-rabhtu'],
  ])('withholds a secret in %s', (_, text) => {
    expect(scrub(`got ${text}`, ['long-enough'])).toBeUndefined();
  });

  it('shows what repeats nothing', () => {
    expect(scrub('the client is disabled', ['long-enough-secret'])).toBe('the client is disabled');
    expect(scrub('', ['long-enough-secret'])).toBeUndefined();
  });

  it('counts a short secret whole', () => {
    expect(scrub('pin 1234 is wrong', ['1234'])).toBeUndefined();
    expect(scrub('pin 123 is wrong', ['1234'])).toBe('pin 123 is wrong');
  });
});

it.each([
  ['0', 0],
  ['120', 120],
  [' 7 ', 7],
  ['Fri, 14 Nov 2025 12:01:00 GMT', 60],
  ['Fri, 14 Nov 2025 11:00:00 GMT', 0],
  ['-5', undefined],
  ['1.5', undefined],
  ['99999999999', undefined],
  ['soon', undefined],
  ['', undefined],
  [null, undefined],
])('Retry-After %j is %s s', (header, seconds) => {
  expect(retryAfterOf(header, Date.UTC(2025, 10, 14, 12))).toBe(seconds);
});

it.each([
  ['b=per_hour;q=10;r=7;t=3540,b=per_day;q=50;r=0;t=43200', ['per_hour 7', 'per_day 0'], 1],
  ['b=per_hour;q=10;r=-1;t=3540', [], 0],
  ['b=per hour;q=10;r=1;t=3540', [], 0],
  ['q=10;r=1;t=3', [], 0],
  [',;=,', [], 0],
  ['b=x;q=1e9;r=1;t=3', [], 0],
])('the quota header %j', (text, quotas, warnings) => {
  const found = quotasOf(new Headers({ 'Auth0-Client-Quota-Limit': text }));
  expect(found.map(({ name, remaining }) => `${name} ${remaining}`)).toEqual(quotas);
  expect(found.map(quotaWarning).filter((warning) => warning !== undefined)).toHaveLength(warnings);
});
