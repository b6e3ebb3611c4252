import { nearest, suggest } from '../../language/nearest-name.ts';
import { createSource, type Problem, type Source } from '../../language/problems.ts';
import { valueAt, type Value } from '../../language/compiled-values.ts';
import type { Folder } from '../load-folder.ts';
import type { Registry } from '../registry.ts';
import { revealTrouble } from '../reveal-trouble.ts';
import { compilePattern, isWildcard } from './name-pattern.ts';
import type { Approver, Policy } from './policy.ts';
import type { WrittenRule } from './read-approvals.ts';
import type { WrittenPolicy } from './read-policy.ts';
import { softwareApprover } from './software-approver.ts';

type Flow = Folder['flows'] extends ReadonlyMap<string, infer Each> ? Each : never;

/**
 * Whether the rules of `approve:` can be met, and whether those whom they name are there.
 * @param registry undefined where it could not be read: nothing is said about its secrets then
 */
export function checkApprovals(
  { policy, rules, owners, channels, reveals }: WrittenPolicy,
  source: Source,
  registry: Registry | undefined,
  { flows, broken, settings }: Pick<Folder, 'flows' | 'broken' | 'settings'>,
): void {
  for (const written of rules) {
    checkRule(written, policy, source, settings);
    if (registry !== undefined) checkNames(written, 'names', [...registry.secrets.keys()], source);
    checkNames(written, 'flows', [...flows.keys(), ...broken], source);
    const meant = written.rule.flows.map(({ text }) => compilePattern(text));
    checkScope(
      written,
      [...flows.values()].filter(({ name }) => meant.some((matches) => matches(name))),
      source,
    );
  }
  for (const { text, range } of owners) {
    if (!policy.agents.has(text))
      source.report(range, `policy.yaml has no agent "${text}"`, suggest(text, policy.agents.keys()));
  }
  checkReveals(reveals, source, { flows, broken });
  const known = new Set([...settings.environments.values()].flatMap(({ notify }) => [...notify.keys()]));
  for (const { text, range } of channels) {
    if (!known.has(text))
      source.report(
        range,
        `unknown channel "${text}"`,
        suggest(text, known) ?? 'write it under notify: in service.yaml',
      );
  }
}

/** Whether what people may reveal is there, and gives a code that can be shown. */
function checkReveals(
  reveals: WrittenPolicy['reveals'],
  { report, warn }: Source,
  { flows, broken }: Pick<Folder, 'flows' | 'broken'>,
): void {
  for (const { text, range } of reveals) {
    const flow = flows.get(text);
    if (flow === undefined) {
      if (!broken.has(text)) report(range, `unknown flow "${text}"`, suggest(text, flows.keys()) ?? 'name it in full');
      continue;
    }
    const trouble = revealTrouble(flow);
    if (trouble !== undefined)
      report(
        range,
        `"${text}" cannot be revealed: it ${trouble}`,
        'name a break-glass flow that gives a one-time code',
      );
    else if (flow.notify.length === 0)
      warn(range, `nobody is told when "${text}" is revealed`, `write break-glass: { notify: [CHANNEL] } into it`);
  }
}

/** The same of what flows want for themselves, and of whom their steps ask: told of their own files. */
export function checkFlowApprovals(
  { flows, settings }: Pick<Folder, 'flows' | 'settings'>,
  policy: Policy,
): readonly Problem[] {
  return [...flows.values()].flatMap((flow) => {
    // without policy.yaml it runs at a terminal alone, and whoever is there answers
    const asked = policy.approvers === undefined ? [] : askedBy(flow);
    if (flow.approve === undefined && asked.length === 0) return [];
    const source = createSource(flow.source.file, flow.source.text);
    if (flow.approve !== undefined) {
      checkRule(flow.approve, policy, source, settings);
      checkScope(flow.approve, [flow], source);
    }
    for (const people of asked) checkPeople(people, namesIn(people), policy, source, settings);
    return source.problems;
  });
}

