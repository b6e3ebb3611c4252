import type { Policy, Trust } from '../../folder/policy/policy.ts';
import { quoted } from '../../foundation/quoted.ts';
import { runForm } from '../../foundation/wire.ts';
import { unlistedRun } from '../agent-runs/unlisted-run.ts';
import type { ProvenRun } from '../contract.ts';
import { compileClaims } from './claim-patterns.ts';

type Claims = Readonly<Record<string, unknown>>;

/** The `iss` of tokens that a policy trusts, each with what its tokens must be for an agent. */
export type TrustIndex = ReadonlyMap<string, readonly TrustedAgent[]>;

/** Where the keys of an issuer are; the same for all that write it the same. */
export interface KeySource extends Pick<Trust, 'issuer' | 'discovery' | 'jwksUri' | 'keysFile'> {
  /** the discovery document may be another issuer's: policy.yaml says which tokens are meant */
  readonly anyIssuer: boolean;
  /** tells sources apart */
  readonly id: string;
}

export interface TrustedAgent {
  readonly agent: string;
  readonly audience: string;
  readonly source: KeySource;
  /** the claim that names the run */
  readonly run: string | undefined;
  /** the first claim that does not fit, or undefined */
  readonly misfit: (claims: Claims) => string | undefined;
}

export function trustIndexOf(policy: Policy): TrustIndex {
  const issuers = new Map<string, TrustedAgent[]>();
  for (const { name, trust } of policy.agents.values()) {
    for (const each of trust) {
      for (const issuer of each.tokenIssuers ?? [each.issuer]) {
        const trusted = issuers.get(issuer) ?? [];
        const { audience, run } = each;
        trusted.push({ agent: name, audience, run, source: sourceOf(each), misfit: compileClaims(each) });
        issuers.set(issuer, trusted);
      }
    }
  }
  return issuers;
}

function sourceOf({ issuer, discovery, jwksUri, keysFile, tokenIssuers }: Trust): KeySource {
  const source = { issuer, discovery, jwksUri, keysFile, anyIssuer: tokenIssuers !== undefined };
  return { ...source, id: JSON.stringify(source) };
}

export type Match =
  | { readonly agent: string; readonly agentRun?: ProvenRun | undefined }
  | { readonly code: 'audience' | 'claims' | 'ambiguous'; readonly detail: string };

/** Whose token it is: exactly one agent's, or nobody's. */
export function matchAgent(trusted: readonly TrustedAgent[], claims: Claims): Match {
  const audiences: readonly unknown[] = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
  const meant = trusted.filter(({ audience }) => audiences.includes(audience));
  if (meant.length === 0) {
    const came = quoted(claims['aud']);
    return { code: 'audience', detail: `the token is for an audience that no agent has: ${came}` };
  }
  const looked = meant.map(({ agent, misfit }) => ({ agent, misfit: misfit(claims) }));
  const fitting = [...new Set(looked.filter(({ misfit }) => misfit === undefined).map(({ agent }) => agent))];
  const [agent, ...others] = fitting;
  if (agent === undefined) {
    const misfits = looked
      .slice(0, 5)
      .map((each) => `claim "${each.misfit ?? ''}" is not that of agent "${each.agent}"`);
    return { code: 'claims', detail: misfits.join(', ') };
  }
  if (others.length === 0) return { agent, agentRun: outsideRun(meant, agent, claims) };
  return { code: 'ambiguous', detail: `the token fits more than one agent: ${fitting.join(', ')}` };
}

/** The run that the issuer vouches for, behind its host, so that it is never taken for one of ours. */
function outsideRun(meant: readonly TrustedAgent[], agent: string, claims: Claims): ProvenRun | undefined {
  const trusted = meant.find(
    (each) => each.agent === agent && each.run !== undefined && each.misfit(claims) === undefined,
  );
  const named = trusted?.run === undefined ? undefined : claims[trusted.run];
  if (trusted === undefined || (typeof named !== 'string' && typeof named !== 'number')) return undefined;
  const run = `${URL.parse(trusted.source.issuer)?.host ?? trusted.source.issuer}/${named}`;
  return runForm.test(run) ? unlistedRun(run) : undefined;
}
