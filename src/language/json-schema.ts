import { variantOf } from './variants.ts';
import type { ByTypeForm, Form, Key, Keys } from './forms.ts';

/** JSON Schema, draft 2020-12, as editors read it. */
export type Schema = { readonly [key: string]: unknown };

export const draft = 'https://json-schema.org/draft/2020-12/schema';
export const names = '^[a-z][a-z0-9-]*$';
/** Of what a flow gives: such a name, or an environment variable's. */
export const outputNames = '^(?:[a-z][a-z0-9-]*|[A-Za-z_][A-Za-z0-9_]*)$';
const expression = { type: 'string', pattern: '^\\$\\{\\{.*\\}\\}$', description: '${{ path }}' };

/** Any value with an expression instead. */
function orExpression(schema: Schema): Schema {
  return { anyOf: [schema, expression] };
}

/** What a form takes. */
function schemaOf(form: Form): Schema {
  switch (form.kind) {
    case 'text': {
      const text = { type: 'string', ...(form.allowEmpty === true ? {} : { minLength: 1 }) };
      return form.pattern === undefined
        ? text
        : {
            anyOf: [
              { ...text, pattern: form.pattern.source },
              { type: 'string', pattern: '\\$\\{\\{' },
            ],
          };
    }
    case 'number':
      return orExpression({
        type: form.integer === true ? 'integer' : 'number',
        ...(form.minimum === undefined ? {} : { minimum: form.minimum }),
        ...(form.maximum === undefined ? {} : { maximum: form.maximum }),
      });
    case 'boolean':
      return orExpression({ type: 'boolean' });
    case 'one-of':
      return orExpression({ enum: form.values });
    case 'reference':
      return { anyOf: [{ type: 'string', pattern: '^op://[^/]+/[^/]+' }, expression] };
    case 'text-or-reference':
    case 'template':
      return { type: 'string', minLength: 1 };
    case 'secret':
      return expression;
    case 'connection':
      return { type: 'string', pattern: `^\\$\\{\\{\\s*${form.to}\\.[a-z][a-z0-9-]*\\s*\\}\\}$` };
    case 'json':
      return {};
    case 'list': {
      const list = {
        type: 'array',
        items: schemaOf(form.of),
        ...(form.minimum === undefined ? {} : { minItems: form.minimum }),
        ...(form.maximum === undefined ? {} : { maxItems: form.maximum }),
      };
      return form.orOne === true ? { anyOf: [schemaOf(form.of), list] } : list;
    }
    case 'mapping': {
      const keys = form.keyPattern === undefined ? {} : { propertyNames: { pattern: form.keyPattern.source } };
      return { type: 'object', additionalProperties: schemaOf(form.of), ...keys };
    }
    case 'by-type':
      return byTypeSchema(form);
    case 'object': {
      if (form.source === 'token') return { anyOf: [objectSchema(form.keys), fromEnvironment] };
      const one = (form.exactlyOne ?? []).map((key) => ({ required: [key] }));
      return { ...objectSchema(form.keys), ...(one.length === 0 ? {} : { oneOf: one }) };
    }
    case 'union':
      return { anyOf: form.of.map(schemaOf) };
  }
}

const fromEnvironment = { type: 'string', pattern: '^\\$\\{\\{\\s*env\\.\\w+\\s*\\}\\}$' };

/** Of one type its keys; of several each type's own, once an editor has seen `type`. */
function byTypeSchema(form: ByTypeForm): Schema {
  const [only = '', ...others] = form.types.keys();
  if (others.length === 0) return objectSchema(variantOf(form, only).keys);
  return {
    type: 'object',
    properties: { type: { enum: [only, ...others], description: form.description } },
    ...(form.default === undefined ? { required: ['type'] } : {}),
    allOf: [only, ...others].map((type) => ({
      if: { properties: { type: { const: type } }, ...(type === form.default ? {} : { required: ['type'] }) },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: objectSchema(variantOf(form, type).keys, { type: { const: type } }),
    })),
  };
}

/** An object with exactly these keys. @param own schemas that say more than a key's form */
export function objectSchema(keys: Keys, own: Readonly<Record<string, Schema>> = {}): Schema {
  const properties = Object.entries(keys).map(
    ([name, key]) => [name, described(own[name] ?? schemaOf(key.form), key)] as const,
  );
  const required = Object.keys(keys).filter((name) => keys[name]?.required === true);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

function described(schema: Schema, key: Key): Schema {
  return { description: key.description, ...(key.default === undefined ? {} : { default: key.default }), ...schema };
}

export const textList = { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } };

/** The schema of a file in which no expression stands but inside a reference: policy.yaml, registry.yaml, development.yaml. */
export function plainSchema(file: string, keys: Keys): Schema {
  return { $schema: draft, title: `auth-chain's ${file}`, ...withoutExpressions(objectSchema(keys)) };
}

export function withoutExpressions(schema: Schema): Schema {
  const { anyOf, ...rest } = schema;
  if (Array.isArray(anyOf)) {
    const plain = anyOf.filter(({ pattern }: Schema) => typeof pattern !== 'string' || !/^\^?\\\$\\\{/.test(pattern));
    const [only, ...others] = plain.map(withoutExpressions);
    return others.length === 0 ? { ...only, ...rest } : { ...rest, anyOf: [only, ...others] };
  }
  const inner = Object.entries(rest).map(([key, value]) => {
    const plain = isSchema(value) ? withoutExpressions(value) : value;
    return [key, plain] as const;
  });
  return Object.fromEntries(inner);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
