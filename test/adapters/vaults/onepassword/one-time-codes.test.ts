import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeAt, parseOneTimePassword } from '../../../../src/foundation/totp.ts';
import { FlowError } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { createOnePasswordVault } from '../../../../src/adapters/vaults/onepassword/vault.ts';
import { startVault } from '../../../../src/laptop/vault/server.ts';
import { ref } from '../../../contracts/vault.ts';

const text = (characters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters.split('')), minLength, maxLength });

const seed = fc.oneof(
  { weight: 8, arbitrary: text('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 1, 60) },
  { weight: 4, arbitrary: text('AZaz27 -=', 0, 30) },
  { weight: 1, arbitrary: text('AZ0189!_"', 1, 20) },
);
const param = fc.oneof(
  { weight: 5, arbitrary: seed.map((value) => `secret=${value}`) },
  fc.oneof(fc.integer({ min: -1, max: 12 }), text('0123456789.+- x', 0, 4)).map((value) => `digits=${value}`),
  fc.oneof(fc.integer({ min: -1, max: 700 }), text('0123456789.+- x', 0, 6)).map((value) => `period=${value}`),
  fc.constantFrom('SHA1', 'sha256', 'Sha512', 'MD5', '', 'SHA-1').map((value) => `algorithm=${value}`),
  text('aé%#2=/?+ ', 0, 8).map((value) => `issuer=${value}`),
  text('a%=', 0, 4),
);
const field = fc.oneof(
  seed,
  fc
    .tuple(
      fc.constantFrom('otpauth://totp', 'OTPAUTH://TOTP'),
      text('aé%/: @2', 0, 8),
      fc.array(param, { maxLength: 7 }),
    )
    .map(([start, label, params]) => `${start}${label === '' ? '' : `/${label}`}?${params.join('&')}`),
);

test('where 1Password makes a code of a field, so do we, and the same', async () => {
  const values = fc.sample(field, 400);
  const items = values.map((value, index) => ({
    title: `n${index}`,
    fields: [{ label: 'otp', type: 'one-time-password' as const, value }],
  }));
  const server = await startVault({ vaults: [{ name: 'Codes', items }] });
  const token = server.token();
  const vault = createOnePasswordVault({ token: () => Promise.resolve(token), development: true });
  const ours = (at: number) =>
    Promise.all(
      values.map(async (value) => {
        const password = await parseOneTimePassword(new Secret(value)).catch(() => undefined);
        return password === undefined ? undefined : (await codeAt(password, at)).reveal();
      }),
    );

  const before = Date.now();
  const read = await vault.read(values.map((_, index) => ref(`op://Codes/n${index}/otp?attribute=otp`)));
  const seconds = Math.ceil((Date.now() - before) / 1000);
  const any = await Promise.all(Array.from({ length: seconds + 1 }, (_, second) => ours(before + second * 1000)));

  const theirs = [...read.values()].map((code) => (code instanceof FlowError ? undefined : code.reveal()));
  expect(theirs).toHaveLength(values.length);
  const differ = values.filter((_, index) => {
    const code = theirs[index];
    return code !== undefined && !any.some((codes) => codes[index] === code);
  });
  expect(differ).toEqual([]);
  expect(theirs.filter((code) => code !== undefined).length).toBeGreaterThan(100);
  await vault.close();
  await server.close();
});
