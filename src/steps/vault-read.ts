import { form, required } from '../language/forms.ts';
import { pureStep } from './contract.ts';

export const vaultRead = pureStep({
  name: 'vault/read',
  summary: 'Reads one value from the vault.',
  effect: 'none',
  reads: 'vault',
  with: {
    reference: required(form.reference(), 'the field or file', { example: 'op://Agents/Orders M2M/credential' }),
  },
  output: { value: { type: 'secret', description: 'what stands there, unchanged' } },
  scalar: 'value',
  async run(input, context) {
    return { value: await context.read(input.reference) };
  },
});
