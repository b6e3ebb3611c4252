import { clientProblems } from '../adapters/issuers/client.ts';
import { pureStep } from './contract.ts';
import {
  asClient,
  clientKeys,
  clientUses,
  takeBackToken,
  tokenKeys,
  tokenOutput,
  tokenProblems,
  tokenRequest,
} from './procedures/oauth-client.ts';

/** A bearer token for a machine: RFC 6749, section 4.4. */
export const oauthClientCredentials = pureStep({
  name: 'oauth/client-credentials',
  summary: 'Gets a bearer token from an issuer with client credentials, and checks it before it is used or cached.',
  effect: 'none',
  reads: 'issuer',
  with: { ...clientKeys, ...tokenKeys },
  output: tokenOutput,
  scalar: 'access-token',
  presents: 'token',
  clients: clientUses,
  check: (input, given, { attributionOf }) => [
    ...clientProblems(input, given),
    ...tokenProblems(input, attributionOf('issuer')),
  ],
  run: (input, context) =>
    asClient(input, context, (issuer, client) =>
      issuer.clientCredentials({ ...client, ...tokenRequest(input, context) }),
    ),
  expiresAt: (token) => token.expiresAt,
  attributed: ({ issuer: { attribution } }) => attribution && (attribution.per ?? 'agent'),
  takeBack: (input, token, context) => takeBackToken(input, token, context),
});
