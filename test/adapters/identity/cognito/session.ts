import { createHmac } from 'node:crypto';
import type { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import { expect } from 'vitest';
import type { ProofClient } from '../../../../src/adapters/identity/proof-client.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';

/** Signs users of a pool in by the SDK alone; a session lasts as long as its refresh token is taken. */
export function poolSession(
  client: CognitoIdentityProvider,
  UserPoolId: string,
  { clientId: ClientId, clientSecret }: ProofClient,
  code: CapableProvider['code'],
): CapableProvider['session'] {
  return async (username, password, seed) => {
    const key = (await clientSecret?.())?.reveal() ?? '';
    const hash = { SECRET_HASH: createHmac('sha256', key).update(`${username}${ClientId}`).digest('base64') };
    const who = { UserPoolId, ClientId };
    const first = await client.adminInitiateAuth({
      ...who,
      AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
      AuthParameters: { USERNAME: username, PASSWORD: password.reveal(), ...hash },
    });
    const last =
      first.ChallengeName === undefined
        ? first
        : await client.adminRespondToAuthChallenge({
            ...who,
            ChallengeName: first.ChallengeName,
            Session: first.Session,
            ChallengeResponses: {
              USERNAME: username,
              SOFTWARE_TOKEN_MFA_CODE: (await code(seed ?? expect.unreachable())).reveal(),
              ...hash,
            },
          });
    const token = last.AuthenticationResult?.RefreshToken ?? '';
    const refresh = { AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters: { REFRESH_TOKEN: token, ...hash } } as const;
    return () =>
      client.adminInitiateAuth({ ...who, ...refresh }).then(
        () => true,
        () => false,
      );
  };
}
