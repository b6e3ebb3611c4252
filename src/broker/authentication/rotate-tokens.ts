import { FlowError } from '../../foundation/errors.ts';
import { suggest } from '../../language/nearest-name.ts';
import type { AgentPolicy, AgentToken, Policy } from '../../folder/policy/policy.ts';
import { isExpired } from './bearer-token.ts';

/** As many live tokens as an agent may have: the new one, and the old one until every run of the agent has the new. */
const mostTokens = 2;

/** The tokens of an agent with one more. @throws FlowError conflict, where two live ones are there */
export function withOneMore(policy: Policy, name: string, token: AgentToken, now: number): readonly AgentToken[] {
  const live = liveTokens(policy.agents.get(name), now);
  if (live.length >= mostTokens) {
    throw new FlowError('conflict', `agent "${name}" has two tokens already`, {
      hint: `replace the older one: flows agents rotate ${name}`,
    });
  }
  return [...live, token];
}

/** The tokens of an agent with a new one; of two that were live, the older goes. @throws FlowError usage */
export function rotated(policy: Policy, name: string, token: AgentToken, now: number): readonly AgentToken[] {
  const live = liveTokens(knownAgent(policy, name), now);
  return [...live.slice(-(mostTokens - 1)), token];
}

/**
 * When a token that replaces the newest of an agent's ends: the same length of life again, so that no rotation makes a
 * token that outlives what was once decided. @param now epoch milliseconds @returns undefined where that has no end
 * @throws FlowError usage, where policy.yaml does not tell the length
 */
export function sameLifeAgain(policy: Policy, name: string, now: number): number | undefined {
  const newest = knownAgent(policy, name).tokens.at(-1);
  if (newest?.expires === undefined) return undefined;
  if (newest.issued !== undefined && newest.issued < newest.expires) return now + newest.expires - newest.issued;
  throw new FlowError(
    'usage',
    `its token ends at ${new Date(newest.expires).toISOString()}; nothing tells how long it was to live`,
    {
      hint: 'say how long the new one lives: --expires 90d, or --expires never',
      place: { subject: `agent "${name}"` },
    },
  );
}

/**
 * The tokens of an agent without those that are meant.
 * @param which the first digits of the hash of one; undefined: the only one
 * @throws FlowError usage, where that is none or not one
 */
export function withoutToken(policy: Policy, name: string, which: string | undefined): readonly AgentToken[] {
  const { tokens } = knownAgent(policy, name);
  const prefix = which?.replace(/^sha256:/, '').toLowerCase() ?? '';
  const meant = tokens.filter(({ sha256 }) => sha256.startsWith(prefix));
  if (meant.length === 1 && (which === undefined || prefix !== ''))
    return tokens.filter((each) => !meant.includes(each));
  if (tokens.length === 0) throw new FlowError('usage', `agent "${name}" has no token`, { hint: 'see flows agents' });
  throw new FlowError('usage', meant.length === 0 ? 'no token of it begins so' : 'which of its tokens is meant?', {
    hint: `--token ${tokens.map(({ sha256 }) => sha256.slice(0, 12)).join(' or ')}, or --all`,
  });
}

/** @throws FlowError usage, with the nearest name */
export function knownAgent({ agents }: Policy, name: string): AgentPolicy {
  const agent = agents.get(name);
  if (agent !== undefined) return agent;
  const hint = suggest(name, agents.keys()) ?? `make it: flows agents add ${name}`;
  throw new FlowError('usage', `policy.yaml has no agent "${name}"`, { hint });
}

function liveTokens(agent: AgentPolicy | undefined, now: number): readonly AgentToken[] {
  return (agent?.tokens ?? []).filter((token) => !isExpired(token, now));
}
