import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlowError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import {
  codeAt,
  millisecondsLeft,
  newOneTimePassword,
  normaliseSeed,
  oneTimePasswordDigest,
  oneTimePasswordUri,
  parseOneTimePassword,
  timeStepAt,
  type OneTimePassword,
} from '../../src/foundation/totp.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((group) => alphabet.charAt(Number.parseInt(group.padEnd(5, '0'), 2)))
    .join('');
}

const seed = (bytes: number) => base32(Buffer.from('1234567890'.repeat(7).slice(0, bytes)));

describe('RFC 6238, appendix B', () => {
  const vectors = [
    [59, '94287082', '46119246', '90693936'],
    [1111111109, '07081804', '68084774', '25091201'],
    [1111111111, '14050471', '67062674', '99943326'],
    [1234567890, '89005924', '91819424', '93441116'],
    [2000000000, '69279037', '90698825', '38618901'],
    [20000000000, '65353130', '77737706', '47863826'],
  ] as const;
  const kinds = [
    ['SHA1', 20],
    ['SHA256', 32],
    ['SHA512', 64],
  ] as const;
  const cases = vectors.flatMap(([seconds, ...codes]) =>
    kinds.map(([algorithm, bytes], index) => ({ seconds, algorithm, bytes, code: codes[index] })),
  );
  test.each(cases)('$algorithm at $seconds s', async ({ seconds, algorithm, bytes, code }) => {
    const field = `otpauth://totp/x?secret=${seed(bytes)}&algorithm=${algorithm}&digits=8`;
    const password = await parseOneTimePassword(new Secret(field));
    expect((await codeAt(password, seconds * 1000)).reveal()).toBe(code);
    // fewer digits are the tail of more
    for (const digits of [1, 5, 6, 7]) {
      expect((await codeAt({ ...password, digits }, seconds * 1000 + 999)).reveal()).toBe(code?.slice(-digits));
    }
  });
});

