import type { Approver } from '../../folder/policy/policy.ts';
import { type Statement, statementIn, statementText } from '../../foundation/approval-statement.ts';
import type { OnceCheckOptions } from '../authentication/once-token.ts';
import { BrokerRefusal } from '../refusal.ts';
import { createIssuerProof } from './issuer-proof.ts';
import { type PageAddress, requirePage } from './page-address.ts';
import { passkeyProof } from './passkey-proof.ts';
import type { ProofGiven, ProofKind, ProofWanted, Proven } from './proof.ts';
import type { Person } from './sessions.ts';
import type { SignIns } from './sign-ins.ts';
import { createTickets } from './tickets.ts';

export interface StatementsOptions {
  readonly signIns: SignIns;
  readonly page: () => PageAddress | undefined;
  /** by what challenges are made, and where it is kept which were used */
  readonly challenges: OnceCheckOptions;
}

/** What proves a statement, and what it says. */
export interface StatementChallenge {
  /** sent back with the proof; good once: for two minutes, or ten where a person signs in */
  readonly ticket: string;
  /** the text that is signed */
  readonly statement: string;
  readonly wanted: ProofWanted;
}

/** A statement that came back. */
export interface Answered<T> {
  readonly about: T;
  readonly said: Statement;
  /** @param approver as policy has them now @param bound what the statement has the digest of */
  prove(given: ProofGiven, approver: Approver, bound: string): Promise<Proven | { readonly problem: string }>;
}

type Facts = Omit<Parameters<typeof statementText>[0], 'approver' | 'origin' | 'asked'>;

/** Statements of people: what they sign is made first, and taken once. */
export interface Statements<T> {
  /** Seconds that somebody gets to prove one. @throws BrokerRefusal not-allowed where nothing proves them */
  patience(person: Person): number;
  /** @param about JSON, kept with the challenge @throws BrokerRefusal not-allowed; FlowError where an issuer does not answer */
  ask(person: Person, approver: Approver, facts: Facts, about: T): Promise<StatementChallenge>;
  /** @throws BrokerRefusal not-authenticated for what nobody asked of this person, or that took too long; FlowError */
  take(person: Person, ticket: string): Promise<Answered<T>>;
}

interface Pending<T> extends Pick<Person, 'by' | 'place'> {
  readonly statement: string;
  readonly about: T;
}

/** @param purpose what they are about: a challenge for one thing is none for another */
export function createStatements<T>(purpose: string, options: StatementsOptions): Statements<T> {
  const { signIns, page, challenges } = options;
  const here = () => requirePage(page());
  const tickets = createTickets<Pending<T>>(purpose, challenges);
  /** A person proves a statement by what they signed in with; who only looks has nothing to prove it by. */
  const proofs: Readonly<Partial<Record<Person['by'], ProofKind>>> = {
    passkey: passkeyProof,
    oidc: createIssuerProof(signIns, challenges.now),
  };

  function proofOf({ by, name }: Pick<Person, 'by' | 'name'>): ProofKind {
    const proof = proofs[by];
    if (proof === undefined) throw nothingProves(name);
    return proof;
  }

  return {
    patience: (person) => proofOf(person).patience / 1_000,
    async ask(person, approver, facts, about) {
      const [proof, at] = [proofOf(person), here()];
      const asked = new Date(challenges.now()).toISOString();
      const statement = statementText({ ...facts, approver: approver.name, origin: at.origin, asked });
      const { by, place } = person;
      const { ticket, derive } = tickets.issue({ by, place, statement, about }, proof.patience);
      const wanted = await proof.ask({ approver, statement, here: at, place, derive });
      if (wanted === undefined) throw nothingProves(person.name);
      return { ticket, statement, wanted };
    },
    async take(person, ticket) {
      const found = await tickets.take(ticket);
      const said = found === undefined ? undefined : statementIn(found.what.statement);
      if (found === undefined || said === undefined || said.approver !== person.approver)
        throw new BrokerRefusal('not-authenticated', {
          detail: 'an answer that nobody asked for, or that took too long',
        });
      const { by, place, statement, about } = found.what;
      const proof = proofOf({ by, name: person.name });
      return {
        about,
        said,
        prove: (given, approver, bound) =>
          proof.prove(given, { approver, statement, here: here(), place, derive: found.derive }, bound),
      };
    },
  };
}

function nothingProves(name: string): BrokerRefusal {
  return new BrokerRefusal('not-allowed', { detail: `nothing proves a statement of "${name}"` });
}
