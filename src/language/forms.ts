import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';

/**
 * What a key of a YAML file may hold. One definition serves the check with its file:line:column, the JSON Schema for
 * editors, the reference in the README, and the type of what a step receives.
 */
export type Form =
  /** plain text; `${{ }}` of plain values may stand in it */
  | {
      readonly kind: 'text';
      readonly pattern?: RegExp;
      readonly expects?: string;
      readonly allowEmpty?: boolean;
      /** another program reads it: `op://…` is text here */
      readonly verbatim?: boolean;
      /** a name as somebody else gave it: nothing in it is put in, whatever it looks like */
      readonly literal?: boolean;
      /** what does not fit the pattern may be a secret: it is not repeated */
      readonly secretive?: boolean;
      /** it is the name of one of these, which must exist */
      readonly names?: Named;
    }
  | { readonly kind: 'number'; readonly minimum?: number; readonly maximum?: number; readonly integer?: boolean }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  /** a literal `op://…`, or a step's output that is typed as a reference */
  | { readonly kind: 'reference'; readonly to: ReferenceTarget }
  /** plain text or a reference; the step is told which */
  | { readonly kind: 'text-or-reference' }
  /** a secret that a step gives: `${{ steps.token }}` */
  | { readonly kind: 'secret' }
  /** `${{ issuers.main }}`: the step gets the adapter */
  | {
      readonly kind: 'connection';
      readonly to: ConnectionKind;
      /** capabilities: refused at check where the identity provider has none of them */
      readonly needs?: readonly string[];
    }
  /** text with `{{ op://… }}` in it */
  | { readonly kind: 'template' }
  /** any plain YAML value */
  | { readonly kind: 'json' }
  | {
      readonly kind: 'list';
      readonly of: Form;
      readonly minimum?: number;
      readonly maximum?: number;
      readonly orOne?: boolean;
    }
  | { readonly kind: 'mapping'; readonly of: Form; readonly keyPattern?: RegExp }
  | ObjectForm
  /** an object whose further keys depend on its `type` */
  | ByTypeForm
  /** the first form whose shape (scalar, list, mapping) fits */
  | { readonly kind: 'union'; readonly of: readonly Form[] };

export interface ObjectForm {
  readonly kind: 'object';
  readonly keys: Keys;
  /** of these, one key is given */
  readonly exactlyOne?: readonly string[];
  /** it says where a token is ({@link form.tokenSource}); the token itself never stands in a file */
  readonly source?: 'token';
}

export interface ByTypeForm {
  readonly kind: 'by-type';
  /** by the name that `type` takes */
  readonly types: ReadonlyMap<string, Variant>;
  /** keys that all types have */
  readonly common: Keys;
  /** the type where none is given; without it one must be */
  readonly default?: string;
  /** what `type` says */
  readonly description: string;
}

export interface Variant {
  readonly keys: Keys;
}

/** What a text may be the name of. */
export type Named = 'flows' | ConnectionKind;
export type ReferenceTarget = 'field' | 'item' | 'one-time-password';
/** What flows name as `${{ KIND.NAME }}`, and service.yaml declares under that word. */
export const connectionKinds = ['issuers', 'identity-providers', 'stores', 'apis'] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

export interface Key<T = unknown> {
  readonly form: Form;
  readonly description: string;
  readonly required: boolean;
  /** what an absent key means; shown in the reference */
  readonly default?: T;
  /** for the reference */
  readonly example?: string;
  /** carries the type only */
  readonly type?: T;
}

export type Keys = Readonly<Record<string, Key>>;

/** Where a token is; never the token itself. */
export type TokenSource =
  | { readonly env: string }
  | { readonly file: string }
  | { readonly command: readonly string[] };

/** The object that a step gets for its `with`. Optional keys are undefined where absent. */
export type InputOf<K extends Keys> = { readonly [P in keyof K]: K[P] extends Key<infer T> ? T : never };

/** Text with references in it, in order. */
export type Template = readonly (string | Reference)[];
/** A literal text, or a reference to be read. */
export type Source = string | Reference;

