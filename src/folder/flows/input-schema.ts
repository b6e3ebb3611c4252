import { type InputDefinition, longestInput } from './inputs.ts';

/** What a flow takes as JSON Schema, for those who are told of it: what comes in is checked by `parseInputs`. */
export interface InputsSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required: readonly string[];
  readonly additionalProperties: false;
}

export function inputsSchema(inputs: readonly InputDefinition[]): InputsSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(inputs.map((input) => [input.name, propertyOf(input)])),
    required: inputs.filter((input) => input.default === undefined).map(({ name }) => name),
    additionalProperties: false,
  };
}

function propertyOf({ type, values, pattern, format, default: worth, description }: InputDefinition) {
  return {
    ...(type === 'enum' ? { enum: [...(values ?? [])] } : { type }),
    ...(type === 'string' ? { maxLength: longestInput } : {}),
    // it is for the whole value, and says so
    ...(pattern === undefined ? {} : { pattern: pattern.source }),
    ...(format === undefined ? {} : { format }),
    ...(worth === undefined ? {} : { default: worth }),
    description,
  };
}
