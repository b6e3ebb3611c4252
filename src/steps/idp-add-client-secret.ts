import { writeStep } from './contract.ts';
import { addCredential, addKeys, addOutput, planToAdd } from './procedures/add-client-credential.ts';
import { secretsOf } from './procedures/live-credentials.ts';

export const idpAddClientSecret = writeStep({
  name: 'idp/add-client-secret',
  summary: 'Makes the provider accept the next client secret, beside the one in force where two can live.',
  effect: 'write',
  with: addKeys('client-secrets'),
  output: addOutput,
  scalar: 'secret',
  options: ['accept-gap'],
  planWithout: ['secret'],
  plan: (input, context) => planToAdd(input, secretsOf, context),
  run: (input, context) => addCredential(input, secretsOf, context),
});