/** A form with the type of what it gives. */
export interface Typed<T> {
  readonly form: Form;
  readonly type?: T;
}

type TypeOf<F> = F extends Typed<infer T> ? T : never;

export const form = {
  text: (options: Omit<Extract<Form, { kind: 'text' }>, 'kind'> = {}): Typed<string> => ({
    form: { kind: 'text', ...options },
  }),
  number: (options: Omit<Extract<Form, { kind: 'number' }>, 'kind'> = {}): Typed<number> => ({
    form: { kind: 'number', ...options },
  }),
  boolean: (): Typed<boolean> => ({ form: { kind: 'boolean' } }),
  oneOf: <const V extends readonly string[]>(...values: V): Typed<V[number]> => ({ form: { kind: 'one-of', values } }),
  reference: (to: ReferenceTarget = 'field'): Typed<Reference> => ({ form: { kind: 'reference', to } }),
  textOrReference: (): Typed<Source> => ({ form: { kind: 'text-or-reference' } }),
  secret: (): Typed<Secret> => ({ form: { kind: 'secret' } }),
  /** typed by what each kind is an adapter of: connection-forms.ts beside the adapters */
  connection: (to: ConnectionKind, options: { needs?: readonly string[] } = {}): Typed<unknown> => ({
    form: { kind: 'connection', to, ...options },
  }),
  template: (): Typed<Template> => ({ form: { kind: 'template' } }),
  json: (): Typed<unknown> => ({ form: { kind: 'json' } }),
  list: <T>(
    of: Typed<T>,
    options: { minimum?: number; maximum?: number; orOne?: boolean } = {},
  ): Typed<readonly T[]> => ({
    form: { kind: 'list', of: of.form, ...options },
  }),
  mapping: <T>(of: Typed<T>, options: { keyPattern?: RegExp } = {}): Typed<Readonly<Record<string, T>>> => ({
    form: { kind: 'mapping', of: of.form, ...options },
  }),
  object: <K extends Keys>(
    keys: K,
    options: { exactlyOne?: readonly (keyof K & string)[] } = {},
  ): Typed<InputOf<K>> => ({ form: { kind: 'object', keys, ...options } }),
  byType: (
    types: ReadonlyMap<string, Variant>,
    options: { description: string; common?: Keys; default?: string },
  ): Typed<TypedSettings> => ({ form: { kind: 'by-type', types, common: {}, ...options } }),
  tokenSource: (): Typed<TokenSource> => ({ form: { kind: 'object', keys: tokenKeys, source: 'token' } }),
  union: <const F extends readonly Typed<unknown>[]>(...of: F): Typed<TypeOf<F[number]>> => ({
    form: { kind: 'union', of: of.map((each) => each.form) },
  }),
};

/** What {@link form.byType} gives: the type, and what its keys hold. */
export type TypedSettings = { readonly type: string } & Readonly<Record<string, unknown>>;

export function required<T>(typed: Typed<T>, description: string, extra: { example?: string } = {}): Key<T> {
  return { form: typed.form, description, required: true, ...extra };
}

export function optional<T>(
  typed: Typed<T>,
  description: string,
  extra: { example?: string } = {},
): Key<T | undefined> {
  return { form: typed.form, description, required: false, ...extra };
}

/** Optional, with a value where it is absent. */
export function withDefault<T>(
  typed: Typed<T>,
  value: T,
  description: string,
  extra: { example?: string } = {},
): Key<T> {
  return { form: typed.form, description, required: false, default: value, ...extra };
}

const tokenKeys = {
  env: optional(
    form.text({ pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, expects: 'the name of a variable', secretive: true }),
    'an environment variable that holds the token; also written `${{ env.NAME }}`',
  ),
  file: optional(
    form.text({ pattern: /^[^~]/, expects: 'the path of a file, without the ~ of a shell' }),
    'a file that holds the token',
  ),
  command: optional(
    form.list(form.text({ verbatim: true }), { minimum: 1 }),
    'a command that prints the token; run without a shell',
    {
      example: '[op, read, "op://Private/flows token/credential"]',
    },
  ),
} satisfies Keys;
