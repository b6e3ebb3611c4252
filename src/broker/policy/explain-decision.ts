import { durationText } from '../../foundation/duration.ts';
import type { Flow } from '../../folder/flows/flow.ts';
import { revealTrouble } from '../../folder/reveal-trouble.ts';
import { pathOf, paths } from '../../foundation/wire.ts';
import { nearest } from '../../language/nearest-name.ts';
import type { Registry } from '../../folder/registry.ts';
import { decide } from './decide.ts';
import { compilePattern, isWildcard } from '../../folder/policy/name-pattern.ts';
import { type ItemUse, itemsMount, placeOf } from '../../folder/policy/vault-paths.ts';
import {
  type AgentPolicy,
  type ApproveRule,
  type Decision,
  type Policy,
  type Question,
  scheduleAgent,
} from '../../folder/policy/policy.ts';

/** What the broker decides by, and what of it the operator may know. */
export interface Rules {
  readonly policy: Policy;
  readonly registry: Registry;
  readonly flows: ReadonlyMap<string, Flow>;
  /** names of flows whose files have problems */
  readonly broken?: ReadonlySet<string>;
}

export interface Asked {
  /** name of the agent; of `reveal`, of the approver */
  readonly agent: string;
  /** `item`: or a list of items, whose name is its path; `reveal`: a break-glass flow, on the page */
  readonly kind: 'secret' | 'flow' | 'item' | 'reveal';
  readonly name: string;
  /** of an item: what is to be done to it; default `read` */
  readonly use?: ItemUse | undefined;
  readonly reason?: string | undefined;
}

export interface Explanation {
  readonly decision: Decision;
  /** the decision in a sentence */
  readonly line: string;
  /** what else there is to know: names that do not exist, limits */
  readonly notes: readonly string[];
}

/** The truth about a decision, for the operator; an agent is never told it. */
export function explain(asked: Asked, rules: Rules): Explanation {
  if (asked.kind === 'reveal') return explainReveal(asked, rules);
  const { agent: agentName, name } = asked;
  const agent = rules.policy.agents.get(agentName);
  const flow = rules.flows.get(name);
  const effect = flow?.effect ?? 'none';
  const breakGlass = flow?.breakGlass === true;
  const decision = decide(rules.policy, questionOf(asked, flow));
  if (agent === undefined) {
    const line = `denied: policy.yaml has no agent "${agentName}"${near(agentName, rules.policy.agents.keys())}`;
    return { decision, line, notes: existence(asked, rules) };
  }
  return {
    decision,
    line: sentence(asked, decision),
    notes: [
      ...existence(asked, rules),
      ...(decision.approvals ?? []).map(ruleText),
      ...wildcardOnly(
        asked,
        agent,
        decision,
        effect === 'write' ? 'writes' : breakGlass ? 'is for break-glass' : undefined,
      ),
      ...limits(asked, agent, decision, effect),
    ],
  };
}

function questionOf(asked: Asked, flow: Flow | undefined): Question {
  const { agent, kind, name, reason, use = 'read' } = asked;
  // what is no path is nobody's
  if (kind === 'item')
    return { kind, agent, name: itemsMount, reason, use, place: placeOf(name) ?? { vault: { titles: [] } } };
  if (kind === 'secret') return { kind, agent, name, reason };
  const [effect, breakGlass] = [flow?.effect ?? 'none', flow?.breakGlass === true];
  return { kind: 'flow', agent, name, effect, breakGlass, approve: flow?.approve?.rule, reason };
}

/** Whether a person may see on the page what a break-glass flow gives. */
function explainReveal(asked: Asked, rules: Rules): Explanation {
  const { agent: who, name } = asked;
  const decision = decide(rules.policy, { kind: 'reveal', agent: who, name });
  const approver = rules.policy.approvers?.get(who);
  const flow = rules.flows.get(name);
  const trouble = flow === undefined ? undefined : revealTrouble(flow);
  const notes = [
    ...existence(asked, rules),
    ...(trouble === undefined ? [] : [`the page cannot reveal it: it ${trouble}`]),
    ...(approver?.passkeys.length === 0 && approver.trust.length === 0
      ? [`nothing proves this approver yet: flows approvers add ${who}`]
      : []),
  ];
  if (approver === undefined) {
    const line = `denied: policy.yaml has no approver "${who}"${near(who, rules.policy.approvers?.keys() ?? [])}`;
    return { decision, line, notes };
  }
  const [location = ''] = decision.rule.split(' ');
  const line = decision.allowed
    ? `allowed: ${location} lets approver "${who}" reveal "${name}" (reveal: ${name})`
    : `denied: no line of policy.yaml lets approver "${who}" reveal "${name}" (default: deny)`;
  return { decision, line, notes };
}

