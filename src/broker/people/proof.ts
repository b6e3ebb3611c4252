import type { Approver } from '../../folder/policy/policy.ts';
import type { SignedDecision } from '../../foundation/approval-statement.ts';
import type { Assertion } from '../../foundation/passkey.ts';
import type { PageAddress } from './page-address.ts';
import type { Person } from './sessions.ts';

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
  readonly counter?: { readonly credential: string; readonly counter: number } | undefined;
}

/** A proof that was asked for. */
export interface AskedProof {
  readonly wanted: ProofWanted;
  /** milliseconds that a person gets for it */
  readonly patience: number;
  /**
   * @param approver as policy has them now, who may have lost what would prove them
   * @returns for the trail, why it proves nothing
   * @throws FlowError where nobody can tell now
   */
  prove(given: ProofGiven, approver: Approver, bound: string): Promise<Proven | { readonly problem: string }>;
}

/**
 * A way to prove that a statement is somebody's.
 * @returns undefined where policy has nothing by which it would prove this person
 * @throws FlowError
 */
export type ProofKind = (
  approver: Approver,
  statement: string,
  here: PageAddress,
  person: Person,
) => Promise<AskedProof | undefined>;
