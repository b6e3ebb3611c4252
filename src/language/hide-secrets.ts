import type { Form } from './forms.ts';
import type { Source } from './problems.ts';
import type { Node } from './yaml.ts';

/** Where a reference is taken, what is none may be the secret itself: it is not repeated. */
export function hideSecrets(node: Node, form: Form, source: Source): void {
  if (!takesReference(form)) return hideInPlaceOf(form, node, source);
  if (node.kind === 'scalar') hideText(node, form, source);
  else if (form.kind !== 'union' || !form.of.some(({ kind }) => kind === node.kind || holds[node.kind].includes(kind)))
    source.hidden.push(node.range);
}

/** What stands where a list or keys belong, of which some take a reference, may be the secret too. */
function hideInPlaceOf(form: Form, node: Node, source: Source): void {
  const inside = form.kind === 'list' && form.orOne !== true ? form.of : form;
  const keys = inside.kind === 'object' ? Object.values(inside.keys).map((key) => key.form) : [inside];
  if (inside !== form ? node.kind === 'list' : form.kind !== 'object' || node.kind === 'mapping') return;
  if (!keys.some(takesReference)) return;
  if (node.kind === 'scalar') hideText(node, form, source);
  else source.hidden.push(node.range);
}

/** forms that look into a list or a mapping */
const holds: Readonly<Record<'list' | 'mapping', readonly Form['kind'][]>> = {
  list: ['list', 'json'],
  mapping: ['object', 'by-type', 'mapping', 'json'],
};

const secretive: ReadonlySet<Form['kind']> = new Set(['reference', 'text-or-reference', 'secret', 'template']);

function takesReference(form: Form): boolean {
  if (form.kind === 'union') return form.of.some(takesReference);
  return secretive.has(form.kind) || (form.kind === 'text' && form.secretive === true);
}

/** What a form beside the reference's takes is what is meant. */
function fits(value: unknown, form: Form): boolean {
  if (form.kind === 'text') return typeof value === 'string' && form.pattern?.test(value) === true;
  return form.kind === typeof value;
}

/** All of it but references and expressions. */
function hideText(node: Extract<Node, { kind: 'scalar' }>, form: Form, source: Source): void {
  const { start, end } = node.range;
  const text = source.text.slice(start, end);
  if (/^["']?op:\/\//.test(text)) return;
  if ((form.kind === 'union' ? form.of : [form]).some((each) => fits(node.value, each))) return;
  const hide = (from: number, to: number) => {
    if (/[^"']/.test(source.text.slice(from, to))) source.hidden.push({ start: from, end: to });
  };
  let from = start;
  for (const { index, 0: whole } of text.matchAll(/\$\{\{[^{}]*\}\}|\{\{\s*op:\/\/[^{}]*\}\}/g)) {
    hide(from, start + index);
    from = start + index + whole.length;
  }
  hide(from, end);
}
