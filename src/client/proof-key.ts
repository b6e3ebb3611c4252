import { sha256 } from './api-fetch.ts';

/** A key of this process that requests prove to have (RFC 9449). */
export interface ProofKey {
  /**
   * The `DPoP` header of one POST.
   * @param url as it is asked for, without a query
   * @param token the one that is bound to the key; undefined: none is yet
   */
  proof(url: string, token?: string): Promise<string>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new key, which nothing can read out of this process. @param now epoch milliseconds */
export async function createProofKey(now: () => number): Promise<ProofKey> {
  const { webcrypto, randomUUID } = process.getBuiltinModule('node:crypto');
  const { subtle } = webcrypto;
  const { privateKey, publicKey } = await subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const { kty, crv, x, y } = await subtle.exportKey('jwk', publicKey);
  const header = encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } });
  return {
    async proof(htu, token) {
      const ath = token === undefined ? undefined : Buffer.from(sha256(token), 'hex').toString('base64url');
      const iat = Math.floor(now() / 1_000);
      const signed = `${header}.${encoded({ htm: 'POST', htu, iat, jti: randomUUID(), ath })}`;
      const signature = await subtle.sign(algorithm, privateKey, Buffer.from(signed));
      return `${signed}.${Buffer.from(signature).toString('base64url')}`;
    },
  };
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
