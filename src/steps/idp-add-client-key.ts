import { writeStep } from './contract.ts';
import { addCredential, addKeys, addOutput, planToAdd } from './procedures/add-client-credential.ts';
import { keysOf } from './procedures/live-credentials.ts';

export const idpAddClientKey = writeStep({
  name: 'idp/add-client-key',
  summary: 'Makes the provider accept the public half of the next client key, beside the one in force.',
  effect: 'write',
  with: addKeys('client-keys'),
  output: addOutput,
  scalar: 'secret',
  options: ['accept-gap'],
  planWithout: ['secret'],
  plan: (input, context) => planToAdd(input, keysOf, context),
  run: (input, context) => addCredential(input, keysOf, context),
});
