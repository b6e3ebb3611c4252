import type { SignedDecision } from '../foundation/approval-statement.ts';
import type { SignedEvidence } from '../foundation/drill-evidence.ts';

/** One line of the audit trail. It never holds a value, or the hash of one. */
export interface AuditEvent {
  /** proven identity, `local:<user>` for the command, `unknown` where nothing was proven */
  readonly agent: string;
  readonly action: AuditAction;
  /** logical names or the flow; references only for the local command */
  readonly what: readonly string[];
  /** where its client asked by a path of its own, as Vault's clients do: that path */
  readonly path?: string | undefined;
  readonly outcome: 'allowed' | 'denied' | 'failed';
  /** stable code of a refusal or failure */
  readonly code?: string | undefined;
  /** where the value came from */
  readonly source?: 'cache' | 'vault' | 'issuer' | 'api' | undefined;
  /** the policy rule that decided */
  readonly rule?: string | undefined;
  /** id of the approval that it was given by; of what was revealed, its own */
  readonly approval?: string | undefined;
  /** `jti` of the tokens that it got or used: what the log of an API has */
  readonly jti?: readonly string[] | undefined;
  /** who answered, by the name in policy.yaml */
  readonly approver?: string | undefined;
  /** the answer as it was signed: it can be checked without the broker */
  readonly signed?: SignedDecision | undefined;
  /** what a drill found, signed: it can be checked without the broker and the vault */
  readonly evidence?: SignedEvidence | undefined;
  /** id of the request, as `X-Request-Id` says it */
  readonly request: string;
  /** the agent run that asked, proven */
  readonly agentRun?: string | undefined;
  /** `X-Agent-Run-Id`: claimed by the agent, not proven */
  readonly run?: string | undefined;
  /** stated by the agent, or by the person at the terminal, at most 200 characters */
  readonly reason?: string | undefined;
  /** what an operator should know besides, in our own words: never text of another service */
  readonly detail?: string | undefined;
  /** peer address, or `socket` */
  readonly address?: string | undefined;
}

export type AuditAction =
  | 'secrets.resolve'
  /** an agent asked which names it may have */
  | 'secrets.list'
  | 'token.issue'
  | 'token.rejected'
  /** a run of a flow that only reads was let begin; it is over, with what came of it */
  | 'flow.started'
  | 'flow.run'
  | 'flows.list'
  /** what watches an agent's tools asked whether a text holds what the agent was given */
  | 'hook.inspect'
  /** a message of an MCP client that was refused before anything was asked for */
  | 'mcp.message'
  /** a request of a Vault client that was refused before anything was asked for */
  | 'vault.request'
  /** items of a vault by their paths: which there are, one's fields, a change of one or a new one, its end */
  | 'items.list'
  | 'item.read'
  | 'item.written'
  | 'item.deleted'
  /** an answer was kept for whoever brings the token in its place; it was given to one who did */
  | 'vault.wrapped'
  | 'vault.unwrapped'
  /** an agent asked whether it could have something */
  | 'access.checked'
  | 'authenticate'
  /** the operator looked at the broker */
  | 'operator.look'
  | 'agent-run.started'
  | 'agent-run.heartbeat'
  /** with its outcome; those below it were ended with it */
  | 'agent-run.finished'
  /** what a person must approve: asked for, answered, used, or over without any of it */
  | 'approval.opened'
  | 'approval.approved'
  | 'approval.denied'
  | 'approval.expired'
  | 'approval.cancelled'
  | 'approval.redeemed'
  | 'approval.lapsed'
  | 'approval.revoked'
  /** a passkey's counter did not grow: it may have been copied */
  | 'approval.counter'
  /** an agent looks at its own approval */
  | 'approval.look'
  /** who runs a flow at a terminal answered what a step of it asks people: a yes is `allowed` */
  | 'local.answer'
  /** a person got another passkey, or signed in */
  | 'approver.key-added'
  /** a broker found other passkeys in policy.yaml than it last told of, however they came there */
  | 'approver.keys-changed'
  | 'approver.signed-in'
  /** a flow that writes was planned, begun, ended; its run was looked at, its output given, its end asked for, gone on with */
  | 'run.planned'
  | 'run.started'
  | 'run.finished'
  | 'run.read'
  | 'run.output'
  | 'run.cancelled'
  | 'run.resumed'
  /** a tick of a schedule was missed */
  | 'schedule.missed'
  /** a channel did not tell people what they were to be told */
  | 'notify.failed'
  /** a drill is over: allowed, it held; failed, one of its links is broken */
  | 'drill.finished'
  /** the page showed a person what a break-glass flow gives */
  | 'break-glass.revealed'
  /** what a break-glass use owed is done */
  | 'break-glass.closed'
  | 'policy.reload'
  | 'vault.quota'
  | 'local.run'
  | 'local.read'
  /** values for a program, which is named by `program:` and its name alone */
  | 'local.exec'
  /** a write that a crash or a power cut ended early was found at the end of the trail, and moved aside */
  | 'audit.torn'
  /** the trail could not be written for a while, and nothing was given out */
  | 'audit.recovered'
  | 'start'
  | 'stop';

/** An append-only trail: JSON lines, chained by an HMAC. */
export interface AuditTrail {
  /**
   * Resolves when the event is on disk; one that says little more than what is there already resolves when the system has it, so
   * that no end of this process loses it, and is on disk within 50 ms.
   * @throws FlowError unavailable where it cannot be written: nothing is given out then
   */
  record(event: AuditEvent, weight?: 'repeat'): Promise<void>;
  /** the trail can be written */
  readonly healthy: () => boolean;
  /** Writes the last checkpoint and lets the file go. */
  close(): Promise<void>;
}