/** What a decision comes to, in the word that a case of policy.test.yaml expects. */
export function outcomeOf({ allowed, approvals }: Decision): 'allowed' | 'approval' | 'denied' {
  if (!allowed) return 'denied';
  return approvals === undefined ? 'allowed' : 'approval';
}

function sentence({ agent, kind, name, use = 'read' }: Asked, decision: Decision): string {
  const { allowed, rule, wanted } = decision;
  const verb = { secret: 'read', flow: 'run', item: use, reveal: 'reveal' }[kind];
  const [, location = '', list = '', text = ''] = /^(\S+) (\S+) (.*?)(?:, with require-\w+)?$/.exec(rule) ?? [];
  if (allowed)
    return `${outcomeOf(decision) === 'approval' ? 'allowed once approved' : 'allowed'}: ${location} allows agent "${agent}" to ${verb} "${name}" (${list}: ${text})`;
  if (wanted !== undefined) {
    const must = wanted === 'reason' ? 'state a reason (require-reason)' : 'ask from a proven agent run (require-run)';
    return `denied: agent "${agent}" must ${must}; with one, ${location} allows it (${list}: ${text})`;
  }
  if (list === 'deny' && text !== '') return `denied: ${location} denies agent "${agent}" "${name}" (deny: ${text})`;
  return `denied: no rule of policy.yaml allows agent "${agent}" to ${verb} "${name}" (default: deny)`;
}

/** `policy.yaml:9:9 wants 2 of ann, bo for each call, within 10m; …` */
function ruleText({ location, needs, by, scope, wait, expires, uses, self }: ApproveRule): string {
  const people = by.length === needs ? by.join(' and ') : `${needs} of ${by.join(', ')}`;
  const what = { call: 'each call', run: 'each agent run', session: 'each session' }[scope];
  const most = uses === undefined ? '' : `, for ${uses} calls`;
  const own = self ? '; an owner of the agent may' : '';
  return `${location} wants ${people} to approve ${what} within ${durationText(wait)}, good for ${durationText(expires)}${most}${own}`;
}

function existence({ kind, name }: Asked, { registry, flows, broken }: Rules): readonly string[] {
  if (kind === 'item')
    return ['by the path as it is written: a broker also knows the id of a title, and the title of an id'];
  if (kind !== 'secret' && broken?.has(name) === true)
    return [`the file of flow "${name}" has problems, and no broker that starts now serves it: run flows check`];
  if (kind === 'secret' && !registry.secrets.has(name)) {
    const other = flows.has(name) ? '; a flow has this name' : near(name, registry.secrets.keys());
    return [`registry.yaml has no secret "${name}"${other}`];
  }
  if (kind !== 'secret' && !flows.has(name)) {
    const other = registry.secrets.has(name) ? '; a secret has this name' : near(name, flows.keys());
    return [`there is no flow "${name}"${other}`];
  }
  return [];
}

function wildcardOnly(
  { name }: Asked,
  agent: AgentPolicy,
  decision: Decision,
  /** why a wildcard does not match it */
  because: string | undefined,
): readonly string[] {
  if (decision.rule !== 'default: deny' || because === undefined) return [];
  const wild = agent.flows.find(({ text }) => isWildcard(text) && compilePattern(text)(name));
  if (wild === undefined) return [];
  return [`${wild.location} flows ${wild.text} does not match it: it ${because}, and such a flow is named in full`];
}

function limits(
  { kind, name }: Asked,
  agent: AgentPolicy,
  { allowed }: Decision,
  effect: Flow['effect'],
): readonly string[] {
  const proven = agent.tokens.length > 0 || agent.trust.length > 0 || agent.name === scheduleAgent;
  const notes = proven ? [] : [`nothing in policy.yaml proves this agent yet: flows agents add ${agent.name}`];
  if (!allowed) return notes;
  if (effect === 'write' && kind === 'flow')
    notes.push(`it writes, and is served as a run: POST ${pathOf(paths.runs, name)}`);
  const { maxTtl, rate } = agent;
  // an item has no lease
  if (maxTtl !== undefined && kind !== 'item') notes.push(`for at most ${durationText(maxTtl)} (max-ttl)`);
  if (rate !== undefined) notes.push(`at most ${rate.count} requests in ${durationText(rate.per)} (rate)`);
  return notes;
}

function near(word: string, names: Iterable<string>): string {
  const found = nearest(word, names);
  return found === undefined ? '' : ` (did you mean "${found}"?)`;
}
