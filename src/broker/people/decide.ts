import type { AuditEvent } from '../../audit/contract.ts';
import type { ApprovalScope, Passkey } from '../../folder/policy/policy.ts';
import {
  challengeOf,
  type SignedDecision,
  type Statement,
  statementIn,
  statementText,
} from '../../foundation/approval-statement.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import { type Assertion, checkAssertion } from '../../foundation/passkey.ts';
import { narrower } from '../approvals/demand.ts';
import { type Approvals, eventOf } from '../approvals/gate.ts';
import { type Approval, isOwner, mayAnswer } from '../approvals/record.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { PageAddress } from './page-address.ts';
import type { Challenge, PageRequest, People } from './people.ts';
import type { Person } from './sessions.ts';
import { createTickets } from './tickets.ts';

/** What somebody decides: for less than was asked, where they say so, never for more. */
export interface Choice {
  readonly decision: 'approve' | 'deny';
  readonly scope?: ApprovalScope | undefined;
  readonly uses?: number | undefined;
  /** seconds */
  readonly lasts?: number | undefined;
}

export interface DecisionsOptions {
  readonly approvals: Approvals;
  readonly people: Pick<People, 'approver'>;
  readonly page: () => PageAddress | undefined;
  readonly record: (event: AuditEvent) => Promise<void>;
  readonly clock: BrokerClock;
}

/** A challenge, and what is signed by answering it. */
export interface DecisionChallenge extends Challenge {
  /** the text that is signed; its `digest` is that of the approval */
  readonly statement: string;
}

/** How a person answers an approval: what they sign is made first, and taken once. */
export interface Decisions {
  /** @throws BrokerRefusal not-allowed, approval-over */
  challenge(person: Person, id: string, choice: Choice): Promise<DecisionChallenge>;
  /** @throws BrokerRefusal not-authenticated, not-allowed, approval-over, passkey-counter */
  decide(asked: PageRequest, person: Person, id: string, ticket: string, assertion: Assertion): Promise<Approval>;
}

export function createDecisions({ approvals, people, page, record, clock }: DecisionsOptions): Decisions {
  const tickets = createTickets<{ readonly approver: string; readonly statement: string; readonly approval: Approval }>(
    clock,
  );

  async function answerable(
    person: Person,
    id: string,
    decision: Choice['decision'],
  ): Promise<Approval & { readonly passkeys: readonly Passkey[] }> {
    await approvals.sweep();
    const approval = await (await approvals.ledger()).find(id);
    const approver = person.approver === undefined ? undefined : people.approver(person.approver);
    if (approval === undefined || approver === undefined || !mayAnswer(approval).has(approver.name))
      throw new BrokerRefusal('not-allowed', { detail: `"${person.name}" may not answer it` });
    if (approval.state !== 'pending') throw new BrokerRefusal('approval-over', { detail: `it is ${approval.state}` });
    const own = approval.rules.some(({ by, self }) => by.includes(approver.name) && !self);
    if (decision === 'approve' && own && isOwner(approver, approval))
      throw new BrokerRefusal('not-allowed', {
        detail: `"${approver.name}" owns "${approval.agent}", or an agent whose run it is in`,
      });
    return { ...approval, passkeys: approver.passkeys };
  }

  return {
    async challenge(person, id, choice) {
      const here = page();
      const { passkeys, ...approval } = await answerable(person, id, choice.decision);
      if (here === undefined || person.approver === undefined || passkeys.length === 0)
        throw new BrokerRefusal('not-allowed', { detail: `"${person.name}" has no passkey` });
      const terms = chosen(approval, choice);
      const statement = statementText({
        approval: id,
        decision: choice.decision,
        approver: person.approver,
        ...terms,
        digest: approval.digest,
        origin: here.origin,
        asked: new Date(clock.now()).toISOString(),
      });
      return {
        ticket: tickets.put({ approver: person.approver, statement, approval }),
        statement,
        options: {
          challenge: challengeOf(statement).toString('base64url'),
          rpId: here.rpId,
          timeout: 120_000,
          userVerification: 'required',
          allowCredentials: passkeys.map((each) => ({ type: 'public-key', id: each.id })),
        },
      };
    },
    async decide(asked, person, id, ticket, assertion) {
      const found = tickets.take(ticket);
      const here = page();
      if (found === undefined || here === undefined || found.approver !== person.approver || found.approval.id !== id)
        throw new BrokerRefusal('not-authenticated', {
          detail: 'an answer that nobody asked for, or that took too long',
        });
      const { statement } = found;
      const said = statementIn(statement);
      if (said === undefined) throw new BrokerRefusal('internal');
      const { passkeys, ...approval } = await answerable(person, found.approval.id, said.decision);
      const passkey = passkeys.find(({ id }) => id === assertion.id);
      const checked =
        passkey === undefined
          ? ({ problem: 'credential' } as const)
          : checkAssertion(assertion, passkey, { ...here, challenge: challengeOf(statement) });
      const event = { ...eventOf(approval), ...asked, approver: said.approver };
      if ('problem' in checked || passkey === undefined) {
        const problem = 'problem' in checked ? checked.problem : 'credential';
        await record({
          ...event,
          action: 'authenticate',
          outcome: 'denied',
          code: 'not-authenticated',
          detail: `a passkey that is not taken: ${problem}`,
        });
        throw new BrokerRefusal('not-authenticated', { detail: problem });
      }
      const signed = signedBy(passkey, statement, approval.bound, here, assertion);
      const ledger = await approvals.ledger();
      const answer = {
        approver: said.approver,
        decision: said.decision,
        scope: said.scope,
        uses: said.uses,
        lasts: said.lasts,
      };
      const outcome = await ledger.answer(
        approval.id,
        answer,
        { credential: passkey.id, counter: checked.counter },
        async (after, tx) => {
          const approver = people.approver(said.approver);
          const owner = approver !== undefined && isOwner(approver, approval);
          if (owner && said.decision === 'approve') await approvals.tell(tx, 'approval.self-approved', after);
          // on the trail before it counts: what cannot be written down decides nothing
          await record({
            ...event,
            action: said.decision === 'approve' ? 'approval.approved' : 'approval.denied',
            outcome: 'allowed',
            detail: detailOf(passkey, after),
            signed,
          });
        },
      );
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

function detailOf({ software }: Passkey, { state }: Approval): string | undefined {
  const facts = [...(software ? ['software key'] : []), ...(state === 'pending' ? ['more must approve'] : [])];
  return facts.length === 0 ? undefined : facts.join(', ');
}

function signedBy(
  passkey: Passkey,
  statement: string,
  bound: string,
  { rpId }: PageAddress,
  assertion: Assertion,
): SignedDecision {
  const { id, algorithm, publicKey, software } = passkey;
  const { clientDataJSON, authenticatorData, signature } = assertion;
  return {
    statement,
    bound,
    rpId,
    credential: { id, algorithm, publicKey, ...(software && { software }) },
    clientDataJSON,
    authenticatorData,
    signature,
  };
}
