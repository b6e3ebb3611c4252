import { compileObject } from '../../language/compile.ts';
import { evaluateKeys, noExpression } from '../../language/evaluate.ts';
import { form, type InputOf, type Keys, optional, required } from '../../language/forms.ts';
import { suggest } from '../../language/nearest-name.ts';
import { itemUses, placeOf } from '../../folder/policy/vault-paths.ts';
import type { Source } from '../../language/problems.ts';
import { valueAt, type ObjectValue } from '../../language/compiled-values.ts';
import type { Node } from '../../language/yaml.ts';
import { type Asked, explain, type Explanation, outcomeOf, type Rules } from './explain-decision.ts';

const caseKeys = {
  agent: optional(form.text(), 'who asks'),
  approver: optional(form.text(), 'instead, of `reveal`: the person'),
  secret: optional(form.text(), 'the secret that it asks for'),
  flow: optional(form.text(), 'instead: the flow'),
  path: optional(form.text(), 'instead: the path of an item, or of a list of items: `op/vaults/VAULT/items/ITEM`'),
  can: optional(form.oneOf(...itemUses), 'what it wants to do at that path; without it `read`'),
  reveal: optional(form.text(), 'instead: the break-glass flow whose code that person may see on the page'),
  reason: optional(form.text(), 'the reason that it states'),
  expect: required(
    form.oneOf('allowed', 'approval', 'denied'),
    'what must come of it; `approval`: allowed once a person approves',
  ),
} satisfies Keys;

/** The keys of policy.test.yaml. */
const casesKeys = {
  cases: required(
    form.list(form.object(caseKeys, { exactlyOne: ['secret', 'flow', 'path', 'reveal'] }), { minimum: 1 }),
    'what the policy must say',
    { example: '[{ agent: codex, secret: openai.api_key, expect: allowed }]' },
  ),
} satisfies Keys;

export interface PolicyCase extends Asked {
  readonly expected: 'allowed' | 'approval' | 'denied';
  readonly passed: boolean;
  readonly explanation: Explanation;
  /** `file:line:column` */
  readonly location: string;
}

/**
 * Asks what each case asks. A case that fails is reported in the source, with its place; so is one that names what is
 * not there, since it would be denied for that alone.
 */
export function runCases(root: Node, source: Source, rules: Rules): readonly PolicyCase[] {
  const place = { source, what: 'the file', key: '' };
  const written = compileObject(root, { kind: 'object', keys: casesKeys }, place);
  const list = written?.entries.get('cases');
  const items = list?.as === 'list' ? list.items : [];
  return items.flatMap((item) => (item.as === 'object' ? runCase(item, source, rules) : []));
}

function runCase(item: ObjectValue, source: Source, rules: Rules): readonly PolicyCase[] {
  const { report } = source;
  const before = source.problems.length;
  const { known } = evaluateKeys(item, { resolve: noExpression, report });
  const { secret, flow, path, reveal, can: use, reason, expect, ...who } = known as Partial<InputOf<typeof caseKeys>>;
  const names = { secret, flow, item: path, reveal };
  const kind = (['secret', 'flow', 'item', 'reveal'] as const).find((each) => names[each] !== undefined);
  const name = kind && names[kind];
  if (kind === undefined || name === undefined || expect === undefined) return [];
  const asker = kind === 'reveal' ? 'approver' : 'agent';
  const agent = who[asker];
  if (agent === undefined || item.given.has(kind === 'reveal' ? 'agent' : 'approver')) {
    const what = kind === 'item' ? 'path' : kind;
    report(item.range, `a case about a ${what} names its ${asker}, and nobody else`, `write ${asker}: NAME into it`);
    return [];
  }
  checkNames({ agent, kind, name }, item, source, rules);
  if (source.problems.length > before) return [];
  const explanation = explain({ agent, kind, name, use, reason }, rules);
  const passed = outcomeOf(explanation.decision) === expect;
  if (!passed) report(valueAt(item, 'expect').range, `expected ${expect}`, explanation.line);
  const location = source.location(item.range);
  return [{ agent, kind, name, use, reason, expected: expect, passed, explanation, location }];
}

function checkNames({ agent, kind, name }: Asked, item: ObjectValue, { report }: Source, rules: Rules): void {
  const { agents, approvers = new Map<string, unknown>() } = rules.policy;
  const [asker, all]: readonly ['agent' | 'approver', ReadonlyMap<string, unknown>] =
    kind === 'reveal' ? ['approver', approvers] : ['agent', agents];
  if (!all.has(agent))
    report(valueAt(item, asker).range, `policy.yaml has no ${asker} "${agent}"`, suggest(agent, all.keys()));
  if (kind === 'item') {
    if (placeOf(name) === undefined)
      report(valueAt(item, 'path').range, 'this is no path of an item', 'write op/vaults/VAULT/items/ITEM');
    return;
  }
  const known = kind === 'secret' ? rules.registry.secrets : rules.flows;
  const what = kind === 'secret' ? 'secret' : 'flow';
  if (!known.has(name)) report(valueAt(item, kind).range, `unknown ${what} "${name}"`, suggest(name, known.keys()));
}
