import { form, optional, required } from '../language/forms.ts';
import { namesIn } from '../adapters/apis/path-template.ts';
import { writeStep } from './contract.ts';
import { apiKeys, apiOutput, ask, askProblems } from './procedures/ask-api.ts';

/**
 * Changes something at an API. It can be asked nothing before, so that a plan always has this change, with all that would
 * be sent but the credential.
 */
export const httpRequest = writeStep({
  name: 'http/request',
  summary: 'Sends JSON to an API of service.yaml, with a credential that nobody sees. What only reads is `http/get`.',
  effect: 'write',
  with: {
    ...apiKeys,
    method: required(form.oneOf('POST', 'PUT', 'PATCH', 'DELETE'), 'one of the API’s `methods:`'),
    json: optional(form.json(), 'the body: plain values, with those of inputs and steps in it', {
      example: '{ article: "${{ inputs.article }}", quantity: "${{ inputs.quantity }}" }',
    }),
  },
  output: apiOutput,
  isRepeatable: ({ api, method }) => method === 'PUT' || method === 'DELETE' || api.rules.keyed,
  check: (input, given, { apiOf }) => askProblems(input.method, input, given, apiOf('api')),
  async plan({ api, method = 'POST', path = '', 'path-values': values = {}, query, json }) {
    const known = namesIn(path).every((name) => Object.hasOwn(values, name));
    const where = known ? api?.target({ method, path, values, query }) : `${api?.url ?? ''}${path}`;
    const detail = json === undefined ? {} : { detail: JSON.stringify(json) };
    return { changes: [{ action: 'send', what: `${method} ${where ?? path}`, ...detail }] };
  },
  async run(input, context) {
    context.progress(`asking ${input.api.url}`);
    const { status, fields } = await ask(input.method, input, context, {
      json: input.json,
      idempotencyKey: context.idempotencyKey,
    });
    return { status, body: fields };
  },
});
