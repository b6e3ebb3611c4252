import { Reference } from '../foundation/reference.ts';
import { foreignForm, wholeExpression } from './expressions.ts';
import { formName } from './form-name.ts';
import type { Form } from './forms.ts';
import { compileReference, partsOf } from './compile-reference.ts';
import { nameOf } from './mapping-keys.ts';
import { scalarTrouble } from './plain-value-check.ts';
import type { Source } from './problems.ts';
import { compileTemplate } from './compile-template.ts';
import type { Value } from './compiled-values.ts';
import type { Node, ScalarNode } from './yaml.ts';

const referenceHint = 'write op://vault/item/field, or a step that gives one';

export interface Place {
  readonly source: Source;
  /** `the input of oauth/client-credentials`, for messages about objects */
  readonly what: string;
  /** the key as a person would name it: `secrets[0].name` */
  readonly key: string;
}

/** Text, numbers, booleans, references and expressions. */
export function compileScalar(node: ScalarNode, form: Form, place: Place): Value | undefined {
  const { source, key } = place;
  const at = { form, range: node.range, key };
  const { value } = node;
  if (value === null) return wrong(node, form, place);
  if (typeof value === 'string' && !(form.kind === 'text' && form.literal === true)) {
    const before = source.problems.length;
    const parts = form.kind === 'template' ? [] : partsOf(node, value, source);
    if (source.problems.length > before) return undefined;
    const expression = wholeExpression(parts);
    if (expression !== undefined) return { ...at, as: 'whole', expression };
    const begins = typeof parts[0] === 'string' && Reference.looksLike(parts[0]);
    if (form.kind === 'reference' || (form.kind === 'text-or-reference' && begins)) {
      // YAML takes `op://V/I/key #2` for the field `key` and a comment
      if (begins && /^[ \t]+#[^\s#]/.test(source.text.slice(node.range.end))) {
        const hint = 'put the reference in quotes, or write a space after the #';
        source.report(node.range, `the reference ends before "#", which begins a comment here`, hint);
        return undefined;
      }
      if (begins) return compileReference(parts, form, node.range, key, source.report);
      const foreign = foreignForm(value);
      // a shell's variable may as well be a password with a dollar in it
      const hint = foreign?.found.startsWith('{{') === true ? foreign.hint : referenceHint;
      source.report(node.range, `"${key}" takes a reference`, hint);
      return undefined;
    }
    if (form.kind === 'template') return compileTemplate(node, value, form, place);
    if (form.kind === 'text' || form.kind === 'text-or-reference') {
      if (begins && !(form.kind === 'text' && form.verbatim === true)) {
        source.report(node.range, `"${key}" takes plain text, not a reference`, 'only keys that say so read the vault');
        return undefined;
      }
      const foreign = foreignForm(value);
      if (foreign !== undefined) {
        source.report(node.range, `"${foreign.found}" is not put in here`, foreign.hint);
        return undefined;
      }
      if (parts.length > 1) return { ...at, as: 'text', parts };
      return checked(value, form, place, node);
    }
    if (parts.length > 1 && form.kind !== 'one-of') return wrong(node, form, place);
    if (parts.length > 1) return { ...at, as: 'text', parts };
  }
  return checked(value, form, place, node);
}

function checked(value: string | number | boolean, form: Form, place: Place, node: ScalarNode): Value | undefined {
  const trouble = scalarTrouble(value, form, place.key, node.written);
  if (trouble === undefined) return { form, range: node.range, key: place.key, as: 'literal', value };
  place.source.report(node.range, trouble.message, trouble.hint);
  return undefined;
}

export function wrong(node: Node, form: Form, place: Place): undefined {
  place.source.report(
    node.range,
    `"${place.key}" takes ${formName(form)}, and this is ${nameOf(node)}`,
    listHint(node, form),
  );
  return undefined;
}

function listHint(node: Node, form: Form): string | undefined {
  if (form.kind !== 'list') return undefined;
  return node.kind === 'mapping' ? 'begin each entry with "- "' : 'write [FIRST, SECOND]';
}
