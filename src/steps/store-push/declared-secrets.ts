import { canonical } from '../../foundation/canonical-json.ts';
import { form, optional, required, type InputOf, type Source, type Template } from '../../language/forms.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Metadata, SecretName, StoreRules } from '../../adapters/stores/contract.ts';

const tagValue = form.text({ allowEmpty: true });

/** One secret as a flow declares it. */
export const secretKeys = {
  name: required(form.text(), 'its name at the store; or the store’s own identifier of one that exists', {
    example: 'prod/orders/database',
  }),
  value: optional(
    form.union(
      form.reference(),
      form.mapping(form.union(form.textOrReference(), form.number(), form.boolean())),
      form.object({ template: required(form.template(), 'text with `{{ op://… }}` in it') }),
    ),
    'a reference, or a mapping of references and literals, which is stored as a JSON object with sorted keys; numbers and booleans stay so',
    { example: 'op://Agents/OpenAI/credential' },
  ),
  template: optional(form.template(), 'instead of `value`: text with `{{ op://… }}` in it', {
    example: 'postgres://app:{{ op://Agents/Orders Database/password }}@db.example/orders',
  }),
  description: optional(form.text({ allowEmpty: true }), 'description of the secret; absent: left as it is'),
  'kms-key': optional(form.text(), 'the key that encrypts it, as the store names it; absent: left as it is', {
    example: 'alias/runtime',
  }),
  tags: optional(form.mapping(tagValue), 'tags that are set; others are left as they are', {
    example: '{ service: orders }',
  }),
  replicas: optional(
    form.list(
      form.object({
        region: required(form.text(), 'where it is'),
        'kms-key': optional(form.text(), 'the key that encrypts it there'),
      }),
    ),
    'copies in other regions that the store keeps; others are left as they are',
    { example: '[{ region: eu-central-1 }]' },
  ),
  'resource-policy': optional(
    form.json(),
    'who else may do what with it, as the store writes it; absent: left as it is',
  ),
};
type Entry = InputOf<typeof secretKeys>;
/** What is known of an entry when the files load. */
export type PartialEntry = Partial<Entry>;

type Literal = Source | number | boolean;

export type ValueSource =
  | { readonly kind: 'reference'; readonly reference: Reference }
  | { readonly kind: 'json'; readonly members: readonly (readonly [key: string, value: Literal])[] }
  | { readonly kind: 'template'; readonly parts: Template };

export interface DeclaredSecret {
  readonly name: SecretName;
  readonly source: ValueSource;
  readonly metadata: Metadata;
}

/** An entry that {@link problemsOf} finds nothing wrong with, in the form that the push works on. */
export function declaredSecretOf(entry: Entry, { nameOf }: StoreRules): DeclaredSecret | undefined {
  const source = sourceOf(entry);
  if (source === undefined) return undefined;
  return { name: nameOf(entry.name), source, metadata: metadataOf(entry) };
}

export function metadataOf(entry: PartialEntry): Metadata {
  const policy = entry['resource-policy'];
  return {
    description: entry.description,
    kmsKey: entry['kms-key'],
    tags: entry.tags,
    replicas: entry.replicas?.map(({ region, 'kms-key': kmsKey }) => ({ region, kmsKey })),
    resourcePolicy: policy === undefined ? undefined : canonical(policy),
  };
}

function sourceOf({ value, template }: Entry): ValueSource | undefined {
  if (template !== undefined) return { kind: 'template', parts: template };
  if (value === undefined) return undefined;
  if (isReference(value)) return { kind: 'reference', reference: value };
  if (isTemplate(value)) return { kind: 'template', parts: value.template };
  return { kind: 'json', members: Object.entries(value) };
}

type DeclaredValue = NonNullable<Entry['value']>;

function isReference(value: DeclaredValue): value is Reference {
  return 'itemReference' in value;
}

function isTemplate(value: Exclude<DeclaredValue, Reference>): value is { readonly template: Template } {
  return Array.isArray(value['template']);
}
