import { randomBytes } from 'node:crypto';

/** base64url without padding, as every binary value of the protocol is written. */
export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

export function fromBase64url(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** A new id: 16 random bytes as 26 canonical base32 characters; the client refuses other spellings. */
export function newId(): string {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of randomBytes(16)) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((held >> bits) & 31);
    }
  }
  return text + alphabet.charAt((held << (5 - bits)) & 31);
}

/** A new id as sessions, accounts and users have it. */
export function newUpperId(): string {
  return newId().toUpperCase();
}

const keyAlphabet = '23456789ABCDEFGHJKLMNPQRSTVWXYZ';

/** Random characters as a 1Password secret key has them: none that look alike. */
export function keyCharacters(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 is the largest multiple of 31 below 256: no character is likelier than another
      if (byte < 248 && text.length < length) text += keyAlphabet.charAt(byte % keyAlphabet.length);
    }
  }
  return text;
}
