import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { Reference } from '../../src/foundation/reference.ts';
import { compileObject } from '../../src/language/compile.ts';
import { later } from '../../src/language/compiled-values.ts';
import { evaluate } from '../../src/language/evaluate.ts';
import type { Resolved, Unresolved } from '../../src/language/expression-types.ts';
import { form, optional, required, type Typed, withDefault } from '../../src/language/forms.ts';
import { objectSchema } from '../../src/language/json-schema.ts';
import { createSource } from '../../src/language/problems.ts';
import { readYaml } from '../../src/language/yaml.ts';

const known: Readonly<Record<string, Resolved | Unresolved>> = {
  'vars.vault': { type: 'text', value: 'A/B', reviewed: true },
  'vars.count': { type: 'number', value: 5, reviewed: true },
  'vars.flag': { type: 'boolean', value: true, reviewed: true },
  'inputs.name': { type: 'text', value: 'given' },
  'inputs.late': { type: 'text', value: later },
  'vars.none': { problem: 'there is no variable "none"', hint: 'declare it' },
};

/** What `key:` of a file gives, with `line:column message` of all that is wrong. */
function read(typed: Typed<unknown>, text: string) {
  const keys = { key: required(typed, 'a key') };
  const source = createSource('file.yaml', `key: ${text}\n`);
  const node = readYaml(source);
  if (node === undefined) throw new TypeError(`no YAML: ${text}`);
  const object = compileObject(node, { kind: 'object', keys }, { source, what: 'the file', key: '' });
  const compiled = object?.entries.get('key');
  const value =
    compiled &&
    evaluate(compiled, { resolve: ({ text: path }) => known[path] ?? { problem: 'unknown' }, report: source.report });
  const told = source.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  return { value: plain(value), told, hints: source.problems.map(({ hint }) => hint), keys };
}

