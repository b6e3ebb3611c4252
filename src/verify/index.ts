/** `auth-chain/verify`: what an API needs to accept the tokens that its issuer gives. */
export {
  requireToken,
  type RequireTokenOptions,
  type TokenMiddleware,
  type TokenRequest,
  type TokenResponse,
  type WithAuth,
} from './middleware.ts';
export { TokenError, type TokenErrorCode } from './token-error.ts';
export { createVerifier, type TokenRequirements, type Verifier, type VerifierOptions } from './verifier.ts';
export type { VerifiedJwt } from './jwt.ts';
