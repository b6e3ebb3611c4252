import type { FlowError } from '../../foundation/errors.ts';

/** What people are told of. */
export type NoticeType =
  /** something waits for a yes */
  | 'approval.opened'
  /** an owner of the agent approved by themselves */
  | 'approval.self-approved'
  /** the passkeys that prove somebody are not what they were */
  | 'approver.keys-changed'
  /** a flow that is for break-glass is being run */
  | 'break-glass.run'
  /** its account is only being tried: told so that the way by which people are told is tried too */
  | 'break-glass.drill';

/** What is told, as whoever tells it has it. */
export interface NoticeFacts {
  readonly type: NoticeType;
  readonly environment: string;
  /** proven: an agent of policy.yaml, or `local:<user>`; of changed passkeys, whose they are */
  readonly agent: string;
  /** logical names, or the flow; of changed passkeys, what changed */
  readonly names: readonly string[];
  /** id of the approval */
  readonly approval?: string | undefined;
  /** id of the run of a flow */
  readonly run?: string | undefined;
  /** the agent run, proven */
  readonly agentRun?: string | undefined;
  /** epoch milliseconds: nothing is left to answer after it */
  readonly expires?: number | undefined;
  /** where a person looks; opening it decides nothing */
  readonly url?: string | undefined;
  /** what the agent says of itself: always shown as claimed */
  readonly claimed?: { readonly reason?: string | undefined; readonly run?: string | undefined } | undefined;
}

/** What a person is told: names and a link, never a value. Its texts are safe to show on a line, and bounded. */
export interface Notice extends NoticeFacts {
  /** `n-` and 24 hex digits: the same over every attempt, so that whoever gets it twice can tell */
  readonly id: string;
  /** when it happened, epoch milliseconds */
  readonly at: number;
  /** names that are left out of {@link NoticeFacts.names}, which has 20 at most */
  readonly more: number;
}

/** A way by which people are told. Adapters are factory functions; every call has a deadline. */
export interface Channel {
  /**
   * Tells it, once. Safe to repeat.
   * @throws FlowError what is wrong, without an address or a secret; `retryAfter` where the service says when
   */
  send(notice: Notice, signal?: AbortSignal): Promise<void>;
  /**
   * Whether a notice would arrive, as far as that is known without telling anybody anything.
   * @returns what was found, for a person
   * @throws FlowError
   */
  probe(): Promise<string>;
}

/** A channel that did not take a notice. */
export interface NotTold {
  readonly channel: string;
  readonly notice: Notice;
  readonly error: FlowError;
}
