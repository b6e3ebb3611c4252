import { isInputFormat, inputFormats } from './input-formats.ts';
import { expected, inputTrouble, type InputDefinition } from './inputs.ts';
import { form, optional, type Keys } from '../../language/forms.ts';
import { linearPattern, type LinearPattern } from '../../language/linear-pattern.ts';
import { suggest } from '../../language/nearest-name.ts';
import { changedForm } from '../../language/own-form.ts';
import { nameOf, readKeys, type ForeignKeys } from '../../language/mapping-keys.ts';
import type { Range, Source } from '../../language/problems.ts';
import type { Entry, Node } from '../../language/yaml.ts';
import { reservedInputs } from '../reserved-names.ts';

const types = ['string', 'number', 'boolean', 'enum'] as const;
const foreignInInput: ForeignKeys = {
  required: 'an input without a default is required',
  options: 'write enum: [first, second]',
  choices: 'write enum: [first, second]',
};
const inputName = /^[a-z][a-z0-9-]*$/;

/** The keys of an input. */
export const inputKeys = {
  type: optional(form.oneOf(...types), 'what it takes; `string` where nothing says otherwise'),
  enum: optional(form.list(form.text()), 'the values that it may have; implies `type: enum`', { example: '[eu, us]' }),
  values: optional(form.list(form.text()), 'another word for `enum`'),
  pattern: optional(form.text(), 'a regular expression that the whole text must match, in linear time: without look-around and references back'),
  format: optional(form.oneOf('email', 'uri', 'uuid', 'date', 'hostname'), 'a form that the text must have'),
  default: optional(form.json(), 'its value where none is given; without one the input is required'),
  description: optional(form.text(), 'shown in help and forms'),
} satisfies Keys;

/** The `inputs:` of a flow. Wrong ones are reported, and kept by name so that nothing else is reported for them. */
export function readInputs(node: Node, source: Source): readonly InputDefinition[] {
  if (node.kind !== 'mapping') {
    source.report(node.range, `"inputs" takes a mapping, and this is ${nameOf(node)}`, 'write NAME: { type: string }');
    return [];
  }
  return node.entries.map((entry) => readInput(entry, source));
}

function readInput({ key: name, keyRange, value }: Entry, source: Source): InputDefinition {
  const blank: InputDefinition = { name, type: 'string', description: '', range: keyRange };
  const { report } = source;
  if (!inputName.test(name))
    report(keyRange, `"${name}" is not an input's name`, 'lower-case letters, digits and hyphens');
  if (reservedInputs.has(name))
    report(keyRange, `an input may not be named "${name}"`, `--${name} is an option of the command`);
  if (value.kind === 'scalar') {
    const type = types.find((each) => each === value.value);
    if (type === undefined || type === 'enum') {
      const hint = typeof value.value === 'string' ? suggest(value.value, types) : 'write { type: string }';
      report(value.range, `input "${name}" has no such type`, hint);
      return blank;
    }
    return { ...blank, type };
  }
  const keys = readKeys(value, inputKeys, `input "${name}"`, source, { foreign: foreignInInput });
  if (keys === undefined) return blank;
  const text = (key: string) => textOf(keys.get(key), key, source);
  const choices = keys.get('enum') ?? keys.get('values');
  const declared = text('type');
  // { type: string, enum: […] } says the same, as JSON Schema does
  const isEnum = choices !== undefined && (declared === undefined || declared === 'string');
  const type = isEnum ? 'enum' : types.find((each) => each === (declared ?? 'string'));
  if (type === undefined) {
    report(
      keys.get('type')?.value.range ?? keyRange,
      `input "${name}" has no such type`,
      suggest(declared ?? '', types),
    );
    return blank;
  }
  if ((type === 'enum') !== (choices !== undefined)) {
    const hint = type === 'enum' ? 'add enum: [first, second]' : 'the values of an enum are text: leave the type out';
    report(keyRange, `input "${name}" has ${type === 'enum' ? 'no values' : 'values and another type'}`, hint);
    return { ...blank, type: 'string' };
  }
  const values = choices === undefined ? undefined : valuesOf(choices, source);
  const pattern = patternOf(text('pattern'), keys.get('pattern')?.value.range ?? keyRange, source);
  const format = text('format');
  if (format !== undefined && !isInputFormat(format)) {
    report(
      keys.get('format')?.value.range ?? keyRange,
      `unknown format "${format}"`,
      suggest(format, Object.keys(inputFormats)),
    );
  }
  for (const key of ['pattern', 'format']) {
    const entry = keys.get(key);
    if (entry !== undefined && type !== 'string') report(entry.keyRange, `"${key}" is for an input of type string`);
  }
  const definition: InputDefinition = {
    ...blank,
    type,
    description: text('description') ?? '',
    values,
    pattern,
    ...(format !== undefined && isInputFormat(format) ? { format } : {}),
  };
  return withDefault(definition, keys.get('default'), source);
}

function withDefault(definition: InputDefinition, entry: Entry | undefined, source: Source): InputDefinition {
  if (entry === undefined) return definition;
  const { value, range } = entry.value.kind === 'scalar' ? entry.value : { value: null, range: entry.value.range };
  const changed = entry.value.kind === 'scalar' ? changedForm(entry.value, entry.key) : undefined;
  if (changed !== undefined) {
    source.report(range, changed.message, changed.hint);
    return definition;
  }
  const wanted = definition.type === 'enum' ? 'string' : definition.type;
  if (value === null || typeof value !== wanted) {
    const quoted = wanted === 'string' && entry.value.kind === 'scalar' && value !== null;
    const hint = quoted ? `put it in quotes: "${entry.value.written}"` : 'leave it out where the input is required';
    source.report(range, `the default of "${definition.name}" takes ${expected(definition)}`, hint);
    return definition;
  }
  if (typeof value === 'string' && value.includes('${{')) {
    source.report(range, 'a default is a plain value', 'use ${{ }} where the input is used');
    return definition;
  }
  const trouble = inputTrouble(definition, value);
  if (trouble !== undefined) source.report(range, `the default of "${definition.name}" takes ${trouble}`);
  return { ...definition, default: value };
}

function textOf(entry: Entry | undefined, key: string, source: Source): string | undefined {
  if (entry === undefined) return undefined;
  if (entry.value.kind === 'scalar' && typeof entry.value.value === 'string') return entry.value.value;
  source.report(entry.value.range, `"${key}" takes text, and this is ${nameOf(entry.value)}`);
  return undefined;
}

function valuesOf(entry: Entry, source: Source): readonly string[] {
  const items = entry.value.kind === 'list' ? entry.value.items : [];
  if (items.length === 0) source.report(entry.value.range, `"${entry.key}" takes a list of at least one text`);
  const values = items.flatMap((item) => {
    if (item.kind === 'scalar' && typeof item.value === 'string' && item.value !== '') return [item.value];
    const hint = item.kind === 'scalar' && item.written !== '' ? `put it in quotes: "${item.written}"` : undefined;
    source.report(item.range, `a value of "${entry.key}" takes text, and this is ${nameOf(item)}`, hint);
    return [];
  });
  return [...new Set(values)];
}

function patternOf(text: string | undefined, range: Range, source: Source): LinearPattern | undefined {
  if (text === undefined) return undefined;
  const pattern = linearPattern(text);
  if (!('problem' in pattern)) return pattern;
  const hint = 'as JavaScript writes it, without slashes, look-around and references back';
  source.report(range, `this pattern ${pattern.problem}`, hint);
  return undefined;
}
