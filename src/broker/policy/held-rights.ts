import type { InTurns } from '../../foundation/in-turns.ts';
import { compilePattern, isWildcard } from '../../folder/policy/name-pattern.ts';
import type { AgentPolicy, AgentToken, Approver, Pattern, Policy } from '../../folder/policy/policy.ts';
import type { VaultPathRule } from '../../folder/policy/vault-paths.ts';

/**
 * Whether one policy may allow what another does not. Of names it is exact, of wildcards careful: one that stands in
 * both, letter by letter, is the same, and any other may be more.
 */
export function* allowsMore(policy: Policy, than: Policy): InTurns<boolean> {
  if (provesMore(policy, than)) return true;
  for (const agent of policy.agents.values()) {
    yield;
    if (mayMore(agent, than.agents.get(agent.name))) return true;
  }
  return false;
}

function mayMore(agent: AgentPolicy, other: AgentPolicy | undefined): boolean {
  const paths = agent.vaultPaths ?? [];
  if (other === undefined) return agent.allow.length > 0 || agent.flows.length > 0 || paths.length > 0;
  const denied = coveredBy(agent.deny);
  return (
    // conditions of a `trust:` are lines too, that a cut takes away
    common(agent.trust, other.trust).length < agent.trust.length ||
    agent.tokens.some((token) => lifeOf(token) > lifeOf(boundedBy(token, other))) ||
    !agent.allow.every(coveredBy(other.allow)) ||
    !agent.flows.every(coveredBy(other.flows)) ||
    morePaths(paths, other.vaultPaths ?? []) ||
    other.deny.some((line) => !denied(line) && mattersTo(agent, line)) ||
    (agent.maxTtl ?? Infinity) > (other.maxTtl ?? Infinity) ||
    perSecond(agent) > perSecond(other) ||
    (other.requireReason && !agent.requireReason) ||
    (other.requireRun === true && agent.requireRun !== true) ||
    // another rule may be a weaker one
    !(other.approve ?? []).every(({ text }) => agent.approve?.some((each) => each.text === text) === true)
  );
}

/** Of paths the same line is the same, and any other may be more. */
function morePaths(paths: readonly VaultPathRule[], than: readonly VaultPathRule[]): boolean {
  const isIn = (lines: readonly VaultPathRule[], wanted: VaultPathRule, use: string) =>
    lines.some(({ text, can }) => text === wanted.text && can.some((each) => each === use));
  const allows = paths.some((line) => line.can.some((use) => use !== 'deny' && !isIn(than, line, use)));
  return allows || (paths.length > 0 && than.some((line) => line.can.includes('deny') && !isIn(paths, line, 'deny')));
}

/** Whether anybody may approve or reveal what they could not, or by what could not. */
function provesMore({ approvers = new Map() }: Policy, than: Policy): boolean {
  return [...approvers.values()].some((approver) => {
    const other = than.approvers?.get(approver.name);
    return JSON.stringify(provingBoth(approver, other)) !== JSON.stringify(approver);
  });
}

/** What of an approver's proofs another policy has too; whom that one says to own, this one does. */
function provingBoth(approver: Approver, other: Approver | undefined): Approver {
  return {
    ...approver,
    passkeys: common(approver.passkeys, other?.passkeys),
    trust: common(approver.trust, other?.trust),
    ...(approver.reveal && {
      reveal: approver.reveal.filter(({ text }) => other?.reveal?.some((each) => each.text === text)),
    }),
    ownerOf: [...new Set([...approver.ownerOf, ...(other?.ownerOf ?? [])])],
  };
}

function common<T>(mine: readonly T[], theirs: readonly T[] = []): readonly T[] {
  const known = new Set(theirs.map((each) => JSON.stringify(each)));
  return mine.filter((each) => known.has(JSON.stringify(each)));
}

/** A token that is new is whole: nobody gets a hash by cutting one. */
function boundedBy(token: AgentToken, { tokens }: AgentPolicy): AgentToken {
  const before = tokens.find(({ sha256 }) => sha256 === token.sha256);
  return before !== undefined && lifeOf(before) < lifeOf(token) ? before : token;
}

const lifeOf = ({ expires }: AgentToken): number => expires ?? Infinity;

/** A policy of which only that is allowed which another allows too. */
export function within(policy: Policy, bounds: Policy): Policy {
  const agents = [...policy.agents].map(([name, agent]): [string, AgentPolicy] => {
    const other = bounds.agents.get(name);
    if (other === undefined) return [name, agent];
    const maxTtl = Math.min(agent.maxTtl ?? Infinity, other.maxTtl ?? Infinity);
    const rate = perSecond(agent) > perSecond(other) ? other.rate : agent.rate;
    const tokens = agent.tokens.map((token) => boundedBy(token, other));
    const trust = common(agent.trust, other.trust);
    return [name, { ...agent, tokens, trust, rate, maxTtl: maxTtl === Infinity ? undefined : maxTtl }];
  });
  const approvers = [...(policy.approvers ?? [])].map(([name, approver]): [string, Approver] => [
    name,
    provingBoth(approver, bounds.approvers?.get(name)),
  ]);
  return { agents: new Map(agents), approvers: new Map(approvers), within: bounds };
}

/**
 * Why a new text may be a part of what is meant, as where an editor was killed or a disk is full: nobody can tell of a
 * file that was never seen whole, but it lacks the line break at its end, or the `...` that the text in force ends with,
 * or it is how that text begins. @param before the text in force
 */
export function cutOff(text: string, before: string | undefined): string | undefined {
  if (!text.endsWith('\n')) return 'it does not end with a line break';
  if (before !== undefined && before !== text && before.startsWith(text)) return 'it is how the file before began';
  const end = /^\.\.\.\s*$/m;
  return before !== undefined && end.test(before) && !end.test(text) ? 'the line "..." at its end is gone' : undefined;
}

function coveredBy(patterns: readonly Pattern[]): (line: Pattern) => boolean {
  const texts = new Set(patterns.map(({ text }) => text));
  const wildcards = [...texts].filter(isWildcard).map(compilePattern);
  return ({ text }) => texts.has(text) || (!isWildcard(text) && wildcards.some((matches) => matches(text)));
}

/** Whether a line that denies takes anything from an agent. */
function mattersTo({ allow, flows, vaultPaths = [] }: AgentPolicy, { text }: Pattern): boolean {
  const granted = [...allow, ...flows];
  return isWildcard(text)
    ? granted.length > 0 || vaultPaths.length > 0
    : granted.some((each) => compilePattern(each.text)(text));
}

function perSecond({ rate }: AgentPolicy): number {
  return rate === undefined ? Infinity : rate.count / rate.per;
}
