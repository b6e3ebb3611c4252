import { createHmac, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/foundation/secret.ts';
import { isOurs, versionName } from '../../../src/steps/store-push/version-name.ts';

const key = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex');

const hmac = (secret: Uint8Array, ...parts: Uint8Array[]) =>
  createHmac('sha256', secret).update(Buffer.concat(parts)).digest().subarray(0, 16);

/** a part behind its length */
function part(of: string | Uint8Array): Buffer {
  const bytes = Buffer.from(of);
  return Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), bytes]);
}

describe('a version name', () => {
  it('is the two halves that the design declares', () => {
    const first = hmac(key, part('value'), part('app/x'), part('s3cret ä'));
    const owner = hmac(key, part('owner'), part('app/x'), part(first));
    expect(versionName(key, 'app/x', new Secret('s3cret ä'))).toBe(`${first.toString('hex')}${owner.toString('hex')}`);
  });

  it('is what openssl makes of it', () => {
    // openssl dgst -sha256 -mac HMAC -macopt hexkey:… of both halves, each cut to 32 digits
    const made = '519c6f36d055358af9931ebccb908975d4dc1ecb0bb82cf6f4df1c2653495dc8';
    expect(versionName(key, 'app/x', new Secret('value'))).toBe(made);
  });

  it('has no owner half that a name and a value can make', () => {
    const [purpose, name] = ['owner', 'app/x'];
    // where parts stood one behind the other with a zero between them: whoever may push to a secret called "owner"
    // has the owner half of any version of app/x made for him
    const unprefixed = (...parts: (string | Uint8Array)[]) => hmac(key, ...parts.map((each) => Buffer.from(each)));
    const chosen = Buffer.from('sixteen bytes so');
    const value = Buffer.concat([Buffer.from(`${name}\0`), chosen]).toString('utf8');
    const stolen = unprefixed(`${purpose}\0`, value);
    expect(stolen).toEqual(unprefixed(`${purpose}\0${name}\0`, chosen));
    // now neither that value nor one with lengths in it comes to the half of an owner
    for (const forged of [value, Buffer.concat([part(name), part(chosen)]).toString('utf8')]) {
      const made = Buffer.from(versionName(key, purpose, new Secret(forged)), 'hex').subarray(0, 16);
      expect(isOurs([key], name, Buffer.concat([chosen, made]).toString('hex'))).toBe(false);
    }
  });

  it('is another one for every other split of the same text into name and value', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 2 }), fc.nat(), (text, at) => {
        const cut = 1 + (at % (text.length - 1));
        const whole = versionName(key, `${text}\0`, new Secret(''));
        expect(versionName(key, text.slice(0, cut), new Secret(text.slice(cut)))).not.toBe(whole);
        expect(versionName(key, text, new Secret('\0'))).not.toBe(whole);
      }),
    );
  });

  it("is ours under either key, and nobody else's", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (name, value) => {
        const [old, other] = [randomBytes(32), randomBytes(32)];
        const version = versionName(old, name, new Secret(value));
        expect(isOurs([old], name, version)).toBe(true);
        expect(isOurs([key, old], name, version)).toBe(true);
        expect(isOurs([key, other], name, version)).toBe(false);
        expect(isOurs([old], `${name}x`, version)).toBe(false);
      }),
    );
  });

  it('changed in any place is not ours', () => {
    const version = versionName(key, 'app/x', new Secret('value'));
    for (let index = 0; index < version.length; index += 1) {
      const changed = `${version.slice(0, index)}${version[index] === '0' ? '1' : '0'}${version.slice(index + 1)}`;
      expect(isOurs([key], 'app/x', changed)).toBe(false);
    }
    for (const odd of [
      '',
      version.toUpperCase(),
      `${version}0`,
      version.slice(1),
      'EXAMPLE1-90ab-cdef-fedc-ba987SECRET1',
      `${version.slice(1)}\n`,
    ]) {
      expect(isOurs([key], 'app/x', odd)).toBe(false);
    }
  });
});
