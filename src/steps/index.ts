import { registerSteps } from './register.ts';
import { approvalRequest } from './approval-request.ts';
import { httpGet } from './http-get.ts';
import { httpRequest } from './http-request.ts';
import { humanStep } from './human-step.ts';
import { idpAddClientKey } from './idp-add-client-key.ts';
import { idpAddClientSecret } from './idp-add-client-secret.ts';
import { idpCreateUser } from './idp-create-user.ts';
import { idpDisableUser } from './idp-disable-user.ts';
import { idpEndSessions } from './idp-end-sessions.ts';
import { idpEnrollTotp } from './idp-enroll-totp.ts';
import { idpFindUser } from './idp-find-user.ts';
import { idpRetireClientKey } from './idp-retire-client-key.ts';
import { idpRetireClientSecret } from './idp-retire-client-secret.ts';
import { idpSetPassword } from './idp-set-password.ts';
import { idpSignIn } from './idp-sign-in.ts';
import { jwtVerify } from './jwt-verify.ts';
import { oauthClientCredentials } from './oauth-client-credentials.ts';
import { oauthProveClient } from './oauth-prove-client.ts';
import { oauthRevoke } from './oauth-revoke.ts';
import { oauthTokenExchange } from './oauth-token-exchange.ts';
import { storePromote } from './store-promote.ts';
import { storePush } from './store-push.ts';
import { totpCode } from './totp-code.ts';
import { vaultCreateKey } from './vault-create-key.ts';
import { vaultCreateLogin } from './vault-create-login.ts';
import { vaultDropPrevious } from './vault-drop-previous.ts';
import { vaultPromoteSecret } from './vault-promote-secret.ts';
import { vaultRead } from './vault-read.ts';
import { vaultSetOneTimePassword } from './vault-set-one-time-password.ts';
import { vaultStageSecret } from './vault-stage-secret.ts';

/** Every step kind, one line each. */
export const stepKinds = registerSteps([
  approvalRequest,
  httpGet,
  httpRequest,
  humanStep,
  idpAddClientKey,
  idpAddClientSecret,
  idpCreateUser,
  idpDisableUser,
  idpEndSessions,
  idpEnrollTotp,
  idpFindUser,
  idpRetireClientKey,
  idpRetireClientSecret,
  idpSetPassword,
  idpSignIn,
  jwtVerify,
  oauthClientCredentials,
  oauthProveClient,
  oauthRevoke,
  oauthTokenExchange,
  storePromote,
  storePush,
  totpCode,
  vaultCreateKey,
  vaultCreateLogin,
  vaultDropPrevious,
  vaultPromoteSecret,
  vaultRead,
  vaultSetOneTimePassword,
  vaultStageSecret,
]);
