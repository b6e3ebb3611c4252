import { type AgentPolicy, agentWithoutRights, type Policy } from '../../../src/folder/policy/policy.ts';

/** A policy of agents that have these tokens and trusts, and no rights. */
export function agentsOf(agents: Readonly<Record<string, Partial<Pick<AgentPolicy, 'tokens' | 'trust'>>>>): Policy {
  return {
    agents: new Map(Object.entries(agents).map(([name, proven]) => [name, { ...agentWithoutRights(name), ...proven }])),
  };
}
