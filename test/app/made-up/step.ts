import { form, required } from '../../../src/language/forms.ts';
import { pureStep } from '../../../src/steps/contract.ts';

/** Text in capitals. */
export const textCapitals = pureStep({
  name: 'text/capitals',
  summary: 'Gives a text in capitals.',
  effect: 'none',
  with: { text: required(form.text(), 'the text'), times: required(form.number({ minimum: 1 }), 'how often') },
  output: { text: { type: 'text', description: 'the text in capitals' } },
  scalar: 'text',
  run: ({ text, times }) => Promise.resolve({ text: text.toUpperCase().repeat(times) }),
});
