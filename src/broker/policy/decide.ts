import { compilePattern, isWildcard, longestName } from '../../folder/policy/name-pattern.ts';
import type { AgentPolicy, ApproveRule, Decision, Pattern, Policy, Question } from '../../folder/policy/policy.ts';

const nothingAllows: Decision = { allowed: false, rule: 'default: deny' };

/**
 * May this agent have this? What no line allows is denied; a line of `deny` wins wherever it stands; a wildcard of
 * `flows` never matches a flow that writes or is for break-glass. Of items the lines of `vault-paths` decide, and `deny`
 * wins there too. What is allowed may have to be approved first: each
 * rule of `approve:` that is about it, and the flow's own. Nothing but the arguments decides.
 */
export function decide(policy: Policy, question: Question): Decision {
  const before = policy.within === undefined ? undefined : decide(policy.within, question);
  if (before?.allowed === false) return before;
  const now = decideAlone(policy, question);
  if (!now.allowed) return now;
  // what had to be approved still must, until a change that takes it away has been held for long enough
  const rules = [...(now.approvals ?? []), ...(before?.approvals ?? [])];
  const [first] = rules;
  if (first === undefined) return now;
  // a line about all names is about items too, and nobody could be asked for a yes to one
  if (question.kind === 'item') return { allowed: false, rule: `${first.location} approve, which is not for items` };
  return { ...now, approvals: [...new Map(rules.map((rule) => [rule.text, rule])).values()] };
}

function decideAlone(policy: Policy, question: Question): Decision {
  if (question.kind === 'reveal') return decideReveal(policy, question);
  const agent = policy.agents.get(question.agent);
  if (agent === undefined || question.name.length > longestName) return nothingAllows;
  const { deny, allow, flows, approve } = rulesOf(agent);
  const denied = find(deny, question.name);
  if (denied !== undefined) return denied;
  const granted =
    question.kind === 'item'
      ? findPath(agent, question)
      : question.kind === 'secret'
        ? find(allow, question.name)
        : question.effect === 'none' && question.breakGlass !== true
          ? find(flows, question.name)
          : flows.exact.get(question.name);
  if (granted?.allowed !== true) return granted ?? nothingAllows;
  const { rule } = granted;
  if (agent.requireRun === true && question.inRun !== true)
    return { allowed: false, rule: `${rule}, with require-run`, wanted: 'run' };
  if (agent.requireReason && (question.reason ?? '').trim() === '')
    return { allowed: false, rule: `${rule}, with require-reason`, wanted: 'reason' };
  const own = question.kind === 'flow' && question.approve !== undefined ? [question.approve] : [];
  const approvals = [...approve(question), ...own];
  return approvals.length === 0 ? granted : { ...granted, approvals };
}

/** Such a flow is named in full, as in `flows` of an agent. */
function decideReveal({ approvers }: Policy, { agent, name }: Question): Decision {
  const line = approvers?.get(agent)?.reveal?.find(({ text }) => text === name);
  return line === undefined ? nothingAllows : { allowed: true, rule: `${line.location} reveal ${line.text}` };
}

/** The lines of one kind, each with what it decides. */
interface Rules {
  readonly exact: ReadonlyMap<string, Decision>;
  readonly wild: readonly { readonly matches: (name: string) => boolean; readonly decision: Decision }[];
}

interface AgentRules {
  readonly deny: Rules;
  readonly allow: Rules;
  readonly flows: Rules;
  readonly approve: (question: Question) => readonly ApproveRule[];
}

const compiled = new WeakMap<AgentPolicy, AgentRules>();

function rulesOf(agent: AgentPolicy): AgentRules {
  let rules = compiled.get(agent);
  if (rules === undefined) {
    rules = {
      deny: compile(agent.deny, 'deny', false),
      allow: compile(agent.allow, 'allow', true),
      flows: compile(agent.flows, 'flows', true),
      approve: compileApprove(agent.approve ?? []),
    };
    compiled.set(agent, rules);
  }
  return rules;
}

function compile(patterns: readonly Pattern[], list: string, allowed: boolean): Rules {
  const decided = patterns.map(({ text, location }) => {
    const decision: Decision = { allowed, rule: `${location} ${list} ${text}` };
    return { text, decision, matches: compilePattern(text) };
  });
  const literal = decided.filter(({ text }) => !isWildcard(text));
  return {
    // of a line that stands twice, the first decides
    exact: new Map(literal.toReversed().map(({ text, decision }) => [text, decision])),
    wild: decided.filter(({ text }) => isWildcard(text)),
  };
}

function compileApprove(rules: readonly ApproveRule[]): AgentRules['approve'] {
  const compiled = rules.map((rule) => {
    const of = (patterns: readonly Pattern[]) => patterns.map(({ text }) => compilePattern(text));
    return { rule, matchers: { secret: of(rule.names), flow: of(rule.flows) } };
  });
  return ({ kind, name }) =>
    compiled.flatMap(({ rule, matchers }) =>
      matchers[kind === 'flow' ? 'flow' : 'secret'].some((matches) => matches(name)) ? [rule] : [],
    );
}

function findPath({ vaultPaths = [] }: AgentPolicy, { use, place }: Extract<Question, { kind: 'item' }>) {
  const about = vaultPaths.filter(({ can, covers }) => (can.includes(use) || can.includes('deny')) && covers(place));
  const line = about.find(({ can }) => can.includes('deny')) ?? about[0];
  if (line === undefined) return undefined;
  const allowed = !line.can.includes('deny');
  return { allowed, rule: `${line.location} ${allowed ? 'vault-paths' : 'deny'} ${line.text}` };
}

function find({ exact, wild }: Rules, name: string): Decision | undefined {
  return exact.get(name) ?? wild.find(({ matches }) => matches(name))?.decision;
}
