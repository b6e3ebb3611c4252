import { encodeSegment, Reference } from '../foundation/reference.ts';
import type { Expression, Parts } from './expressions.ts';
import { plainTrouble, taken, wrongType, type Resolved, type Unresolved } from './expression-types.ts';
import type { Form } from './forms.ts';
import { mismatch } from './compile-reference.ts';
import { scalarTrouble } from './plain-value-check.ts';
import type { Range } from './problems.ts';
import { later, type ObjectValue, type ReferenceValue, type Value } from './compiled-values.ts';

export interface Evaluation {
  readonly resolve: (expression: Expression) => Resolved | Unresolved;
  /** at check it collects; in a run it throws */
  readonly report: (range: Range, message: string, hint?: string) => void;
  /** told of each reference that is written in the file, complete */
  readonly onReference?: (reference: Reference, value: ReferenceValue) => void;
  /** told of each connection that is handed to a step */
  readonly onConnection?: (connection: Resolved, value: Value) => void;
  /** what is known of a list or mapping that is not known as a whole */
  readonly partial?: boolean;
}

/** What every expression is where only plain values are taken. */
export const noExpression = (): Unresolved => ({
  problem: 'expressions are not taken here',
  hint: 'write the value',
});

/** What a value stands for; {@link later} where it is not known yet, or was wrong and reported. */
export function evaluate(value: Value, evaluation: Evaluation): unknown {
  switch (value.as) {
    case 'literal':
      return value.value;
    case 'whole':
      return whole(value, value.expression, evaluation);
    case 'text': {
      const text = joined(value.parts, value, evaluation, String);
      return text === later ? later : checkedScalar(text, value.form, value, value.range, evaluation);
    }
    case 'reference':
      return referenceOf(value, evaluation);
    case 'template': {
      const parts = value.parts.map((part) => {
        if (typeof part === 'string') return part;
        return 'as' in part ? referenceOf(part, evaluation) : plainPart(part, value, evaluation);
      });
      return parts.includes(later) ? later : parts.map((part) => (part instanceof Reference ? part : String(part)));
    }
    case 'list': {
      const items = value.items.map((item) => evaluate(item, evaluation));
      if (!items.includes(later)) return items;
      return evaluation.partial === true ? items.filter((item) => item !== later) : later;
    }
    case 'mapping':
      return gathered(value.entries, evaluation);
    case 'object': {
      const found = gathered([...value.entries], evaluation);
      return typeof found === 'object' ? { ...defaultsOf(value), ...found } : found;
    }
  }
}

/** What the keys of an object are known to be; the ones that are not known yet are left out and named. */
export function evaluateKeys(
  value: ObjectValue,
  evaluation: Evaluation,
): { readonly known: Readonly<Record<string, unknown>>; readonly unknown: ReadonlySet<string> } {
  const known: [string, unknown][] = Object.entries(defaultsOf(value));
  const unknown = new Set<string>([...value.given].filter((key) => !value.entries.has(key)));
  for (const [key, each] of value.entries) {
    const found = evaluate(each, evaluation);
    if (found === later) unknown.add(key);
    else known.push([key, found]);
  }
  return { known: Object.fromEntries(known), unknown };
}

function defaultsOf(value: ObjectValue): Readonly<Record<string, unknown>> {
  const absent = Object.entries(value.keys).filter(
    ([key, each]) => each.default !== undefined && !value.given.has(key),
  );
  return Object.fromEntries(absent.map(([key, each]) => [key, each.default]));
}

function gathered(entries: readonly (readonly [string, Value])[], evaluation: Evaluation): unknown {
  const found = entries.map(([key, each]) => [key, evaluate(each, evaluation)] as const);
  const known = found.filter(([, each]) => each !== later);
  if (known.length < found.length && evaluation.partial !== true) return later;
  return Object.fromEntries(known.filter(([, each]) => each !== undefined));
}

function referenceOf(value: ReferenceValue, evaluation: Evaluation): unknown {
  const { report } = evaluation;
  if (value.fixed !== undefined) {
    evaluation.onReference?.(value.fixed, value);
    return value.fixed;
  }
  let wrong = false;
  const text = joined(value.parts, value, evaluation, encodeSegment, (expression, resolved) => {
    if (resolved.reviewed === true || resolved.type === 'any') return;
    wrong = true;
    const hint = 'inside a reference only vars, connections and enum inputs may stand';
    report(expression.range, `"${expression.text}" may not stand in a reference`, hint);
  });
  if (text === later || wrong || typeof text !== 'string') return later;
  const parsed = Reference.parse(text);
  const trouble = parsed instanceof Reference ? mismatch(parsed, value.to) : parsed;
  if (trouble !== undefined) report(value.range, `this reference ${trouble.problem}`, trouble.hint);
  if (!(parsed instanceof Reference) || trouble !== undefined) return later;
  evaluation.onReference?.(parsed, value);
  return parsed;
}

