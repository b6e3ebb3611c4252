import { clientProblems } from '../adapters/issuers/client.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, optional, required, withDefault } from '../language/forms.ts';
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

/** Token types by the last part of their URI (RFC 8693, section 3). */
const tokenTypes = ['access_token', 'jwt', 'id_token', 'refresh_token', 'saml1', 'saml2'] as const;
const uriOf = (type: (typeof tokenTypes)[number]) => `urn:ietf:params:oauth:token-type:${type}`;

/** A token for a token: RFC 8693. */
export const oauthTokenExchange = pureStep({
  name: 'oauth/token-exchange',
  summary:
    'Exchanges a token for one that is for another API, or that says who acts for whom (RFC 8693), and checks it like any other.',
  effect: 'none',
  reads: 'issuer',
  with: {
    ...clientKeys,
    'subject-token': required(form.secret(), 'the token of whoever the new one is about', {
      example: '${{ steps.user }}',
    }),
    'subject-token-type': withDefault(form.oneOf(...tokenTypes), 'access_token', 'what it is'),
    'actor-token': optional(form.secret(), 'the token of whoever acts for the subject; not every issuer takes one', {
      example: '${{ steps.agent }}',
    }),
    'actor-token-type': withDefault(form.oneOf(...tokenTypes), 'access_token', 'what that is'),
    'requested-token-type': optional(
      form.oneOf('access_token', 'jwt'),
      'what is wanted; without it an access token, of whatever form',
    ),
    ...tokenKeys,
  },
  output: {
    ...tokenOutput,
    'issued-token-type': { type: 'text', description: 'what the issuer says that it gave: a URI' },
    act: {
      type: 'json',
      description: 'who acts for the subject (RFC 8693, section 4.1); absent where the token says nobody',
      optional: true,
    },
  },
  scalar: 'access-token',
  presents: 'token',
  clients: clientUses,
  check: (input, given, { attributionOf }) => [
    ...clientProblems(input, given),
    ...tokenProblems(input, attributionOf('issuer')),
    ...(given.has('actor-token-type') && !given.has('actor-token')
      ? [{ key: 'actor-token-type', problem: 'has no actor-token beside it', hint: 'give actor-token, or remove it' }]
      : []),
  ],
  run: (input, context) =>
    asClient(input, context, async (issuer, client) => {
      if (issuer.exchange === undefined) {
        throw new FlowError('refused', `issuer "${issuer.name}" exchanges no tokens`, { hint: 'use another issuer' });
      }
      const actor = input['actor-token'];
      const requested = input['requested-token-type'];
      return issuer.exchange({
        ...client,
        ...tokenRequest(input, context),
        subject: { token: input['subject-token'], type: uriOf(input['subject-token-type']) },
        actor: actor && { token: actor, type: uriOf(input['actor-token-type']) },
        requestedTokenType: requested && uriOf(requested),
      });
    }),
  expiresAt: (token) => token.expiresAt,
  attributed: ({ issuer: { attribution } }) => attribution && (attribution.per ?? 'agent'),
  takeBack: (input, token, context) => takeBackToken(input, token, context),
});
