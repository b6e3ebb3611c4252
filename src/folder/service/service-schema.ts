import type { Adapters } from '../../adapters/adapters.ts';
import { draft, names, objectSchema, type Schema } from '../../language/json-schema.ts';
import { environmentKeysOf, serviceKeysOf } from './service-keys.ts';

/** The schema of service.yaml. An environment without anything (`development:`) is one too. */
export function serviceSchema(adapters: Adapters): Schema {
  const environment = { anyOf: [objectSchema(environmentKeysOf(adapters)), { type: 'null' }] };
  const environments = { type: 'object', propertyNames: { pattern: names }, additionalProperties: environment };
  return {
    $schema: draft,
    title: "auth-chain's service.yaml",
    ...objectSchema(serviceKeysOf(adapters), { environments }),
  };
}