function joined(
  parts: Parts,
  value: Value,
  evaluation: Evaluation,
  write: (text: string) => string,
  look?: (expression: Expression, resolved: Resolved) => void,
): unknown {
  const texts = parts.map((part) => {
    if (typeof part === 'string') return part;
    const found = plainPart(part, value, evaluation, look);
    return found === later ? later : write(String(found));
  });
  return texts.includes(later) ? later : texts.join('');
}

/** An expression inside text: only what is plain may stand there. */
function plainPart(
  expression: Expression,
  value: Value,
  evaluation: Evaluation,
  look?: (expression: Expression, resolved: Resolved) => void,
): unknown {
  const resolved = evaluation.resolve(expression);
  if ('problem' in resolved) {
    evaluation.report(expression.range, resolved.problem, resolved.hint);
    return later;
  }
  const trouble = plainTrouble(expression, resolved, value.key);
  if (trouble !== undefined) {
    evaluation.report(expression.range, trouble.problem, trouble.hint);
    return later;
  }
  look?.(expression, resolved);
  if (resolved.value === later) return later;
  if (resolved.type === 'json' && Number.isInteger(resolved.value) && !Number.isSafeInteger(resolved.value)) {
    evaluation.report(expression.range, `"${expression.text}" is a number with more digits than are kept`);
    return later;
  }
  if (['string', 'number', 'boolean'].includes(typeof resolved.value)) return resolved.value;
  evaluation.report(expression.range, `"${expression.text}" has no plain value to put into text`);
  return later;
}

/** Of several forms the one of the value's own type, which stays what it is; else the first that takes it. */
function formFor({ type, value }: Resolved, form: Form): Form {
  if (form.kind !== 'union') return form;
  const own = type === 'json' ? typeof value : type;
  return (
    form.of.find(({ kind }) => kind === own) ??
    form.of.find(({ kind }) => taken[kind]?.includes(type)) ??
    form.of[0] ??
    form
  );
}

function whole(value: Value, expression: Expression, evaluation: Evaluation): unknown {
  const resolved = evaluation.resolve(expression);
  if ('problem' in resolved) {
    evaluation.report(expression.range, resolved.problem, resolved.hint);
    return later;
  }
  const form = formFor(resolved, value.form);
  const types = taken[form.kind] ?? [];
  if (resolved.type !== 'any' && !types.includes(resolved.type)) {
    const plain = plainTrouble(expression, resolved, value.key);
    const { problem, hint } =
      types.includes('text') && plain !== undefined ? plain : wrongType(expression, resolved, form, value.key);
    evaluation.report(expression.range, problem, hint);
    return later;
  }
  if (form.kind === 'connection' && resolved.type === 'connection') {
    if (resolved.kind !== form.to) {
      const { problem, hint } = wrongType(expression, resolved, form, value.key);
      evaluation.report(expression.range, problem, hint);
      return later;
    }
    evaluation.onConnection?.(resolved, value);
  }
  if (form.kind === 'one-of' && resolved.choices?.every((choice) => form.values.includes(choice)) === false) {
    evaluation.report(
      expression.range,
      `"${expression.text}" can be what "${value.key}" does not take`,
      `it takes ${form.values.join(', ')}`,
    );
    return later;
  }
  if (resolved.value === later || resolved.value === undefined || resolved.type === 'any') return resolved.value;
  if (resolved.type === 'reference' && resolved.value instanceof Reference && form.kind === 'reference') {
    const trouble = mismatch(resolved.value, form.to);
    if (trouble !== undefined)
      evaluation.report(expression.range, `the reference of "${expression.text}" ${trouble.problem}`, trouble.hint);
    return trouble === undefined ? resolved.value : later;
  }
  if (
    resolved.type === 'reference' ||
    resolved.type === 'secret' ||
    resolved.type === 'connection' ||
    form.kind === 'json'
  ) {
    return resolved.value;
  }
  const isText = form.kind === 'text' || form.kind === 'text-or-reference' || form.kind === 'template';
  const found: unknown = resolved.value;
  const plain = isText && (typeof found === 'number' || typeof found === 'boolean') ? String(found) : found;
  const good = checkedScalar(
    plain,
    form.kind === 'template' ? { kind: 'text', allowEmpty: true } : form,
    value,
    expression.range,
    evaluation,
  );
  return form.kind === 'template' && good !== later ? [good] : good;
}

function checkedScalar(found: unknown, form: Form, value: Value, range: Range, evaluation: Evaluation): unknown {
  if (form.kind === 'json') return found;
  const trouble = scalarTrouble(found, form, value.key);
  if (trouble === undefined) return found;
  evaluation.report(range, trouble.message, trouble.hint);
  return later;
}
