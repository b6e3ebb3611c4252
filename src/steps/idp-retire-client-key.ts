import { writeStep } from './contract.ts';
import { keysOf } from './procedures/live-credentials.ts';
import { planToRetire, retireCredential, retireKeys, retireOutput } from './procedures/retire-client-credential.ts';

export const idpRetireClientKey = writeStep({
  name: 'idp/retire-client-key',
  summary: 'Ends the former client key at the provider, once both have lived side by side for long enough.',
  effect: 'write',
  with: retireKeys('client-keys'),
  output: retireOutput,
  scalar: 'previous',
  plan: (input, context) => planToRetire(input, keysOf, context),
  run: (input, context) => retireCredential(input, keysOf, context),
});
