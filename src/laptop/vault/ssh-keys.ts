import { createHash, generateKeyPairSync } from 'node:crypto';
import { openSshPublicKey } from '../../foundation/openssh-keys.ts';

/** A new Ed25519 key as 1Password stores one: PKCS #8 PEM. */
export function newSshKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** What 1Password keeps beside an Ed25519 key: its public half and fingerprint as OpenSSH writes them. */
export function sshKeyAttributes(pem: string): Readonly<Record<string, unknown>> {
  const publicKey = openSshPublicKey(pem);
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return { privateKey: pem, publicKey, fingerprint: `SHA256:${digest}`, keyType: { t: 'ed25519' } };
}
