import { registerSteps } from './register.ts';
import { approvalRequest } from './approval-request.ts';
import { idpCreateUser } from './idp-create-user.ts';
import { idpDisableUser } from './idp-disable-user.ts';
import { idpEnrollTotp } from './idp-enroll-totp.ts';
import { idpSignIn } from './idp-sign-in.ts';
import { jwtVerify } from './jwt-verify.ts';
import { oauthClientCredentials } from './oauth-client-credentials.ts';
import { oauthRevoke } from './oauth-revoke.ts';
import { oauthTokenExchange } from './oauth-token-exchange.ts';
import { storePush } from './store-push.ts';
import { totpCode } from './totp-code.ts';
import { vaultCreateLogin } from './vault-create-login.ts';
import { vaultRead } from './vault-read.ts';
import { vaultSetOneTimePassword } from './vault-set-one-time-password.ts';

/** Every step kind, one line each. */
export const stepKinds = registerSteps([
  approvalRequest,
  idpCreateUser,
  idpDisableUser,
  idpEnrollTotp,
  idpSignIn,
  jwtVerify,
  oauthClientCredentials,
  oauthRevoke,
  oauthTokenExchange,
  storePush,
  totpCode,
  vaultCreateLogin,
  vaultRead,
  vaultSetOneTimePassword,
]);
