import { draft, names, objectSchema, outputNames, textList, withoutExpressions, type Schema } from '../../language/json-schema.ts';
import type { Keys } from '../../language/forms.ts';
import type { StepKinds } from '../../steps/contract.ts';

/** The schema of a flow file: a step's `with` depends on what it `uses`. */
export function flowSchema(flowKeys: Keys, stepKeys: Keys, inputKeys: Keys, kinds: StepKinds): Schema {
  const all = [...new Set(kinds.values())].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const uses = { anyOf: all.flatMap(({ name, aliases = [], summary }) =>
      [name, ...aliases].map((each) => ({ const: each, description: summary })),
    ) };
  const input = {
    anyOf: [
      withoutExpressions(objectSchema(inputKeys, { enum: textList, values: textList })),
      { enum: ['string', 'number', 'boolean'] },
    ],
  };
  const step = {
    ...objectSchema(stepKeys, { id: { type: 'string', pattern: names }, uses }),
    allOf: all.map((kind) => {
      const required = Object.values(kind.with).some((key) => key.required) ? { required: ['with'] } : {};
      return {
        if: { properties: { uses: { enum: [kind.name, ...(kind.aliases ?? [])] } }, required: ['uses'] },
        // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
        then: { properties: { with: objectSchema(kind.with) }, ...required },
      };
    }),
  };
  const scalar = { type: ['string', 'number', 'boolean'] };
  const output = {
    anyOf: [
      scalar,
      { type: 'object', propertyNames: { pattern: outputNames }, additionalProperties: scalar, minProperties: 1 },
    ],
  };
  const inputs = { type: 'object', propertyNames: { pattern: names }, additionalProperties: input };
  const steps = { type: 'array', minItems: 1, items: step };
  const environments = { type: 'array', minItems: 1, items: { type: 'string', pattern: names } };
  return {
    $schema: draft,
    title: 'A flow of auth-chain',
    ...objectSchema(flowKeys, { inputs, steps, output, environments }),
    // without steps it is an environment
    anyOf: [{ required: ['steps'] }, { required: ['output'], properties: { output: { type: 'object' } } }],
  };
}
