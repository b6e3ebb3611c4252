import { compileObject } from '../../language/compile.ts';
import type { ObjectValue, Value } from '../../language/compiled-values.ts';
import { evaluateKeys } from '../../language/evaluate.ts';
import { parseDuration } from '../../foundation/duration.ts';
import { durationForm } from '../../language/duration-form.ts';
import { form, optional, type Keys, withDefault } from '../../language/forms.ts';
import { nameOf } from '../../language/mapping-keys.ts';
import { scalarTrouble } from '../../language/plain-value-check.ts';
import type { Source } from '../../language/problems.ts';
import type { Node } from '../../language/yaml.ts';
import type { Flow } from './flow.ts';

const keys = {
  notify: optional(
    form.list(form.text(), { minimum: 1, maximum: 20, orOne: true }),
    'channels of service.yaml by which people are told of each run, before it gives anything',
    { example: '[ops]' },
  ),
  'proven-within': withDefault(
    durationForm,
    '7d',
    'how old the last drill may be that signed in with the account whose password it reads, before `flows check --drills` is red',
  ),
  close: optional(
    form.text(),
    'the flow that a use of it owes, such as one that changes password and seed: `flows NAME close` runs it, and until then `flows check` is red',
    { example: 'break-glass-close' },
  ),
} satisfies Keys;

/** `true`, or who is told besides, how often it is proven, and what ends a use of it. */
export const breakGlassForm = form.union(form.boolean(), form.object(keys));

type BreakGlass = Pick<Flow, 'breakGlass' | 'notify' | 'provenWithin' | 'close'>;

const provenWithin = parseDuration(keys['proven-within'].default ?? '') ?? 0;

/** @param node undefined where the flow does not say */
export function readBreakGlass(node: Node | undefined, source: Source): BreakGlass {
  const plain = { notify: [], provenWithin, close: undefined };
  if (node === undefined) return { breakGlass: false, ...plain };
  if (node.kind === 'mapping') return { breakGlass: true, ...plain, ...readMapping(node, source) };
  const given = node.kind === 'scalar' ? node.value : undefined;
  if (typeof given !== 'boolean') {
    const hint = node.kind === 'scalar' ? scalarTrouble(given, form.boolean().form, 'break-glass', node.written)?.hint : undefined;
    source.report(
      node.range,
      `"break-glass" takes true or false, or { notify: [CHANNEL] }, and this is ${nameOf(node)}`,
      hint,
    );
  }
  return { breakGlass: given === true, ...plain };
}

function readMapping(node: Node, source: Source): Partial<BreakGlass> {
  const value = compileObject(node, { kind: 'object', keys }, { source, what: '"break-glass"', key: 'break-glass' });
  if (value === undefined) return {};
  const resolve = () => ({ problem: 'expressions are not taken here', hint: 'write the name' });
  evaluateKeys(value, { resolve, report: source.report, partial: true });
  const [flow] = literalsAt(value, 'close');
  const within = parseDuration(literalsAt(value, 'proven-within')[0]?.text ?? '');
  return {
    notify: literalsAt(value, 'notify').map(({ text, range }) => ({ channel: text, range })),
    ...(within === undefined ? {} : { provenWithin: within }),
    ...(flow === undefined ? {} : { close: { flow: flow.text, range: flow.range } }),
  };
}

/** What is written out under a key: one text, or the texts of a list. */
function literalsAt({ entries }: ObjectValue, key: string): readonly { readonly text: string; readonly range: Value['range'] }[] {
  const value = entries.get(key);
  const all = value?.as === 'list' ? value.items : value === undefined ? [] : [value];
  return all.flatMap(({ range, ...item }) => (item.as === 'literal' ? [{ text: String(item.value), range }] : []));
}
