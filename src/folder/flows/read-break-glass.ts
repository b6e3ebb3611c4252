import { compileObject } from '../../language/compile.ts';
import { valueAt } from '../../language/compiled-values.ts';
import { evaluateKeys } from '../../language/evaluate.ts';
import { form, required, type Keys } from '../../language/forms.ts';
import { nameOf } from '../../language/mapping-keys.ts';
import { scalarTrouble } from '../../language/plain-value-check.ts';
import type { Source } from '../../language/problems.ts';
import type { Node } from '../../language/yaml.ts';
import type { Flow } from './flow.ts';

const keys = {
  notify: required(
    form.list(form.text(), { minimum: 1, maximum: 20, orOne: true }),
    'channels of service.yaml by which people are told of each run, before it gives anything',
    { example: '[ops]' },
  ),
} satisfies Keys;

/** `true`, or who is told besides. */
export const breakGlassForm = form.union(form.boolean(), form.object(keys));

type BreakGlass = Pick<Flow, 'breakGlass' | 'notify'>;

/** @param node undefined where the flow does not say */
export function readBreakGlass(node: Node | undefined, source: Source): BreakGlass {
  if (node === undefined) return { breakGlass: false, notify: [] };
  if (node.kind === 'mapping') return { breakGlass: true, notify: readNotify(node, source) };
  const given = node.kind === 'scalar' ? node.value : undefined;
  if (typeof given !== 'boolean') {
    const hint = node.kind === 'scalar' ? scalarTrouble(given, form.boolean().form, 'break-glass', node.written)?.hint : undefined;
    source.report(
      node.range,
      `"break-glass" takes true or false, or { notify: [CHANNEL] }, and this is ${nameOf(node)}`,
      hint,
    );
  }
  return { breakGlass: given === true, notify: [] };
}

function readNotify(node: Node, source: Source): BreakGlass['notify'] {
  const value = compileObject(node, { kind: 'object', keys }, { source, what: '"break-glass"', key: 'break-glass' });
  if (value === undefined) return [];
  const resolve = () => ({ problem: 'expressions are not taken here', hint: 'write the name' });
  evaluateKeys(value, { resolve, report: source.report, partial: true });
  const list = valueAt(value, 'notify');
  return (list.as === 'list' ? list.items : []).flatMap(({ range, ...item }) =>
    item.as === 'literal' ? [{ channel: String(item.value), range }] : [],
  );
}
