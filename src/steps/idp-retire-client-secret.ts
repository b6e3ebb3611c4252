import { writeStep } from './contract.ts';
import { secretsOf } from './procedures/live-credentials.ts';
import { planToRetire, retireCredential, retireKeys, retireOutput } from './procedures/retire-client-credential.ts';

export const idpRetireClientSecret = writeStep({
  name: 'idp/retire-client-secret',
  summary: 'Ends the former client secret at the provider, once both have lived side by side for long enough.',
  effect: 'write',
  with: retireKeys('client-secrets'),
  output: retireOutput,
  scalar: 'previous',
  plan: (input, context) => planToRetire(input, secretsOf, context),
  run: (input, context) => retireCredential(input, secretsOf, context),
});
