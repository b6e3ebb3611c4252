import { createHmac, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/foundation/secret.ts';
import { isOurs, versionName } from '../../../src/steps/store-push/version-name.ts';

const key = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex');

describe('a version name', () => {
  it('is the two halves that the design declares', () => {
    const first = createHmac('sha256', key).update(Buffer.from('app/x\0s3cret ä')).digest().subarray(0, 16);
    const owner = createHmac('sha256', key)
      .update(Buffer.concat([Buffer.from('owner\0app/x\0'), first]))
      .digest()
      .subarray(0, 16);
    expect(versionName(key, 'app/x', new Secret('s3cret ä'))).toBe(`${first.toString('hex')}${owner.toString('hex')}`);
  });

  it('is what openssl makes of it', () => {
    // openssl dgst -sha256 -mac HMAC -macopt hexkey:… of both halves, each cut to 32 digits
    const made = '9a6152966992f579816fe60b9f525548e85349b3863c6c5b0f41fc48fe9f5e23';
    expect(versionName(key, 'app/x', new Secret('value'))).toBe(made);
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
