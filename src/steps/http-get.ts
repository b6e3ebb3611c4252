import { pureStep } from './contract.ts';
import { apiKeys, apiOutput, ask, askProblems } from './procedures/ask-api.ts';

/** Reads from an API. */
export const httpGet = pureStep({
  name: 'http/get',
  summary: 'Reads from an API of service.yaml, with a credential that nobody sees.',
  effect: 'none',
  reads: 'api',
  with: apiKeys,
  output: apiOutput,
  check: (input, given, { apiOf }) => askProblems('GET', input, given, apiOf('api')),
  async run(input, context) {
    const { status, fields } = await ask('GET', input, context);
    return { status, body: fields };
  },
});
