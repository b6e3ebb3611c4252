import type { AgentPolicy, Policy } from '../../../src/folder/policy/policy.ts';

/** A policy of agents that have these tokens and trusts, and no rights. */
export function agentsOf(agents: Readonly<Record<string, Partial<Pick<AgentPolicy, 'tokens' | 'trust'>>>>): Policy {
  const none = { allow: [], flows: [], deny: [], maxTtl: undefined, rate: undefined, requireReason: false };
  return {
    agents: new Map(
      Object.entries(agents).map(([name, { tokens = [], trust = [] }]) => [name, { name, tokens, trust, ...none }]),
    ),
  };
}
