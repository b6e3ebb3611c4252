import { Reference } from '../foundation/reference.ts';
import { parseExpressions, type Expression } from './expressions.ts';
import type { Form } from './forms.ts';
import { compileReference, locatorOf } from './compile-reference.ts';
import type { Source } from './problems.ts';
import type { ReferenceValue, Value } from './compiled-values.ts';
import type { ScalarNode } from './yaml.ts';

type Part = string | Expression | ReferenceValue;

/** Text with `{{ op://… }}` and `${{ }}` of plain values in it. */
export function compileTemplate(
  node: ScalarNode,
  text: string,
  form: Form,
  place: { readonly source: Source; readonly key: string },
): Value | undefined {
  const { report, problems } = place.source;
  const before = problems.length;
  const located = locatorOf(node, place.source);
  const parts: Part[] = [];
  let from = 0;
  const plain = (stop: number) => {
    if (stop > from) parts.push(text.slice(from, stop));
  };
  for (let at = text.indexOf('{{'); at !== -1; at = text.indexOf('{{', from)) {
    const isExpression = text[at - 1] === '$';
    const start = isExpression ? at - 1 : at;
    const end = isExpression ? text.indexOf('}}', at) : closingOf(text, at + 2);
    plain(start);
    if (end === -1) {
      report(located(start, text.length, text.slice(start, start + 40)), '"{{" without "}}"', 'write {{ op://… }}');
      return undefined;
    }
    const stop = end + 2;
    const whole = text.slice(start, stop);
    const range = located(start, stop, whole);
    from = stop;
    if (isExpression) {
      parts.push(...parseExpressions(whole, () => range, report));
      continue;
    }
    const inner = text.slice(at + 2, end).trim();
    if (!Reference.looksLike(inner)) {
      report(
        range,
        'only references stand in {{ }}',
        'write {{ op://vault/item/field }}, or ${{ … }} for a plain value',
      );
      continue;
    }
    const inside = parseExpressions(inner, () => range, report);
    const reference = compileReference(inside, form, range, place.key, report);
    if (reference !== undefined) parts.push(reference);
  }
  plain(text.length);
  if (problems.length > before) return undefined;
  return { form, range: node.range, key: place.key, as: 'template', parts };
}

/** The `}}` that ends a reference; the ones of `${{ }}` inside it are passed over. */
function closingOf(text: string, from: number): number {
  let at = from;
  for (;;) {
    const end = text.indexOf('}}', at);
    const inner = text.indexOf('${{', at);
    if (end === -1 || inner === -1 || inner > end) return end;
    at = end + 2;
  }
}
