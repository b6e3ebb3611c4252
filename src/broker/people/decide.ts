import type { AuditEvent } from '../../audit/contract.ts';
import type { ApprovalScope, Approver } from '../../folder/policy/policy.ts';
import type { Statement } from '../../foundation/approval-statement.ts';
import { narrower } from '../approvals/demand.ts';
import { type Approvals, eventOf } from '../approvals/gate.ts';
import { type Approval, hasSaid, isOwner, mayAnswer } from '../approvals/approval.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { PageRequest, People } from './people.ts';
import type { ProofGiven } from './proof.ts';
import { refusedOnTrail } from './refusal-on-trail.ts';
import type { Person } from './sessions.ts';
import { createStatements, type StatementChallenge, type StatementsOptions } from './statements.ts';

/** What somebody decides: for less than was asked, where they say so, never for more. */
export interface Choice {
  readonly decision: 'approve' | 'deny';
  readonly scope?: ApprovalScope | undefined;
  readonly uses?: number | undefined;
  /** seconds */
  readonly lasts?: number | undefined;
}

export interface DecisionsOptions extends StatementsOptions {
  readonly approvals: Approvals;
  readonly people: Pick<People, 'approver'>;
  readonly record: (event: AuditEvent) => Promise<void>;
}

/** How a person answers an approval: what they sign is made first, and taken once. */
export interface Decisions {
  /**
   * The `digest` of the statement is that of the approval.
   * @throws BrokerRefusal not-allowed, approval-over; FlowError where an issuer does not answer
   */
  challenge(person: Person, id: string, choice: Choice): Promise<StatementChallenge>;
  /** @throws BrokerRefusal not-authenticated, not-allowed, approval-over, passkey-counter; FlowError */
  decide(asked: PageRequest, person: Person, id: string, ticket: string, given: ProofGiven): Promise<Approval>;
}

export function createDecisions(options: DecisionsOptions): Decisions {
  const { approvals, people, record } = options;
  const statements = createStatements<{ readonly approval: string }>('decision', options);

  async function answerable(
    person: Person,
    id: string,
    decision: Choice['decision'],
  ): Promise<{ readonly approval: Approval; readonly approver: Approver }> {
    await approvals.sweep();
    const approval = await (await approvals.ledger()).find(id);
    const approver = person.approver === undefined ? undefined : people.approver(person.approver);
    if (approval === undefined || approver === undefined || !mayAnswer(approval).has(approver.name))
      throw new BrokerRefusal('not-allowed', { detail: `"${person.name}" may not answer it` });
    if (approval.state !== 'pending' && !hasSaid(approval, { approver: approver.name, decision }))
      throw new BrokerRefusal('approval-over', { detail: `it is ${approval.state}` });
    const own = approval.rules.some(({ by, self }) => by.includes(approver.name) && !self);
    if (decision === 'approve' && own && isOwner(approver, approval))
      throw new BrokerRefusal('not-allowed', {
        detail: `"${approver.name}" owns "${approval.agent}", or an agent whose run it is in`,
      });
    return { approval, approver };
  }

  /** That it was somebody else's, of something else, or used, is on the trail: whoever is signed in may have taken it from them. */
  function taken(asked: PageRequest, person: Person, id: string, ticket: string) {
    const { name: agent, approver } = person;
    const event = { ...asked, agent, approver, approval: id, what: [], action: 'authenticate' } as const;
    return refusedOnTrail(record, event, async () => {
      const { about, said, prove } = await statements.take(person, ticket);
      if (about.approval !== id || said.decision === 'reveal')
        throw new BrokerRefusal('not-authenticated', { detail: 'an answer to something else' });
      return { said: { ...said, decision: said.decision }, prove };
    });
  }

  return {
    async challenge(person, id, choice) {
      const { approval, approver } = await answerable(person, id, choice.decision);
      const facts = { approval: id, decision: choice.decision, ...chosen(approval, choice), digest: approval.digest };
      return statements.ask(person, approver, facts, { approval: id });
    },
    async decide(asked, person, id, ticket, given) {
      const { said, prove } = await taken(asked, person, id, ticket);
      const { approval, approver } = await answerable(person, id, said.decision);
      const proven = await prove(given, approver, approval.bound);
      const event = { ...eventOf(approval), ...asked, approver: said.approver };
      if ('problem' in proven) {
        const detail = proven.problem;
        await record({ ...event, action: 'authenticate', outcome: 'denied', code: 'not-authenticated', detail });
        throw new BrokerRefusal('not-authenticated', { detail });
      }
      const { by, signed, counter } = proven;
      const ledger = await approvals.ledger();
      const { decision, scope, uses, lasts } = said;
      const answer = { approver: said.approver, decision, scope, uses, lasts, by };
      const outcome = await ledger.answer(id, answer, counter, async (after, tx) => {
        // as policy is now: the proof was waited for
        const owner = isOwner(people.approver(said.approver) ?? approver, approval);
        if (owner && decision === 'approve') await approvals.tell(tx, 'approval.self-approved', after);
        // on the trail before it counts: what cannot be written down decides nothing
        await record({
          ...event,
          action: decision === 'approve' ? 'approval.approved' : 'approval.denied',
          outcome: 'allowed',
          detail: detailOf(proven.detail, after),
          signed,
        });
      });
      if (outcome.result === 'counter') {
        await record({
          ...event,
          action: 'approval.counter',
          outcome: 'denied',
          code: 'passkey-counter',
          detail: 'the counter of the passkey did not grow: it may have been copied',
          signed,
        });
        throw new BrokerRefusal('passkey-counter');
      }
      if (outcome.result === 'over')
        throw new BrokerRefusal('approval-over', { detail: `it is ${outcome.approval.state}` });
      return outcome.approval;
    },
  };
}

function chosen(
  approval: Approval,
  { scope = approval.scope, uses, lasts = approval.lasts }: Choice,
): Pick<Statement, 'scope' | 'uses' | 'lasts'> {
  const most = approval.uses ?? Infinity;
  const wanted = scope === 'call' ? 1 : (uses ?? most);
  if (narrower(scope, approval.scope) !== scope || lasts > approval.lasts || wanted > most)
    throw new BrokerRefusal('invalid-request', { detail: 'more than was asked for' });
  return { scope, uses: wanted === Infinity ? null : wanted, lasts };
}

function detailOf(proof: string | undefined, { state }: Approval): string | undefined {
  const facts = [proof, state === 'pending' ? 'more must approve' : undefined].filter((fact) => fact !== undefined);
  return facts.length === 0 ? undefined : facts.join(', ');
}
