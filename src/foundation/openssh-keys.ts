import { createPrivateKey, createPublicKey, type JsonWebKey, randomBytes } from 'node:crypto';

/** SSH keys as OpenSSH writes them, made of the PKCS #8 PEM that 1Password keeps: Ed25519 and RSA, as it has no others. */

/**
 * `ssh-ed25519 AAAA…`, without a comment (RFC 4253, section 6.6; RFC 8709). @throws TypeError for a key of another kind
 * @param pem PKCS #8
 */
export function openSshPublicKey(pem: string): string {
  const { name, blob } = publicParts(createPublicKey(pem).export({ format: 'jwk' }));
  return `${name} ${blob.toString('base64')}`;
}

/**
 * A key without a passphrase, in the format of OpenSSH's `PROTOCOL.key`. @throws TypeError for a key of another kind,
 * Error where it is none
 * @param pem PKCS #8
 */
export function openSshPrivateKey(pem: string): string {
  const key = createPrivateKey(pem).export({ format: 'jwk' });
  const { name, blob } = publicParts(key);
  const check = randomBytes(4);
  const secret = [check, check, text(name), ...privateParts(key), text('')];
  const length = secret.reduce((sum, part) => sum + part.length, 0);
  const padding = Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, index) => index + 1));
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(text),
    number(1),
    bytes(blob),
    bytes(Buffer.concat([...secret, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

function publicParts(key: JsonWebKey): { readonly name: string; readonly blob: Buffer } {
  if (key.kty === 'OKP' && key.crv === 'Ed25519')
    return { name: 'ssh-ed25519', blob: Buffer.concat([text('ssh-ed25519'), bytes(decoded(key.x))]) };
  if (key.kty === 'RSA')
    return { name: 'ssh-rsa', blob: Buffer.concat([text('ssh-rsa'), integer(key.e), integer(key.n)]) };
  throw new TypeError('neither an Ed25519 nor an RSA key');
}

/** In the order of the agent's protocol, which is another one than that of the public half. */
function privateParts(key: JsonWebKey): readonly Buffer[] {
  if (key.kty === 'RSA') return [key.n, key.e, key.d, key.qi, key.p, key.q].map(integer);
  return [bytes(decoded(key.x)), bytes(Buffer.concat([decoded(key.d), decoded(key.x)]))];
}

function decoded(value: string | undefined): Buffer {
  return Buffer.from(value ?? '', 'base64url');
}

/** RFC 4251, section 5: four bytes. */
function number(value: number): Buffer {
  const made = Buffer.alloc(4);
  made.writeUInt32BE(value);
  return made;
}

/** `string`: the length, then the bytes. */
function bytes(value: Buffer): Buffer {
  return Buffer.concat([number(value.length), value]);
}

function text(value: string): Buffer {
  return bytes(Buffer.from(value));
}

/** `mpint`: a number whose first bit is set would be a negative one. */
function integer(value: string | undefined): Buffer {
  const digits = decoded(value);
  return bytes((digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits);
}
