import type { Expression, Parts } from './expressions.ts';
import type { Form, Keys, ReferenceTarget } from './forms.ts';
import type { Node } from './yaml.ts';
import type { Range } from './problems.ts';
import type { Reference } from '../foundation/reference.ts';

/** Stands for what is not known yet: an input at check, the output of a write that has not happened. */
export const later: unique symbol = Symbol('known later');

interface At<F extends Form = Form> {
  readonly form: F;
  readonly range: Range;
  /** the key as a person would name it: `secrets[0].name` */
  readonly key: string;
}

export interface ReferenceValue extends At {
  readonly as: 'reference';
  readonly parts: Parts;
  /** where nothing stands in it that has to be put in first */
  readonly fixed: Reference | undefined;
  /** `any`: shown, not read */
  readonly to: ReferenceTarget | 'any';
}

/** What a key was given, checked against its form once, when the file was read. */
export type Value =
  | (At & { readonly as: 'literal'; readonly value: string | number | boolean | null })
  | (At & { readonly as: 'whole'; readonly expression: Expression })
  | (At & { readonly as: 'text'; readonly parts: Parts })
  | ReferenceValue
  | (At & { readonly as: 'template'; readonly parts: readonly (string | Expression | ReferenceValue)[] })
  | (At & { readonly as: 'list'; readonly items: readonly Value[] })
  | (At & { readonly as: 'mapping'; readonly entries: readonly (readonly [string, Value])[] })
  | ObjectValue;

export interface ObjectValue extends At {
  readonly as: 'object';
  readonly keys: Keys;
  readonly entries: ReadonlyMap<string, Value>;
  /** keys that the file gives, also those whose value is wrong */
  readonly given: ReadonlySet<string>;
  readonly node: Node;
}

/** Every expression in a value. */
export function* expressionsOf(value: Value): Generator<Expression> {
  if (value.as === 'whole') yield value.expression;
  else if (value.as === 'text' || value.as === 'reference')
    yield* value.parts.filter((part) => typeof part === 'object');
  else if (value.as === 'template') {
    for (const part of value.parts) {
      if (typeof part === 'string') continue;
      if ('as' in part) yield* expressionsOf(part);
      else yield part;
    }
  } else if (value.as === 'list') for (const item of value.items) yield* expressionsOf(item);
  else if (value.as === 'mapping') for (const [, each] of value.entries) yield* expressionsOf(each);
  else if (value.as === 'object') for (const each of value.entries.values()) yield* expressionsOf(each);
}

/** The value at a path of keys inside another, or the nearest one on the way: for the place of a problem. */
export function valueAt(value: Value, ...path: readonly string[]): Value {
  let at = value;
  for (const key of path) {
    const next = at.as === 'object' ? at.entries.get(key) : at.as === 'mapping' ? entryOf(at.entries, key) : undefined;
    if (next === undefined) return at;
    at = next;
  }
  return at;
}

function entryOf(entries: readonly (readonly [string, Value])[], key: string): Value | undefined {
  return entries.find(([name]) => name === key)?.[1];
}

/** A value and all that stand in it. */
export function* valuesIn(value: Value): Generator<Value> {
  yield value;
  if (value.as === 'list') for (const item of value.items) yield* valuesIn(item);
  else if (value.as === 'mapping') for (const [, each] of value.entries) yield* valuesIn(each);
  else if (value.as === 'object') for (const each of value.entries.values()) yield* valuesIn(each);
}
