import type { Policy } from '../../folder/policy/policy.ts';
import { compileClaims } from './claim-patterns.ts';

type Claims = Readonly<Record<string, unknown>>;

/** The issuers that a policy trusts, each with what its tokens must be for an agent. */
export type TrustIndex = ReadonlyMap<string, readonly TrustedAgent[]>;

interface TrustedAgent {
  readonly agent: string;
  readonly audience: string;
  /** the first claim that does not fit, or undefined */
  readonly misfit: (claims: Claims) => string | undefined;
}

export function trustIndexOf(policy: Policy): TrustIndex {
  const issuers = new Map<string, TrustedAgent[]>();
  for (const { name, trust } of policy.agents.values()) {
    for (const each of trust) {
      const trusted = issuers.get(each.issuer) ?? [];
      trusted.push({ agent: name, audience: each.audience, misfit: compileClaims(each) });
      issuers.set(each.issuer, trusted);
    }
  }
  return issuers;
}

export type Match =
  | { readonly agent: string }
  | { readonly code: 'audience' | 'claims' | 'ambiguous'; readonly detail: string };

/** Whose token it is: exactly one agent's, or nobody's. */
export function matchAgent(trusted: readonly TrustedAgent[], claims: Claims): Match {
  const audiences: readonly unknown[] = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
  const meant = trusted.filter(({ audience }) => audiences.includes(audience));
  if (meant.length === 0) return { code: 'audience', detail: 'the token is for an audience that no agent has' };
  const looked = meant.map(({ agent, misfit }) => ({ agent, misfit: misfit(claims) }));
  const fitting = [...new Set(looked.filter(({ misfit }) => misfit === undefined).map(({ agent }) => agent))];
  const [agent, ...others] = fitting;
  if (agent === undefined) {
    const misfits = looked
      .slice(0, 5)
      .map((each) => `claim "${each.misfit ?? ''}" is not that of agent "${each.agent}"`);
    return { code: 'claims', detail: misfits.join(', ') };
  }
  if (others.length === 0) return { agent };
  return { code: 'ambiguous', detail: `the token fits more than one agent: ${fitting.join(', ')}` };
}
