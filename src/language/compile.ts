import { Reference } from '../foundation/reference.ts';
import { foreignForm, wholeExpression } from './expressions.ts';
import type { Form, ObjectForm } from './forms.ts';
import { hideSecrets } from './hide-secrets.ts';
import { chosenVariant } from './compile-variant.ts';
import { withoutToken } from './token-source.ts';
import { partsOf } from './compile-reference.ts';
import { changedForm } from './own-form.ts';
import { readKeys } from './mapping-keys.ts';
import { compileScalar, wrong, type Place } from './compile-scalar.ts';
import type { ObjectValue, Value } from './compiled-values.ts';
import type { Node } from './yaml.ts';

/** A node checked against its form and made ready to evaluate. What is wrong is reported and left out. */
function compile(node: Node, form: Form, place: Place): Value | undefined {
  const { report } = place.source;
  hideSecrets(node, form, place.source);
  const at = { form, range: node.range, key: place.key };
  if (form.kind === 'union') return compileUnion(node, form, place);
  if (form.kind === 'list') {
    if (node.kind !== 'list') {
      if (form.orOne !== true) return wrong(node, form, place);
      const only = compile(node, form.of, place);
      return only === undefined ? undefined : { ...at, as: 'list', items: [only] };
    }
    const count = node.items.length;
    if (count < (form.minimum ?? 0)) report(node.range, `"${place.key}" takes at least ${form.minimum ?? 0}`);
    if (count > (form.maximum ?? count)) report(node.range, `"${place.key}" takes at most ${form.maximum ?? count}`);
    const items = node.items.map((item, index) => compile(item, form.of, { ...place, key: `${place.key}[${index}]` }));
    return { ...at, as: 'list', items: items.filter((item) => item !== undefined) };
  }
  if (form.kind === 'mapping') {
    if (node.kind !== 'mapping') return wrong(node, form, place);
    const entries = node.entries.map(({ key, keyRange, value }) => {
      if (form.keyPattern?.test(key) === false) {
        report(keyRange, `"${key}" is not a name that "${place.key}" takes`, `it must fit ${form.keyPattern.source}`);
      }
      return [key, compile(value, form.of, { ...place, key: `${place.key}.${key}` })] as const;
    });
    const good = entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
    return { ...at, as: 'mapping', entries: good };
  }
  if (form.kind === 'by-type') {
    const chosen = chosenVariant(node, form, place);
    return chosen === undefined ? undefined : compileObject(node, chosen, place);
  }
  if (form.kind === 'object') {
    const given = form.source === 'token' ? withoutToken(node, place.source) : node;
    return given === undefined ? undefined : compileObject(given, form, place);
  }
  if (form.kind === 'json') return compileJson(node, form, place);
  if (node.kind !== 'scalar') return wrong(node, form, place);
  return compileScalar(node, form, place);
}

/** An object whose wrong keys are reported and left out. */
export function compileObject(node: Node, form: ObjectForm, place: Place): ObjectValue | undefined {
  const what = place.key === '' ? place.what : `"${place.key}"`;
  const found = readKeys(node, form.keys, what, place.source);
  if (found === undefined || node.kind !== 'mapping') return undefined;
  const entries = new Map<string, Value>();
  for (const [key, entry] of found) {
    const of = form.keys[key]?.form;
    const name = place.key === '' ? key : `${place.key}.${key}`;
    const value = of === undefined ? undefined : compile(entry.value, of, { ...place, key: name });
    if (value !== undefined) entries.set(key, value);
  }
  const given = new Set(node.entries.map(({ key }) => key));
  const { exactlyOne = [] } = form;
  const chosen = node.entries.filter(({ key }) => exactlyOne.includes(key));
  if (exactlyOne.length > 0 && chosen.length !== 1) {
    const at = chosen[1]?.keyRange ?? node.entries[0]?.keyRange ?? node.range;
    place.source.report(at, `${what} takes exactly one of ${exactlyOne.map((key) => `"${key}"`).join(' and ')}`);
  }
  return { form, range: node.range, key: place.key, as: 'object', keys: form.keys, entries, given, node };
}

function compileUnion(node: Node, form: Extract<Form, { kind: 'union' }>, place: Place): Value | undefined {
  const fitting = form.of.filter((each) => fits(node, each));
  const [first, ...others] = fitting;
  if (first === undefined) return wrong(node, form, place);
  if (node.kind === 'scalar' && form.of.some(({ kind }) => kind === 'text' || kind === 'text-or-reference')) {
    const changed = changedForm(node, place.key);
    if (changed !== undefined) {
      place.source.report(node.range, changed.message, changed.hint);
      return { form, range: node.range, key: place.key, as: 'literal', value: node.written };
    }
  }
  const { problems, hidden } = place.source;
  for (const each of [first, ...others]) {
    const [before, hiddenBefore] = [problems.length, hidden.length];
    const value = compile(node, each, place);
    // which of the forms a whole expression fills is known when it is resolved
    if (problems.length === before && value?.as === 'whole') return { ...value, form: { ...form, of: fitting } };
    if (problems.length === before || others.length === 0) return value;
    problems.length = before;
    hidden.length = hiddenBefore;
  }
  return compile(node, first, place);
}

function fits(node: Node, form: Form): boolean {
  if (form.kind === 'json') return true;
  if (form.kind === 'list') return node.kind === 'list' || (form.orOne === true && fits(node, form.of));
  if (form.kind === 'mapping' || form.kind === 'object' || form.kind === 'by-type') return node.kind === 'mapping';
  if (form.kind === 'union') return form.of.some((each) => fits(node, each));
  return node.kind === 'scalar';
}

function compileJson(node: Node, form: Form, place: Place): Value | undefined {
  const at = { form, range: node.range, key: place.key };
  if (node.kind === 'list') {
    const items = node.items.map((item, index) => compileJson(item, form, { ...place, key: `${place.key}[${index}]` }));
    return { ...at, as: 'list', items: items.filter((item) => item !== undefined) };
  }
  if (node.kind === 'mapping') {
    const entries = node.entries.map(
      ({ key, value }) => [key, compileJson(value, form, { ...place, key: `${place.key}.${key}` })] as const,
    );
    const good = entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
    return { ...at, as: 'mapping', entries: good };
  }
  if (typeof node.value !== 'string') {
    const changed = changedForm(node, place.key);
    if (changed !== undefined) place.source.report(node.range, changed.message, changed.hint);
    return { ...at, as: 'literal', value: node.value };
  }
  const before = place.source.problems.length;
  const parts = partsOf(node, node.value, place.source);
  if (place.source.problems.length > before) return undefined;
  const expression = wholeExpression(parts);
  if (expression !== undefined) return { ...at, as: 'whole', expression };
  if (typeof parts[0] === 'string' && Reference.looksLike(parts[0])) {
    const hint = 'only keys that say so read the vault';
    place.source.report(node.range, `"${place.key}" takes plain values, not a reference`, hint);
    return undefined;
  }
  const foreign = foreignForm(node.value);
  if (foreign !== undefined) {
    place.source.report(node.range, `"${foreign.found}" is not put in here`, foreign.hint);
    return undefined;
  }
  return parts.length > 1 ? { ...at, as: 'text', parts } : { ...at, as: 'literal', value: node.value };
}
