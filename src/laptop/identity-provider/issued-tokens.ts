import { createLocalJWKSet, type JWK, type JWTPayload, jwtVerify } from 'jose';

/** The JWTs that the provider gave, of which it keeps none, and those that it was asked to revoke. */
export interface IssuedTokens {
  /** What it says, where it is good still. @param audience one of these must be in `aud`; default any */
  accept(token: string, audience?: string[]): Promise<JWTPayload | undefined>;
  /** An API that verifies JWTs by itself does not notice. */
  revoke(token: JWTPayload): void;
}

/** Revoked tokens that are remembered; they live for minutes. */
const mostRevoked = 10_000;

export function createIssuedTokens(issuer: string, publicKey: JWK): IssuedTokens {
  const keys = createLocalJWKSet({ keys: [publicKey] });
  const revoked = new Set<string>();
  return {
    async accept(token, audience) {
      const expected = { issuer, typ: 'at+jwt', algorithms: ['ES256'], ...(audience && { audience }) };
      const verified = await jwtVerify(token, keys, expected).catch(() => undefined);
      return verified === undefined || revoked.has(verified.payload.jti ?? '') ? undefined : verified.payload;
    },
    revoke({ jti }) {
      if (revoked.size >= mostRevoked) revoked.clear();
      if (jti !== undefined) revoked.add(jti);
    },
  };
}
