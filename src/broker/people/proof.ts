import type { PasskeyCounter } from '../approvals/ledger.ts';
import type { Approver } from '../../folder/policy/policy.ts';
import type { SignedDecision } from '../../foundation/approval-statement.ts';
import type { Assertion } from '../../foundation/passkey.ts';
import type { PageAddress } from './page-address.ts';
import type { SignInPlace } from './sign-ins.ts';
import type { Derive } from './tickets.ts';

/** What the page does next: asks for a passkey, or leaves for where the person signs in. */
export type ProofWanted =
  | {
      /** for `PublicKeyCredential.parseRequestOptionsFromJSON` */
      readonly options: Readonly<Record<string, unknown>>;
    }
  | {
      /** an address of the issuer */
      readonly authorize: string;
    };

/** What it comes back with: what the passkey signed, or the query of the address that the issuer sent it to. */
export type ProofGiven = { readonly assertion: Assertion } | { readonly callback: string };

/** That a statement is the approver's, in a form that can be checked later. */
export interface Proven {
  readonly by: 'passkey' | 'oidc';
  readonly signed: SignedDecision;
  /** for the trail */
  readonly detail: string | undefined;
  /** of a passkey: its counter must have grown */
  readonly counter?: PasskeyCounter | undefined;
}

/** A statement, and who is to prove that it is theirs. */
export interface ToProve {
  /** as policy has them now, who may have lost what would prove them */
  readonly approver: Approver;
  readonly statement: string;
  readonly here: PageAddress;
  /** where they signed in, if it was at an issuer */
  readonly place: SignInPlace | undefined;
  /** what only this one proof is asked with */
  readonly derive: Derive;
}

/** A way to prove that a statement is somebody's. */
export interface ProofKind {
  /** milliseconds that a person gets for it */
  readonly patience: number;
  /** @returns undefined where policy has nothing by which it would prove this person @throws FlowError */
  ask(wanted: ToProve): Promise<ProofWanted | undefined>;
  /**
   * @param bound canonical JSON of what the statement has the digest of
   * @returns for the trail, why it proves nothing
   * @throws FlowError where nobody can tell now
   */
  prove(given: ProofGiven, wanted: ToProve, bound: string): Promise<Proven | { readonly problem: string }>;
}