/** References as text. */
function plain(value: unknown): unknown {
  if (value instanceof Reference) return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

const letters = form.text({ pattern: /^[a-z]+$/, expects: 'small letters' });
const some = form.number({ minimum: 1, maximum: 10 });
const whole = form.number({ integer: true });
const colour = form.oneOf('red', 'green');
const few = form.list(form.text(), { minimum: 1, maximum: 2 });
const oneOrMore = form.list(form.text(), { orOne: true });
const ports = form.mapping(form.number(), { keyPattern: /^[a-z]+$/ });
const place = form.object({ host: required(form.text(), 'where'), port: withDefault(form.number(), 7, 'which') });
const either = form.object(
  { a: optional(form.text(), 'one'), b: optional(form.text(), 'other') },
  { exactlyOne: ['a', 'b'] },
);
const kinds = new Map([
  ['one', { keys: { a: required(form.text(), 'a') } }],
  ['two', { keys: { b: required(form.number(), 'b') } }],
]);
const typed = form.byType(kinds, { description: 'which', common: { note: optional(form.text(), 'any') } });
const usual = form.byType(kinds, { description: 'which', default: 'one' });
const textOrList = form.union(form.text(), form.list(form.number()));

describe('what a key takes', () => {
  it.each<[string, Typed<unknown>, string, unknown]>([
    ['text', form.text(), 'abc', 'abc'],
    ['text', form.text(), '"5"', '5'],
    ['text that may be empty', form.text({ allowEmpty: true }), '""', ''],
    ['a pattern', letters, 'abc', 'abc'],
    ['a number', some, '1.5', 1.5],
    ['a number', some, '10', 10],
    ['a whole number', whole, '-3', -3],
    ['a boolean', form.boolean(), 'false', false],
    ['a word', colour, 'green', 'green'],
    ['a reference', form.reference(), 'op://V/I/field', 'op://V/I/field'],
    ['an item', form.reference('item'), 'op://V/I', 'op://V/I'],
    ['a list', few, '[a, b]', ['a', 'b']],
    ['one instead of a list', oneOrMore, 'a', ['a']],
    ['a mapping', ports, '{ a: 1, b: 2 }', { a: 1, b: 2 }],
    ['an object, with its default', place, '{ host: x }', { host: 'x', port: 7 }],
    ['one of two keys', either, '{ b: x }', { b: 'x' }],
    ['one type', typed, '{ type: one, a: x, note: y }', { type: 'one', a: 'x', note: 'y' }],
    ['the other type', typed, '{ type: two, b: 3 }', { type: 'two', b: 3 }],
    ['the usual type', usual, '{ a: x }', { type: 'one', a: 'x' }],
    ['the first form of several', textOrList, 'a', 'a'],
    ['the second form of several', textOrList, '[1, 2]', [1, 2]],
    ['anything', form.json(), '{ a: [1, x, true] }', { a: [1, 'x', true] }],
    ['text in braces', form.template(), '"a {{ op://V/I/f }} b"', ['a ', 'op://V/I/f', ' b']],
  ])('%s: taken, by the editor too', (_, takes, text, value) => {
    const { told, value: got, keys } = read(takes, text);
    expect([got, told]).toEqual([value, []]);
    expect(editorTakes(keys, text)).toBe(true);
  });

  it.each<[Typed<unknown>, string, string]>([
    [form.text(), '5', '1:6 "key" takes text'],
    [form.text(), 'true', '1:6 "key" takes text'],
    [form.text(), '""', '1:6 "key" takes text, and this is empty'],
    [form.text(), '[a]', '1:6 "key" takes text, and this is a list'],
    [letters, 'Abc', '1:6 "key" takes small letters'],
    [some, '0', '1:6 "key" takes a number of at least 1'],
    [some, '11', '1:6 "key" takes a number of at most 10'],
    [some, '"5"', '1:6 "key" takes a number'],
    [whole, '1.5', '1:6 "key" takes a whole number'],
    [form.boolean(), 'yes', '1:6 "key" takes true or false'],
    [colour, 'gren', '1:6 "key" takes one of red, green'],
    [few, '[]', '1:6 "key" takes at least 1'],
    [few, '[a, b, c]', '1:6 "key" takes at most 2'],
    [few, '[a, 5]', '1:10 "key[1]" takes text'],
    [ports, '{ A: 1 }', '1:8 "A" is not a name that "key" takes'],
    [ports, '{ a: x }', '1:11 "key.a" takes a number'],
    [place, '{ port: 1 }', '1:8 "host" is missing in "key"'],
    [place, '{ host: x, prot: 1 }', '1:17 unknown key "prot" in "key"'],
    [either, '{ a: x, b: y }', '1:14 "key" takes exactly one of "a" and "b"'],
    [either, '{}', '1:6 "key" takes exactly one of "a" and "b"'],
    [typed, '{ type: one, b: 3 }', '1:19 unknown key "b" in "key"'],
  ])('case %#: refused at its place, by the editor too', (takes, text, problem) => {
    const { told, keys } = read(takes, text);
    expect(told[0]).toBe(problem);
    expect(editorTakes(keys, text)).toBe(false);
  });
});

/** What a YAML file of this key is to an editor that knows its schema. */
function editorTakes(keys: Parameters<typeof objectSchema>[0], text: string): boolean {
  const source = createSource('file.yaml', `key: ${text}\n`);
  const value = data(readYaml(source));
  return new Ajv2020({ strict: false }).validate(objectSchema(keys), value);
}

function data(node: ReturnType<typeof readYaml>): unknown {
  if (node?.kind === 'list') return node.items.map(data);
  if (node?.kind === 'mapping') return Object.fromEntries(node.entries.map(({ key, value }) => [key, data(value)]));
  return node?.value;
}

describe('an expression', () => {
  it.each<[Typed<unknown>, string, unknown]>([
    [some, '${{ vars.count }}', 5],
    [form.boolean(), '${{ vars.flag }}', true],
    [form.text(), '${{ inputs.name }}', 'given'],
    [form.text(), 'a ${{ vars.count }} b ${{ inputs.name }}', 'a 5 b given'],
    [form.json(), '{ n: "${{ vars.count }}", t: "n=${{ vars.count }}" }', { n: 5, t: 'n=5' }],
    // one segment, whatever stands in it
    [form.reference(), 'op://${{ vars.vault }}/I/f', 'op://A%2FB/I/f'],
    [form.template(), '"x={{ op://${{ vars.vault }}/I/f }};n=${{ vars.count }}"', ['x=', 'op://A%2FB/I/f', ';n=', '5']],
    [form.text(), '${{ inputs.late }}', later],
    [form.text(), 'a ${{ inputs.late }}', later],
    [form.list(form.text()), '[a, "${{ inputs.late }}"]', later],
  ])('case %#: put in', (takes, text, value) => {
    const { value: got, told } = read(
      takes,
      text.startsWith('$') || (text.includes(' $') && !/^[[{"]/.test(text)) ? `'${text}'` : text,
    );
    expect([got, told]).toEqual([value, []]);
  });

  it.each<[Typed<unknown>, string, string]>([
    [form.text(), "'${{ vars.none }}'", 'there is no variable "none"'],
    [some, "'${{ inputs.name }}'", '"inputs.name" is text, and "key" takes a number'],
    [letters, "'${{ vars.vault }}'", '"key" takes small letters'],
    [form.reference(), "'op://${{ inputs.name }}/I/f'", '"inputs.name" may not stand in a reference'],
    [form.reference(), "'${{ inputs.name }}'", '"inputs.name" is text, and "key" takes a reference'],
    [form.text(), "'${{ a || b }}'", '"${{ a || b }}" is not an expression'],
    [form.text(), "'${{ vars.count'", '"${{" without "}}"'],
    [form.template(), "'{{ vars.count }}'", 'only references stand in {{ }}'],
  ])('case %#: refused', (takes, text, problem) => {
    expect(read(takes, text).told.map((each) => each.replace(/^\d+:\d+ /, ''))[0]).toBe(problem);
  });
});
