import { connection } from '../../adapters/connection-forms.ts';
import type { ApiAnswer, ApiMethod, ApiRequest, ApiRules } from '../../adapters/apis/contract.ts';
import { namesIn, pathForm } from '../../adapters/apis/path-template.ts';
import { Secret } from '../../foundation/secret.ts';
import { form, optional, required, withDefault, type InputOf, type Keys } from '../../language/forms.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { InputProblem, StepContext } from '../contract.ts';

/** Names a field of an answer. */
export const fieldForm = form.text({
  pattern: /^[^.\s]+(?:\.[^.\s]+)*$/,
  expects: 'the name of a field; a dot leads into an object',
});
const size = /^([1-9]\d{0,3})KiB$/;

/** What every step that asks an API takes. */
export const apiKeys = {
  api: required(connection('apis'), 'the API', { example: '${{ apis.orders }}' }),
  path: required(pathForm, 'one of the API’s `paths:`, as it is written there', { example: '/orders/{id}' }),
  'path-values': optional(
    form.mapping(form.text()),
    'what stands for the names in braces: one segment each, without `/`, `\\`, `%` or `;`',
    { example: '{ id: "${{ inputs.order }}" }' },
  ),
  query: optional(
    form.mapping(form.union(form.text({ allowEmpty: true }), form.number(), form.boolean())),
    'what follows the `?`, by name',
  ),
  token: optional(
    form.union(form.secret(), form.reference()),
    'the credential, which the API’s `token:` or `header:` has a place for: a token of a step, or a reference',
    { example: '${{ steps.token }}' },
  ),
  expect: optional(
    form.list(form.number({ integer: true, minimum: 200, maximum: 499 }), { minimum: 1 }),
    'statuses that are no failure; without it any 2xx',
    { example: '[200, 404]' },
  ),
  response: withDefault(
    form.object({
      fields: withDefault(
        form.list(fieldForm, { maximum: 50 }),
        [],
        'what of its JSON is taken: plain values, by name',
      ),
      max: withDefault(
        form.text({ pattern: size, expects: 'a size as 64KiB, at most 1024KiB' }),
        '64KiB',
        'the size of a body that is read',
      ),
    }),
    { fields: [], max: '64KiB' },
    'what becomes of its answer: what is not named here is seen by nobody',
    { example: '{ fields: [id, status, total.amount] }' },
  ),
} satisfies Keys;

export const apiOutput = {
  status: { type: 'number', description: 'the status of its answer' },
  body: { type: 'json', description: 'the fields of `response:` that it has: `${{ steps.ID.body.id }}`' },
} as const;

type AskInput = InputOf<typeof apiKeys>;

/** What the forms cannot say, and what service.yaml says of the API. */
export function askProblems(
  method: ApiMethod | undefined,
  { path, response }: Partial<AskInput>,
  given: ReadonlySet<string>,
  rules: ApiRules | undefined,
): readonly InputProblem[] {
  const problems: InputProblem[] = [];
  const add = (key: string, problem: string, hint?: string) => void problems.push({ key, problem, hint });
  const { fields = [], max = '' } = response ?? {};
  for (const each of fields) {
    const outer = fields.find((other) => other !== each && each.startsWith(`${other}.`));
    if (outer !== undefined) add('response.fields', `"${each}" is inside "${outer}", which is to be a plain value`);
  }
  if (Number(size.exec(max)?.[1] ?? 0) > 1024) add('response.max', 'is more than 1024KiB');
  if (path === undefined) {
    if (given.has('path')) add('path', 'is written out', 'put names in braces in it, and their values in path-values');
    return problems;
  }
  const names = namesIn(path);
  const filled = [...given].flatMap((key) => /^path-values\.(.+)$/.exec(key)?.[1] ?? []);
  for (const name of names)
    if (!filled.includes(name)) add('path', `nothing fills {${name}}`, `write path-values: { ${name}: … }`);
  for (const name of filled)
    if (!names.includes(name)) add(`path-values.${name}`, 'has no place in the path', suggest(name, names));
  if (rules === undefined) return problems;
  if (method !== undefined && !rules.methods.includes(method))
    add('method', `the API may not be asked by ${method}`, `its methods: ${rules.methods.join(', ')}`);
  if (rules.paths?.includes(path) === false)
    add(
      'path',
      `the API may not be asked at ${path}`,
      suggest(path, rules.paths) ?? `its paths: ${rules.paths.join(', ')}`,
    );
  const wanted = rules.credential !== undefined;
  if (wanted && !given.has('token')) add('api', 'it takes a credential', 'write token: ${{ steps.token }}');
  if (!wanted && given.has('token'))
    add('token', 'the API has no place for a credential', 'write token: bearer, or header:, to it in service.yaml');
  return problems;
}

type Body = Partial<Pick<ApiRequest, 'json' | 'idempotencyKey' | 'secret'>>;

/** Asks, with a credential that is read, and made anew where it is refused. */
export async function ask(
  method: ApiMethod,
  input: AskInput,
  context: StepContext,
  body: Body = {},
): Promise<ApiAnswer> {
  const { api, path, 'path-values': values, query, token, expect, response } = input;
  const credential = token === undefined || token instanceof Secret ? token : await context.read(token);
  const most = Number(size.exec(response.max)?.[1] ?? 64) * 1024;
  const { fields } = response;
  const renewed = async (refused: Secret) => context.renewed('token', refused);
  return api.send({ method, path, values, query, credential, renewed, expect, fields, most, ...body }, context.signal);
}
