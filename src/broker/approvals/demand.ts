import { boundDigest } from '../../foundation/approval-statement.ts';
import { canonical } from '../../foundation/canonical-json.ts';
import type { ApprovalScope, ApproveRule } from '../../folder/policy/policy.ts';
import type { Caller } from '../contract.ts';

/** What an approval is for: secrets by their names, a flow that only reads, a run of a flow, or a step of one. */
export type DemandKind = 'secrets' | 'flow' | 'run' | 'step';

/** One of the things that are asked for, as the files have it now. */
export interface DemandedName {
  readonly name: string;
  /** what stands behind it: a reference, or a flow and the digest of its text */
  readonly is: string;
  readonly rules: readonly ApproveRule[];
}

/** For what, for how long and how often. */
export interface Terms {
  readonly scope: ApprovalScope;
  /** undefined: any number */
  readonly uses: number | undefined;
  /** seconds, from the last yes on */
  readonly lasts: number;
  /** seconds that it waits for an answer */
  readonly wait: number;
}

/** What people must say yes to. A yes is for {@link Demand.bound} and nothing else. */
export interface Demand extends Terms {
  readonly kind: DemandKind;
  readonly names: readonly string[];
  readonly rules: readonly ApproveRule[];
  /** the root run that it is for; a call's own run, where it has one */
  readonly subject: string;
  /** canonical JSON of all that is approved */
  readonly bound: string;
  /** SHA-256 of it, base64url */
  readonly digest: string;
  /** the same for every run that asks for this: what a no holds back for a while */
  readonly likeness: string;
}

export interface DemandFacts {
  readonly caller: Pick<Caller, 'agent' | 'agentRun'>;
  readonly kind: DemandKind;
  readonly what: readonly DemandedName[];
  /** public id of the environment's key: two installations never share a digest */
  readonly installation: string;
  readonly environment: string;
  /** plain inputs of a flow; bound where one call is approved */
  readonly inputs?: Readonly<Record<string, unknown>> | undefined;
  /** hash of the plan that was shown; the same */
  readonly plan?: string | undefined;
  /** id of the run that goes on with a yes; the same: two runs that want the same are two calls */
  readonly run?: string | undefined;
}

const breadth: Readonly<Record<ApprovalScope, number>> = { call: 0, run: 1, session: 2 };
/** seconds that a yes to one call lasts, where the rule thought of a whole run */
const longestCall = 600;

/** What all rules together ask for: the narrowest scope, the shortest time, the fewest uses. */
export function termsOf(rules: readonly ApproveRule[], proven: boolean): Terms {
  const wanted = rules.map(({ scope }) => scope).reduce((a, b) => narrower(a, b), 'session');
  // what an agent says of its run is no ground to give it more than once
  const scope = proven ? wanted : 'call';
  const lasts = Math.min(...rules.map(({ expires }) => expires));
  const uses = Math.min(...rules.map((rule) => rule.uses ?? Infinity));
  return {
    scope,
    uses: scope === 'call' ? 1 : uses === Infinity ? undefined : uses,
    lasts: scope === wanted ? lasts : Math.min(lasts, longestCall),
    wait: Math.min(...rules.map(({ wait }) => wait)),
  };
}

export function narrower(a: ApprovalScope, b: ApprovalScope): ApprovalScope {
  return breadth[a] <= breadth[b] ? a : b;
}

/** What must be approved, as the files are now: the same facts give the same digest. */
export function demandOf(facts: DemandFacts): Demand {
  const { caller, kind, installation, environment } = facts;
  const what = facts.what.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const rules = [...new Map(what.flatMap((each) => each.rules).map((rule) => [rule.text, rule])).values()];
  const terms = termsOf(rules, caller.agentRun !== undefined);
  const { scope, uses, lasts } = terms;
  const subject = subjectOf(caller, scope);
  const oneCall = scope === 'call';
  const binding = {
    v: 1,
    installation,
    environment,
    agent: caller.agent,
    for: subject,
    kind,
    what: what.map((each) => ({ name: each.name, is: each.is, rules: each.rules.map(({ text }) => text).toSorted() })),
    inputs: oneCall ? facts.inputs : undefined,
    plan: oneCall ? facts.plan : undefined,
    scope,
    uses: uses ?? null,
    lasts,
  };
  const likeness = boundDigest(canonical(binding));
  const bound = canonical({ ...binding, run: oneCall ? facts.run : undefined });
  const names = what.map(({ name }) => name);
  return { ...terms, kind, names, rules, subject, bound, digest: boundDigest(bound), likeness };
}

function subjectOf({ agentRun }: DemandFacts['caller'], scope: ApprovalScope): string {
  if (agentRun === undefined) return 'call';
  return scope === 'call' ? `run ${agentRun.run}` : `run ${agentRun.root}`;
}
