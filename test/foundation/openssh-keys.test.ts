import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { openSshPrivateKey, openSshPublicKey } from '../../src/foundation/openssh-keys.ts';

/** The parts of a key as OpenSSH's PROTOCOL.key lays it out. */
function partsOf(text: string) {
  const whole = Buffer.from(text.replace(/-----.*-----|\n/g, ''), 'base64');
  expect(whole.subarray(0, 15).toString('latin1')).toBe('openssh-key-v1\0');
  const [cipher, kdf, options] = [take(whole, 15), take(whole, 23), take(whole, 31)];
  expect([cipher, kdf, options].map(String)).toEqual(['none', 'none', '']);
  expect(whole.readUInt32BE(35)).toBe(1);
  const blob = take(whole, 39);
  const secret = take(whole, 43 + blob.length);
  expect(secret.length % 8).toBe(0);
  expect(secret.readUInt32BE(0)).toBe(secret.readUInt32BE(4));
  const parts: Buffer[] = [];
  let at = 8;
  while (secret.length - at > 7 || parts.length === 0 || parts.at(-1)?.length !== 0) {
    const part = take(secret, at);
    parts.push(part);
    at += 4 + part.length;
  }
  expect([...secret.subarray(at)]).toEqual(Array.from({ length: secret.length - at }, (_, index) => index + 1));
  return { blob, parts };
}

function take(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at));
}

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const bytes = (value: string | undefined) => Buffer.from(value ?? '', 'base64url');
const positive = (value: Buffer) => Buffer.from(value[0] === 0 ? value.subarray(1) : value);

test('an Ed25519 key is written as OpenSSH has it', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { x, d } = privateKey.export({ format: 'jwk' });
  const { blob, parts } = partsOf(openSshPrivateKey(pemOf(privateKey)));
  const [name, own, both, comment] = parts;
  expect([name, comment].map(String)).toEqual(['ssh-ed25519', '']);
  expect([own, both]).toEqual([bytes(x), Buffer.concat([bytes(d), bytes(x)])]);
  expect(openSshPublicKey(pemOf(privateKey))).toBe(`ssh-ed25519 ${blob.toString('base64')}`);
});

test('an RSA key is written as OpenSSH has it, every number positive', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ format: 'jwk' });
  const { blob, parts } = partsOf(openSshPrivateKey(pemOf(privateKey)));
  const [name, ...numbers] = parts;
  expect(String(name)).toBe('ssh-rsa');
  expect(numbers.slice(0, 6).map(positive)).toEqual([key.n, key.e, key.d, key.qi, key.p, key.q].map(bytes));
  expect(numbers.every((each) => each.length === 0 || (each[0] ?? 0) < 0x80)).toBe(true);
  const [, e, n] = [take(blob, 0), take(blob, 11), take(blob, 15 + take(blob, 11).length)];
  const again = createPublicKey({
    key: { kty: 'RSA', e: positive(e).toString('base64url'), n: positive(n).toString('base64url') },
    format: 'jwk',
  });
  expect(again.equals(createPublicKey(privateKey))).toBe(true);
});

test.each([
  ['another kind of key', pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey), /neither/],
  ['no key', 'hunter2', /^(?!.*hunter2)/],
])('%s is refused, without its words', (_, pem, words) => {
  expect(() => openSshPrivateKey(pem)).toThrow(words);
});
