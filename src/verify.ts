/** `auth-chain/verify`: what an API needs to accept the tokens that its issuer gives. */
export { requireToken, type RequireTokenOptions, type TokenMiddleware, type WithAuth } from './verify/middleware.ts';
export { TokenError, type TokenErrorCode } from './verify/token-error.ts';
export { createVerifier, type TokenRequirements, type Verifier, type VerifierOptions } from './verify/verifier.ts';
export type { VerifiedJwt } from './verify/jwt.ts';
