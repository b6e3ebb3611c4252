import { clientProblems } from '../adapters/issuers/client.ts';
import { FlowError } from '../foundation/errors.ts';
import { form, optional, required } from '../language/forms.ts';
import { writeStep } from './contract.ts';
import { asClient, clientKeys, clientUses } from './procedures/oauth-client.ts';

/**
 * Ends a token before its time: RFC 7009. Safe to repeat, as the issuer says nothing against a token that is not valid
 * any more; it cannot be asked whether it is, so that a plan always has this change.
 */
export const oauthRevoke = writeStep({
  name: 'oauth/revoke',
  summary:
    'Revokes a token at its issuer (RFC 7009), and forgets it here. An API that verifies JWTs by itself takes it until it expires.',
  effect: 'write',
  with: {
    ...clientKeys,
    token: required(form.secret(), 'the token; one that is computed again, after a crash, is as good', {
      example: '${{ steps.token }}',
    }),
    'token-type-hint': optional(
      form.oneOf('access_token', 'refresh_token'),
      'what it is, where the issuer looks slowly',
    ),
  },
  output: {},
  clients: (input) => clientUses(input).map((use) => ({ ...use, asks: false })),
  check: (input, given) => clientProblems(input, given),
  planWithout: ['token', 'client-id'],
  async plan({ issuer }) {
    return { changes: [{ action: 'revoke', what: `a token at ${issuer?.url ?? 'its issuer'}` }] };
  },
  async run(input, context) {
    await asClient(input, context, async (issuer, client) => {
      if (issuer.revoke === undefined) {
        throw new FlowError('refused', `issuer "${issuer.name}" revokes no tokens`, { hint: 'use another issuer' });
      }
      await issuer.revoke({ ...client, token: input.token, tokenTypeHint: input['token-type-hint'] });
    });
    context.revoked(input.token);
    return {};
  },
});