/** Whom its steps ask, as its file names them. */
function askedBy({ steps }: Flow): readonly Value[] {
  return steps.flatMap(({ kind, with: given }) => {
    const key = kind?.effect === 'write' ? kind.answeredBy : undefined;
    return key === undefined || given?.entries.has(key) !== true ? [] : [valueAt(given, key)];
  });
}

/** What an expression stands for is known when it runs. */
function namesIn(people: Value): readonly string[] {
  const items = people.as === 'list' ? people.items : [people];
  return items.flatMap((item) => (item.as === 'literal' ? [String(item.value)] : []));
}

function checkRule(
  { rule, value, agent }: WrittenRule,
  policy: Policy,
  source: Source,
  settings: Folder['settings'],
): void {
  const by = valueAt(value, 'by');
  checkPeople(by, rule.by, policy, source, settings);
  const people = rule.by.flatMap((name) => policy.approvers?.get(name) ?? []);
  const owning = rule.self || agent === undefined ? [] : people.filter(({ ownerOf }) => ownerOf.includes(agent));
  if (people.length === rule.by.length && people.length >= rule.needs && people.length - owning.length < rule.needs)
    source.report(
      by.range,
      `it needs ${rule.needs}, and ${owning.map(({ name }) => `"${name}"`).join(', ')} ${owning.length === 1 ? 'owns' : 'own'} "${agent}"`,
      'name someone else under by:, or write self: true',
    );
}

/** Whether these people are there, and something proves them. @param by where they are named */
function checkPeople(
  by: Value,
  names: readonly string[],
  policy: Policy,
  { report, warn }: Source,
  settings: Folder['settings'],
): void {
  const approvers: ReadonlyMap<string, Approver> = policy.approvers ?? new Map();
  const unknown = names.filter((name) => !approvers.has(name));
  for (const name of unknown) {
    const hint = nearest(name, approvers.keys()) === undefined ? `add them: flows approvers add ${name}` : undefined;
    report(itemOf(by, name).range, `unknown approver "${name}"`, hint ?? suggest(name, approvers.keys()));
  }
  if (unknown.length > 0) return;
  const onLaptop = softwareApprover(policy, settings);
  for (const { name, passkeys, trust } of names.flatMap((each) => approvers.get(each) ?? [])) {
    if (passkeys.length === 0 && trust.length === 0 && name !== onLaptop)
      warn(itemOf(by, name).range, `nothing proves "${name}" yet`, `run flows approvers add ${name}`);
  }
}

/** A session outlasts what a person can look at: not for what writes, and not for break-glass. */
function checkScope({ rule, value }: WrittenRule, flows: readonly Flow[], { report }: Source): void {
  const grave =
    rule.scope === 'session' ? flows.find(({ effect, breakGlass }) => effect === 'write' || breakGlass) : undefined;
  if (grave === undefined) return;
  const why = grave.breakGlass ? 'is for break-glass' : 'writes';
  report(
    valueAt(value, 'scope').range,
    `a session is not for "${grave.name}", which ${why}`,
    'write scope: run or call',
  );
}

function checkNames(
  { rule, value }: WrittenRule,
  list: 'names' | 'flows',
  known: readonly string[],
  { report, warn }: Source,
): void {
  for (const { text } of rule[list]) {
    const { range } = itemOf(valueAt(value, list), text);
    if (isWildcard(text)) {
      // it may stand there for what is yet to come, as one that denies
      if (!known.some(compilePattern(text)))
        warn(range, `"${text}" matches nothing yet`, 'leave it out, or check the name');
    } else if (!known.includes(text)) {
      const what = list === 'names' ? 'secret' : 'flow';
      report(
        range,
        `unknown ${what} "${text}"`,
        suggest(text, known) ?? 'a line that protects nothing protects nobody',
      );
    }
  }
}

function itemOf(list: Value, text: string): Value {
  const items = list.as === 'list' ? list.items : [];
  return items.find((item) => item.as === 'literal' && item.value === text) ?? list;
}