describe('what a field may hold', () => {
  const facts = { algorithm: 'SHA1', digits: 6, period: 30 };
  test.each<[string, string, Partial<OneTimePassword> & { secret?: never }, string]>([
    ['a bare seed', 'JBSWY3DPEHPK3PXP', {}, 'JBSWY3DPEHPK3PXP'],
    ['as pasted', ' jbsw y3dp-ehpk 3pxp\n', {}, 'JBSWY3DPEHPK3PXP'],
    ['with padding', 'JBSWY3DPEHPK3PXPAA======', {}, 'JBSWY3DPEHPK3PXPAA'],
    ['with spare bits set', 'JBSWY3DPEHPK3PXPAB', {}, 'JBSWY3DPEHPK3PXPAA'],
    ['a URI with nothing but a seed', 'otpauth://totp/a?secret=JBSWY3DPEHPK3PXP', {}, 'JBSWY3DPEHPK3PXP'],
    ['a URI without a label', 'otpauth://totp/?secret=JBSWY3DPEHPK3PXP', {}, 'JBSWY3DPEHPK3PXP'],
    ['a URI in upper case', 'OTPAUTH://TOTP/a?secret=JBSWY3DPEHPK3PXP', {}, 'JBSWY3DPEHPK3PXP'],
    ['a seed of 8 characters in a URI', 'otpauth://totp/a?secret=JBSWY3DP', {}, 'JBSWY3DP'],
    [
      'everything said',
      'otpauth://totp/A%20C:b%40c?secret=jbsw%20y3dp&issuer=A%20C&algorithm=SHA512&digits=7&period=60&image=x',
      { algorithm: 'SHA512', digits: 7, period: 60 },
      'JBSWY3DP',
    ],
    [
      'an odd period',
      'otpauth://totp/a?secret=JBSWY3DP&algorithm=sha256&digits=8&period=17',
      { algorithm: 'SHA256', digits: 8, period: 17 },
      'JBSWY3DP',
    ],
    ['the longest period', 'otpauth://totp/a?secret=JBSWY3DP&period=600', { period: 600 }, 'JBSWY3DP'],
    ['fewer digits', 'otpauth://totp/a?secret=JBSWY3DP&digits=5', { digits: 5 }, 'JBSWY3DP'],
    ['a bare seed of 8 characters', 'JBSWY3DP', {}, 'JBSWY3DP'],
    ['a word that is base32', 'SHORTWORD', {}, 'SHORTWOR'],
    ['a character too many', 'JBSWY3DPEHPK3PXPA', {}, 'JBSWY3DPEHPK3PXP'],
    ['no label', 'otpauth://totp?secret=JBSWY3DP', {}, 'JBSWY3DP'],
    ['a bare % in the label', 'otpauth://totp/100%?secret=JBSWY3DP', {}, 'JBSWY3DP'],
    ['a bare % in the issuer', 'otpauth://totp/a?issuer=100%&secret=JBSWY3DP', {}, 'JBSWY3DP'],
    ['a # in the label', 'otpauth://totp/a#1?secret=JBSWY3DP&digits=8', { digits: 8 }, 'JBSWY3DP'],
    ['a # in the issuer', 'otpauth://totp/a?issuer=a#1&secret=JBSWY3DP&digits=8', { digits: 8 }, 'JBSWY3DP'],
    ['a fragment', 'otpauth://totp/a?secret=JBSWY3DP#&digits=8', {}, 'JBSWY3DP'],
    ['two issuers', 'otpauth://totp/a?issuer=a&issuer=b&secret=JBSWY3DP', {}, 'JBSWY3DP'],
    ['an unknown key twice', 'otpauth://totp/a?x=1&x=2&secret=JBSWY3DP', {}, 'JBSWY3DP'],
    ['two seeds: the first', 'otpauth://totp/a?secret=JBSWY3DP&secret=CANARYSEED', {}, 'JBSWY3DP'],
    ['empty digits', 'otpauth://totp/a?secret=JBSWY3DP&digits=&digits=8', {}, 'JBSWY3DP'],
    ['an empty period', 'otpauth://totp/a?secret=JBSWY3DP&period=', {}, 'JBSWY3DP'],
    ...['9', '0', '-6', 'six', '+8'].map((digits): [string, string, object, string] => [
      `digits=${digits}: the usual`,
      `otpauth://totp/a?secret=JBSWY3DP&digits=${digits}`,
      {},
      'JBSWY3DP',
    ]),
    ...['0', '-30', '1.5', '601', '86400', '30s'].map((period): [string, string, object, string] => [
      `period=${period}: the usual`,
      `otpauth://totp/a?secret=JBSWY3DP&period=${period}`,
      {},
      'JBSWY3DP',
    ]),
    ["Apple's scheme", 'apple-otpauth://totp/a?secret=JBSWY3DP', {}, 'JBSWY3DP'],
  ])('%s', async (_, field, expected, secret) => {
    const password = await parseOneTimePassword(new Secret(field));
    expect({ ...password, secret: password.secret.reveal() }).toEqual({ ...facts, ...expected, secret });
    await expect(codeAt(password, 1_700_000_000_000)).resolves.toBeInstanceOf(Secret);
  });

  const canary = 'CANARYSEEDCANARY';
  test.each([
    ['nothing', '', 'it has no seed'],
    ['one character', 'A', 'it has a seed of one character'],
    ['a code', '123456', 'the 1st of 6'],
    ['0, 1 and 8, which are not guessed', `${canary}018A`, 'the 17th of 20'],
    ['quotes', `"${canary}"`, 'the 1st of 18'],
    ['padding inside', 'CANARY==SEEDCANARY', 'the 7th of 18'],
    ['HOTP', `otpauth://hotp/a?secret=${canary}&counter=1`, 'HOTP'],
    ['Steam', `otpauth://steam/a?secret=${canary}`, 'Steam'],
    ['Steam by encoder', `otpauth://totp/a?secret=${canary}&encoder=steam`, 'Steam'],
    ['steam://', `steam://${canary}`, 'Steam'],
    ['an export', `otpauth-migration://offline?data=${canary}`, 'otpauth-migration'],
    ['MD5', `otpauth://totp/a?secret=${canary}&algorithm=MD5`, 'the algorithm MD5'],
    ['an algorithm with odd characters', `otpauth://totp/a?secret=${canary}&algorithm=%0a`, 'the algorithm another'],
    ['no seed', 'otpauth://totp/a?issuer=x', 'it has no secret='],
    ['an empty seed', 'otpauth://totp/a?secret=', 'it has no seed'],
    ['a seed that is none', `otpauth://totp/a?secret=${canary}!`, 'the 17th of 17'],
    ['a URI cut off', 'otpauth://totp', 'it has no secret='],
    ['a web page', `https://example.com/?secret=${canary}`, 'no otpauth://totp/… URI'],
    ['too much', canary.repeat(1000), 'too long'],
  ])('refuses %s, and says why', async (_, field, reason) => {
    const error = await parseOneTimePassword(new Secret(field), 'op://V/I/otp').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FlowError);
    expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'op://V/I/otp' } });
    expect((error as FlowError).message).toContain(reason);
    expect((error as FlowError).cause).toBeUndefined();
    expect(`${(error as FlowError).stack} ${JSON.stringify(error)}`).not.toContain('CANARY');
  });
});

