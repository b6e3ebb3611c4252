import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';

/** A new Ed25519 key as 1Password stores one: PKCS #8 PEM. */
export function newSshKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** What 1Password keeps beside an Ed25519 key: its public half and fingerprint as OpenSSH writes them. */
export function sshKeyAttributes(pem: string): Readonly<Record<string, unknown>> {
  const { x = '' } = createPublicKey(pem).export({ format: 'jwk' });
  const blob = Buffer.concat([field('ssh-ed25519'), field(Buffer.from(x, 'base64url'))]);
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return {
    privateKey: pem,
    publicKey: `ssh-ed25519 ${blob.toString('base64')}`,
    fingerprint: `SHA256:${digest}`,
    keyType: { t: 'ed25519' },
  };
}

/** RFC 4251, section 5: the length in four bytes, then the bytes. */
function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
