import { compilePattern, isWildcard, longestName } from '../../folder/policy/name-pattern.ts';
import type { AgentPolicy, Decision, Pattern, Policy, Question } from '../../folder/policy/policy.ts';

const nothingAllows: Decision = { allowed: false, rule: 'default: deny' };

/**
 * May this agent have this? What no line allows is denied; a line of `deny` wins wherever it stands; a wildcard of
 * `flows` never matches a flow that writes or is for break-glass. Nothing but the arguments decides.
 */
export function decide(policy: Policy, question: Question): Decision {
  const before = policy.within === undefined ? undefined : decide(policy.within, question);
  if (before?.allowed === false) return before;
  const agent = policy.agents.get(question.agent);
  if (agent === undefined || question.name.length > longestName) return nothingAllows;
  const { deny, allow, flows } = rulesOf(agent);
  const denied = find(deny, question.name);
  if (denied !== undefined) return denied;
  const granted =
    question.kind === 'secret'
      ? find(allow, question.name)
      : question.effect === 'none' && question.breakGlass !== true
        ? find(flows, question.name)
        : flows.exact.get(question.name);
  if (granted === undefined) return nothingAllows;
  if (!agent.requireReason || (question.reason ?? '').trim() !== '') return granted;
  return { allowed: false, rule: `${granted.rule}, with require-reason`, reasonWanted: true };
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
}

const compiled = new WeakMap<AgentPolicy, AgentRules>();

function rulesOf(agent: AgentPolicy): AgentRules {
  let rules = compiled.get(agent);
  if (rules === undefined) {
    rules = {
      deny: compile(agent.deny, 'deny', false),
      allow: compile(agent.allow, 'allow', true),
      flows: compile(agent.flows, 'flows', true),
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

function find({ exact, wild }: Rules, name: string): Decision | undefined {
  return exact.get(name) ?? wild.find(({ matches }) => matches(name))?.decision;
}
