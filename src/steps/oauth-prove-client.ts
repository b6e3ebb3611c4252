import { clientProblems } from '../adapters/issuers/client.ts';
import { parseDuration } from '../foundation/duration.ts';
import { asFlowError } from '../foundation/errors.ts';
import type { Reference } from '../foundation/reference.ts';
import { durationForm } from '../language/duration-form.ts';
import { form, optional, withDefault, type InputOf } from '../language/forms.ts';
import { pureStep, type StepContext } from './contract.ts';
import { asClient, clientKeys, clientUses, tokenKeys, tokenProblems, tokenRequest } from './procedures/oauth-client.ts';
import { waitUntil } from './procedures/wait-until.ts';

const keys = {
  ...clientKeys,
  ...tokenKeys,
  'client-secret': optional(form.reference(), 'the client secret to prove', { example: '${{ steps.added.secret }}' }),
  within: withDefault(durationForm, '30s', 'how long a refusal is asked about again: a new secret may take its time'),
};
type Input = InputOf<typeof keys>;

/** milliseconds between tries */
const pause = 2_000;

export const oauthProveClient = pureStep({
  name: 'oauth/prove-client',
  summary: 'Proves a client secret or key by a token made with it and with nothing else; the token is forgotten.',
  effect: 'none',
  reads: 'issuer',
  with: keys,
  output: {
    secret: { type: 'reference', description: 'what is proven' },
    at: { type: 'text', description: 'when, in UTC' },
  },
  scalar: 'secret',
  clients: (input) => clientUses(asCredentials(input)),
  check: (input, given, { attributionOf }) => [
    ...clientProblems(asCredentials(input), given),
    ...tokenProblems(input, attributionOf('issuer')),
  ],
  async run(input, context) {
    await prove(input, context);
    const secret = input['client-secret'] ?? input['client-key'];
    return { secret: secret as Reference, at: new Date(context.now()).toISOString() };
  },
});

async function prove(input: Input, context: StepContext): Promise<void> {
  const ends = context.now() + (parseDuration(input.within) ?? 0) * 1_000;
  for (;;) {
    try {
      await asClient(asCredentials(input), context, async (issuer, client) =>
        issuer.clientCredentials({ ...client, ...tokenRequest(input, context) }),
      );
      return;
    } catch (error) {
      if (asFlowError(error).code !== 'denied' || context.now() + pause > ends) throw error;
      await waitUntil(context, context.now() + pause, 'waiting for the issuer to accept what was added');
    }
  }
}

function asCredentials<I extends Partial<Input>>(input: I) {
  const secret = input['client-secret'];
  return { ...input, 'client-secret': secret === undefined ? undefined : [secret] };
}
