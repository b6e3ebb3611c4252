import { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import type { IdentityProviderOptions } from '../../../../src/laptop/identity-provider/options.ts';
import { cognito } from '../../../../src/adapters/identity/cognito/index.ts';
import { type CognitoOptions, createCognitoProvider } from '../../../../src/adapters/identity/cognito/provider.ts';
import type { CapableProvider } from '../../../contracts/identity-capabilities.ts';
import { startDoubles } from '../double.ts';
import { poolSession } from './session.ts';

const pool = 'eu-west-1_laptop';

/** The laptop's pool, the adapter on it by the AWS SDK, and that SDK's client as somebody else uses it. */
export async function startDouble(more: Partial<IdentityProviderOptions> = {}) {
  const doubles = await startDoubles('cognito', more);
  const { alike, options, url: endpoint, token: secretAccessKey, acceptsNow } = doubles;
  const { name, development, proof } = options;
  const credentials = { accessKeyId: 'laptop', secretAccessKey };
  const client = new CognitoIdentityProvider({
    endpoint,
    region: 'eu-west-1',
    credentials: { ...credentials, secretAccessKey: secretAccessKey.reveal() },
    maxAttempts: 1,
  });
  const open = (changes: Partial<CognitoOptions> = {}) =>
    createCognitoProvider({ name, development, proof, pool, endpoint, credentials, ...changes });
  const under: CapableProvider = {
    ...alike,
    takesAnyName: true,
    provider: open(),
    can: cognito.offers,
    locks: false,
    session: poolSession(client, pool, proof, alike.code),
    accepts: acceptsNow,
    async close() {
      client.destroy();
      await alike.close();
    },
  };
  return { ...doubles, client, open, ...under };
}
