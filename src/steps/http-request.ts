import { FlowError } from '../foundation/errors.ts';
import { form, optional, required } from '../language/forms.ts';
import type { ApiAnswer } from '../adapters/apis/contract.ts';
import { namesIn } from '../adapters/apis/path-template.ts';
import { writeStep, type Change } from './contract.ts';
import { planToStage, stageNext } from './procedures/stage-next.ts';
import { apiKeys, apiOutput, ask, askProblems, fieldForm } from './procedures/ask-api.ts';

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
    secret: optional(fieldForm, 'the field of the answer that is a secret; it goes to `into` and nowhere else', {
      example: 'api_key',
    }),
    into: optional(
      form.reference(),
      'the field whose next value that secret is: it is staged beside it, for vault/promote-secret. Where one is staged already nothing is sent',
      { example: 'op://Agents/Orders API/key' },
    ),
    json: optional(form.json(), 'the body: plain values, with those of inputs and steps in it', {
      example: '{ article: "${{ inputs.article }}", quantity: "${{ inputs.quantity }}" }',
    }),
  },
  output: {
    status: { ...apiOutput.status, optional: true },
    body: { ...apiOutput.body, optional: true },
    secret: { type: 'reference', description: 'where the secret of the answer is', optional: true },
  },
  isRepeatable: ({ api, method }) => method === 'PUT' || method === 'DELETE' || api.rules.keyed,
  writes: ({ into }) => (into === undefined ? [] : [into.vault]),
  check: (input, given, { apiOf }) => [
    ...askProblems(input.method, input, given, apiOf('api')),
    ...(given.has('secret') === given.has('into')
      ? []
      : [{ key: given.has('secret') ? 'secret' : 'into', problem: '"secret" and "into" stand together' }]),
  ],
  async plan({ api, method = 'POST', path = '', 'path-values': values = {}, query, json, into }, context) {
    const known = namesIn(path).every((name) => Object.hasOwn(values, name));
    const where = known ? api?.target({ method, path, values, query }) : `${api?.url ?? ''}${path}`;
    const detail = json === undefined ? {} : { detail: JSON.stringify(json) };
    const sent: Change = { action: 'send', what: `${method} ${where ?? path}`, ...detail };
    if (into === undefined) return { changes: [sent] };
    const { changes, output } = await planToStage({ field: into }, context);
    // a secret that is staged is the one that was asked for
    if (output !== undefined) return { changes, output: { status: undefined, body: undefined, ...output } };
    return { changes: [sent, ...changes] };
  },
  async run(input, context) {
    const { api, method, json, into, secret } = input;
    const { idempotencyKey } = context;
    context.progress(`asking ${api.url}`);
    if (into === undefined) {
      const { status, fields } = await ask(method, input, context, { json, idempotencyKey });
      return { status, body: fields, secret: undefined };
    }
    let answer: ApiAnswer | undefined;
    const make = async () => {
      const given = await ask(method, input, context, { json, idempotencyKey, secret });
      if (given.secret === undefined)
        throw new FlowError('protocol', `the API answers ${given.status} without a secret`);
      answer = given;
      return given.secret;
    };
    const staged = await stageNext({ field: into, 'if-older-than': undefined }, make, context).catch(
      (error: unknown) => {
        if (answer === undefined) throw error;
        throw new FlowError('outcome-unknown', 'the API gave a secret that could not be kept', {
          hint: 'take it back there, and run again',
          place: { subject: into.toString() },
          cause: error,
        });
      },
    );
    return { status: answer?.status, body: answer?.fields, ...staged };
  },
});
