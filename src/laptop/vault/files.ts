import { createHash, type JsonWebKey } from 'node:crypto';
import { base64url, fromBase64url, newId } from './encoding.ts';
import { asJwk, decrypt, encrypt, newKey } from './encrypted-values.ts';

/** What an item's details hold of a file. */
export interface FileAttributes {
  readonly fileName: string;
  /** under which its content is asked for */
  readonly documentId: string;
  /** bytes */
  readonly unencryptedSize: number;
  readonly encryptedSize: number;
  /** SHA-256 of the encrypted content, base64url */
  readonly integrityHash: string;
  readonly nonce: string;
  readonly encryptionKey: JsonWebKey;
  readonly signingKey: JsonWebKey;
}

/** Encrypted content by id. */
export type StoredFiles = ReadonlyMap<string, Buffer>;

/** A text file under a key of its own, which stands in the item. */
export function sealFile(
  name: string,
  text: string,
): { readonly attributes: FileAttributes; readonly content: Buffer } {
  const plain = Buffer.from(text, 'utf8');
  const key = newKey(newId());
  const { iv, data } = encrypt(key, plain);
  return {
    content: data,
    attributes: {
      fileName: name,
      documentId: newId(),
      unencryptedSize: plain.length,
      encryptedSize: data.length,
      integrityHash: base64url(createHash('sha256').update(data).digest()),
      nonce: base64url(iv),
      encryptionKey: asJwk(key),
      signingKey: { ...asJwk(newKey(key.kid)), alg: 'HS256', key_ops: ['sign', 'verify'] },
    },
  };
}

/** The text again; empty where its content is gone. */
export function openFile({ encryptionKey, nonce }: FileAttributes, content: Buffer | undefined): string {
  if (content === undefined) return '';
  const key = { kid: '', bytes: fromBase64url(encryptionKey.k ?? '') };
  return decrypt(key, fromBase64url(nonce), content).toString('utf8');
}
