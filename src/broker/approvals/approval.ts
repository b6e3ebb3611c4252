import type { ApprovalScope, ApproveRule } from '../../folder/policy/policy.ts';
import type { ApprovalState } from '../../foundation/wire.ts';
import type { DemandKind } from './demand.ts';

/** What an agent said when it asked: shown as claimed, and bound to nothing. */
export interface AskedFor {
  readonly names: readonly string[];
  readonly reason?: string | undefined;
  /** `X-Agent-Run-Id`, claimed */
  readonly run?: string | undefined;
  /** the agent run that asked, proven */
  readonly agentRun?: string | undefined;
  /** the agents whose runs are above that one, proven: what it asks for is theirs too */
  readonly above?: readonly string[] | undefined;
  readonly by: string;
  readonly request: string;
  readonly address: string;
}

export interface Answer {
  readonly approver: string;
  readonly decision: 'approve' | 'deny';
  readonly scope: ApprovalScope;
  readonly uses: number | null;
  readonly lasts: number;
  /** what proved that it is theirs */
  readonly by?: 'passkey' | 'oidc' | undefined;
}

/** An approval as it is kept. Times are epoch milliseconds. */
export interface Approval {
  readonly id: string;
  readonly state: ApprovalState;
  readonly agent: string;
  readonly subject: string;
  readonly kind: DemandKind;
  readonly names: readonly string[];
  readonly digest: string;
  readonly bound: string;
  readonly rules: readonly Pick<ApproveRule, 'by' | 'needs' | 'self' | 'location'>[];
  /** what was asked for; the answers may be for less */
  readonly scope: ApprovalScope;
  readonly uses: number | null;
  readonly lasts: number;
  readonly asked: AskedFor;
  readonly opened: number;
  /** it waits for an answer until then */
  readonly until: number;
  readonly decided: number | null;
  /** what was approved is good until then */
  readonly ends: number | null;
  /** calls that it was used for */
  readonly used: number;
  readonly answers: readonly Answer[];
}

/** Everything of an approval with its answers, from its table. */
export const columns = `id, state, agent, subject, kind, names, digest, bound, rules, scope, uses, lasts, asked, used,
  opened::float8 as opened, until::float8 as until, decided::float8 as decided, ends::float8 as ends,
  coalesce((select jsonb_agg(jsonb_build_object('approver', approver, 'decision', decision, 'scope', n.scope, 'uses', n.uses,
    'lasts', n.lasts, 'by', n.proven_by) order by at) from flows_approval_answers n where n.approval = a.id), '[]') as answers`;

/** Whether enough people have said yes, each counted once for each rule that names them. */
export function isMet({ rules, answers }: Pick<Approval, 'rules' | 'answers'>): boolean {
  const yes = new Set(answers.filter(({ decision }) => decision === 'approve').map(({ approver }) => approver));
  return rules.every(({ by, needs }) => by.filter((name) => yes.has(name)).length >= needs);
}

/** Whether somebody has said this, and it holds: said again it changes nothing, and is no second vote. */
export function hasSaid(
  { answers, state }: Pick<Approval, 'answers' | 'state'>,
  { approver, decision }: Pick<Answer, 'approver' | 'decision'>,
): boolean {
  const holds: readonly ApprovalState[] = decision === 'deny' ? ['denied'] : ['pending', 'approved', 'used'];
  return holds.includes(state) && answers.some((each) => each.approver === approver && each.decision === decision);
}

/** Whether somebody owns the agent that asks, or one whose run it began in: nobody says yes to themselves. */
export function isOwner(
  { ownerOf }: { readonly ownerOf: readonly string[] },
  { agent, asked: { above = [] } }: Pick<Approval, 'agent' | 'asked'>,
): boolean {
  return [agent, ...above].some((each) => ownerOf.includes(each));
}

/** Who may still answer. */
export function mayAnswer({ rules }: Pick<Approval, 'rules'>): ReadonlySet<string> {
  return new Set(rules.flatMap(({ by }) => by));
}

/** An approval as people and the operator see it: times as RFC 3339 writes them, nothing that was not asked or decided. */
export function shownOf(approval: Approval) {
  const { subject, answers, opened, until, decided, ends, ...rest } = approval;
  const time = (at: number | null) => (at === null ? undefined : new Date(at).toISOString());
  return {
    ...rest,
    for: subject,
    answers: answers.map(({ approver, decision, by }) => ({ approver, decision, by: by ?? undefined })),
    opened: time(opened),
    until: time(until),
    decided: time(decided),
    ends: time(ends),
  };
}
