import { draft, names, objectSchema, schemaOf, type Schema } from '../../language/json-schema.ts';
import type { Keys } from '../../language/forms.ts';

/** The schema of service.yaml. An environment without anything (`development:`) is one too. */
export function serviceSchema(serviceKeys: Keys, environmentKeys: Keys, vaultKeys: Keys): Schema {
  const token = {
    anyOf: [
      schemaOf(vaultKeys['token']?.form ?? { kind: 'json' }),
      { type: 'string', pattern: '^\\$\\{\\{\\s*env\\.\\w+\\s*\\}\\}$' },
    ],
  };
  const entry = objectSchema(vaultKeys, { token });
  const vault = { anyOf: [entry, { type: 'array', minItems: 1, items: entry }] };
  const environment = { anyOf: [objectSchema(environmentKeys, { vault }), { type: 'null' }] };
  const environments = { type: 'object', propertyNames: { pattern: names }, additionalProperties: environment };
  return { $schema: draft, title: "auth-chain's service.yaml", ...objectSchema(serviceKeys, { environments }) };
}