const passwords = fc.record({
  bytes: fc.uint8Array({ minLength: 10, maxLength: 64 }),
  algorithm: fc.constantFrom('SHA1', 'SHA256', 'SHA512'),
  digits: fc.constantFrom(6, 7, 8),
  period: fc.integer({ min: 1, max: 600 }),
});

test('codes are those of an independent implementation', async () => {
  const { createGuardrails, generate } = await import('otplib');
  const guardrails = createGuardrails({ MIN_SECRET_BYTES: 1, MIN_PERIOD: 1, MAX_PERIOD: 600 });
  await fc.assert(
    fc.asyncProperty(passwords, fc.integer({ min: 0, max: 4e12 }), async ({ bytes, ...facts }, at) => {
      const secret = base32(bytes);
      const algorithm = facts.algorithm.toLowerCase() as 'sha1';
      const theirs = await generate({ ...facts, algorithm, secret, epoch: Math.floor(at / 1000), guardrails });
      const ours = await codeAt({ ...facts, secret: new Secret(secret) }, at);
      expect(ours.reveal()).toBe(theirs);
    }),
  );
});

describe('round trips', () => {
  test('a URI of ours is read back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(
        passwords,
        fc.string({ unit: 'binary' }),
        fc.string(),
        async ({ bytes, ...facts }, issuer, account) => {
          const password = { ...facts, secret: new Secret(base32(bytes)) } as OneTimePassword;
          const uri = await oneTimePasswordUri(password, { issuer, account });
          const again = await parseOneTimePassword(uri);
          expect({ ...again, secret: again.secret.reveal() }).toEqual({ ...facts, secret: base32(bytes) });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a seed stays what it is, however it is pasted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 64 }), (bytes) => {
        const text = base32(bytes);
        const pasted = (text.toLowerCase().match(/.{1,4}/g) ?? []).join(' ');
        expect(normaliseSeed(text)).toBe(text);
        expect(normaliseSeed(`${pasted}====`)).toBe(text);
      }),
    );
  });

  test('nothing that is pasted makes it throw anything else', async () => {
    const uris = fc
      .tuple(fc.string(), fc.webQueryParameters())
      .map(([label, rest]) => `otpauth://totp/${label}?${rest}`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), uris), async (text) => {
        const outcome = await parseOneTimePassword(new Secret(text)).then(
          async (password) => (await codeAt(password, 0)).reveal().length,
          (error: unknown) => (error instanceof FlowError ? error.code : 'anything else'),
        );
        expect(['invalid-value', 1, 2, 3, 4, 5, 6, 7, 8]).toContain(outcome);
      }),
      { numRuns: 300 },
    );
  });
});

test('a time step begins where the seconds left start over', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 1, max: 3600 }), (at, period) => {
      const password: OneTimePassword = { secret: new Secret(''), algorithm: 'SHA1', digits: 6, period };
      const left = millisecondsLeft(password, at);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(period * 1000);
      expect(timeStepAt(password, at + left)).toBe(timeStepAt(password, at) + 1);
      expect(timeStepAt(password, at + left - 1)).toBe(timeStepAt(password, at));
    }),
  );
});

test('a new one is new, long enough and usable', async () => {
  const [one, two] = await Promise.all([newOneTimePassword(), newOneTimePassword()]);
  expect(one.secret.reveal()).toMatch(/^[A-Z2-7]{32}$/);
  expect(one.secret.equals(two.secret)).toBe(false);
  expect(oneTimePasswordDigest(one)).not.toBe(oneTimePasswordDigest(two));
  expect(oneTimePasswordDigest(one)).not.toContain(one.secret.reveal());
});
