import { decodeJwt, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import type { Forgery } from './injected-faults.ts';

const wrong = {
  issuer: { iss: 'https://issuer.invalid' },
  audience: { aud: 'https://audience.invalid' },
  expired: { exp: 1 },
  signature: {},
} as const satisfies Record<Forgery, object>;

/** The same token, wrong in one respect; only `signature` is signed with a key that is not the issuer's. */
export async function forged(token: string, forgery: Forgery, key: CryptoKey, kid: string): Promise<string> {
  const signer = forgery === 'signature' ? (await generateKeyPair('ES256')).privateKey : key;
  return new SignJWT({ ...decodeJwt(token), ...wrong[forgery] })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
    .sign(signer);
}
