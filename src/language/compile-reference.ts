import { Reference } from '../foundation/reference.ts';
import { parseExpressions, type Located, type Parts } from './expressions.ts';
import type { Form } from './forms.ts';
import type { Range, Report, Source } from './problems.ts';
import type { ReferenceValue } from './compiled-values.ts';
import type { ScalarNode } from './yaml.ts';

/** Text that is split at its expressions, with the place of each in the file. */
export function partsOf(node: ScalarNode, text: string, source: Source): Parts {
  return parseExpressions(text, locatorOf(node, source), source.report);
}

/** Where a part of a scalar's text stands in the file: found by its own text, since escapes and folding move it. */
export function locatorOf(node: ScalarNode, source: Source): Located {
  let from = node.range.start;
  return (_start, _end, text) => {
    const at = source.text.indexOf(text, from);
    if (at === -1 || at >= node.range.end) return node.range;
    from = at + text.length;
    return { start: at, end: at + text.length };
  };
}

/** A literal `op://…`, with `${{ }}` in it or not. */
export function compileReference(
  parts: Parts,
  form: Form,
  range: Range,
  key: string,
  report: Report,
  to: ReferenceValue['to'] = form.kind === 'reference' ? form.to : 'field',
): ReferenceValue | undefined {
  const [only] = parts;
  if (parts.length > 1 || typeof only !== 'string')
    return { form, range, key, as: 'reference', parts, fixed: undefined, to };
  const parsed = Reference.parse(only);
  const trouble = parsed instanceof Reference ? mismatch(parsed, to) : parsed;
  if (trouble !== undefined) report(range, `this reference ${trouble.problem}`, trouble.hint);
  if (!(parsed instanceof Reference) || trouble !== undefined) return undefined;
  return { form, range, key, as: 'reference', parts, fixed: parsed, to };
}

/** Whether a reference points at what is wanted. */
export function mismatch(
  reference: Reference,
  to: ReferenceValue['to'],
): { readonly problem: string; readonly hint: string } | undefined {
  if (to === 'any') return undefined;
  const isItem = reference.field === undefined;
  if (to === 'item' && !isItem) return { problem: 'names a field', hint: 'an item is wanted: op://vault/item' };
  if (to !== 'item' && isItem) return { problem: 'names an item', hint: 'a field is wanted: op://vault/item/field' };
  return undefined;
}
