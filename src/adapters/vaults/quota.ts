import type { ErrorCode } from '../../foundation/errors.ts';

/** Requests that a vault service takes, in any 60 minutes and in any 24 hours. */
export interface QuotaLimits {
  /** reads in an hour, for each token */
  readonly hour: number;
  /** writes in an hour, for each token */
  readonly hourWrites: number;
  /** reads and writes in a day, for all tokens of the account together */
  readonly day: number;
}

/** the share of each limit that is kept for break-glass flows, where nothing else is said */
export const defaultReserve = 0.1;

/** What an entry of `vault:` in service.yaml may ask of its service. */
export interface QuotaSettings extends QuotaLimits {
  /** share of each limit that is kept for break-glass flows, 0–1 */
  readonly reserve: number;
}

/** Whose quota it is. Both are hashes: they tell two apart, and nothing more. */
export interface QuotaIdentity {
  readonly token: string;
  readonly account: string;
}

/** Whose a vault's requests are, and how many it takes. */
export interface VaultQuota {
  /** asked before each call; undefined: nothing is known of it, and nothing counted */
  readonly identity: () => Promise<QuotaIdentity | undefined>;
  /** whether another token is there by now: then the next call is that one's; absent: it cannot be told */
  readonly renewed?: () => Promise<boolean>;
  /** undefined: none are known, and only failures are minded */
  readonly limits: QuotaLimits | undefined;
  /** share of each limit that is kept for break-glass flows, 0–1 */
  readonly reserve: number;
  /** requests that a process's first call makes before anything else, and items that one request takes */
  readonly cost: { readonly signIn: number; readonly batch: number };
}

/** What this machine has used of a quota, as the ledger has it now. */
export interface QuotaState {
  readonly used: QuotaLimits;
  /** undefined: none is known */
  readonly limits: QuotaLimits | undefined;
  /** share of each limit, 0–1 */
  readonly reserve: number;
  readonly circuit: 'closed' | 'open' | 'half-open';
}

/** {@link QuotaState} of one entry of `vault:` in service.yaml. */
export interface EntryQuota extends QuotaState {
  /** which one, from 1: who reads metrics learns no address of a vault */
  readonly entry: number;
}

/** A change of what a vault may be asked, for the audit trail and the log. */
export interface QuotaEvent {
  readonly vault: string;
  /** open: it failed and is left alone · closed: it answers again · exhausted: only break-glass flows may ask · available */
  readonly state: 'open' | 'closed' | 'exhausted' | 'available';
  /** why it is open */
  readonly code?: ErrorCode | undefined;
  /** seconds */
  readonly retryAfter?: number | undefined;
}
