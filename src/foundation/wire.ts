import type { IncomingHttpHeaders } from 'node:http';

/**
 * What a broker and those who ask it say to each other over HTTP: codes, headers, paths and the forms of names, once for
 * the server, the client and the command.
 */

interface ProblemFacts {
  /** HTTP status */
  readonly status: number;
  /** one sentence for the agent's author: fixed, without anything of the request */
  readonly detail: string;
}

const ofTheBroker = {
  'not-authenticated': { status: 401, detail: 'The request holds no credential that is accepted here.' },
  'not-allowed': { status: 403, detail: 'Policy does not allow this agent to have it, or there is no such name.' },
  'reason-required': {
    status: 403,
    detail: 'Policy wants a reason from this agent: state it as X-Reason or "reason".',
  },
  'approval-required': {
    status: 403,
    detail: 'Policy wants a person to approve this first: wait for the approval that is named, then ask again.',
  },
  'approval-denied': {
    status: 403,
    detail: 'A person said no to it; the same may be asked for again after Retry-After.',
  },
  'approval-expired': { status: 403, detail: 'Nobody answered in time. That is no no: it may be asked for again.' },
  'approval-cancelled': { status: 403, detail: 'What was asked for was taken back before anybody answered.' },
  'approval-stale': {
    status: 403,
    detail: 'That approval is used up or over, or what it was for has changed since: ask again without it.',
  },
  'approval-over': { status: 409, detail: 'The approval does not wait for an answer any more.' },
  'approval-pending-limit': {
    status: 429,
    detail: 'As many approvals of this agent wait, or were just taken back, as people can look at.',
  },
  'passkey-counter': { status: 403, detail: 'The passkey may have been copied: its counter did not grow.' },
  restarting: { status: 503, detail: 'The broker is stopping. Nothing was decided: ask again at once.' },
  'rate-limited': { status: 429, detail: 'Too many requests: wait for as long as Retry-After says.' },
  'run-ended': { status: 401, detail: 'The agent run has ended: begin another.' },
  'run-required': { status: 403, detail: 'Policy wants a proven agent run: begin one at /v1/agent-runs.' },
  'run-too-deep': { status: 403, detail: 'Agent runs have at most five levels.' },
  'write-not-served': { status: 403, detail: 'This flow writes: begin a run of it, POST /v1/flows/{flow}/runs.' },
  'not-a-run': { status: 422, detail: 'This flow only reads: ask /v1/flows/{flow}.' },
  'no-such-run': { status: 404, detail: 'No run of this agent has this id.' },
  'run-over': { status: 409, detail: 'The run is over.' },
  'run-not-over': { status: 409, detail: 'The run goes on: wait for it with GET /v1/runs/{run}?wait=30.' },
  'no-output': { status: 410, detail: 'The run did not succeed, or the time in which it gives its output is over.' },
  'key-reused': { status: 422, detail: 'This Idempotency-Key began another run: take a new one.' },
  'runs-unavailable': { status: 503, detail: 'Runs cannot be kept at the moment: try again later.' },
  'not-a-token': { status: 422, detail: "This flow's output is not a token: ask /v1/flows/{flow}." },
  'ttl-exceeds-policy': { status: 403, detail: 'The token would live longer than policy allows this agent.' },
  'invalid-request': { status: 400, detail: 'The request is not what /openapi.json describes.' },
  'upstream-unavailable': { status: 503, detail: 'The service that gives it does not answer: try again later.' },
  'upstream-refused': {
    status: 502,
    detail: 'The service that gives it refused, or gave something unusable: ask the operator.',
  },
  'audit-unavailable': { status: 503, detail: 'The audit trail cannot be written, so nothing is given out.' },
  overloaded: { status: 503, detail: 'Too many requests are being answered: try again soon.' },
  internal: { status: 500, detail: 'A fault of this program: tell the operator the request id.' },
} as const satisfies Readonly<Record<string, ProblemFacts>>;

const ofTheSurface = {
  'origin-refused': { status: 403, detail: 'Requests of web pages are refused.' },
  'not-found': { status: 404, detail: 'There is no such route: /openapi.json lists them.' },
  'method-not-allowed': { status: 405, detail: 'The route does not take this method: Allow lists those that it does.' },
  'request-timeout': { status: 408, detail: 'The request did not arrive within its deadline.' },
  'too-large': { status: 413, detail: 'The request body is too large: most have at most 64 KiB.' },
  'unsupported-media-type': { status: 415, detail: 'A request body is application/json, not encoded.' },
  'expectation-failed': { status: 417, detail: 'No expectation but 100-continue is met.' },
  misdirected: { status: 421, detail: 'The Host header names another server than this.' },
  'headers-too-large': { status: 431, detail: 'Request headers have at most 16 KiB.' },
} as const satisfies Readonly<Record<string, ProblemFacts>>;

/** Stable codes of an agent's refusals: it sees this, a logical name and the request id, and nothing of other services. */
export type RefusalCode = keyof typeof ofTheBroker;
/** Those, and what the HTTP surface itself refuses, before or instead of the broker. */
export type ProblemCode = RefusalCode | keyof typeof ofTheSurface;

/** Every refusal and failure that an agent can be told, by its stable code. */
export const problems: Readonly<Record<ProblemCode, ProblemFacts>> = { ...ofTheBroker, ...ofTheSurface };

/** The media type of a problem (RFC 9457). */
export const problemType = 'application/problem+json';

/** Headers of our own. */
export const headerNames = {
  /** of an answer: the request's id on the audit trail */
  request: 'X-Request-Id',
  /** must name the agent that the credential proves */
  agent: 'X-Agent-Id',
  /** which run of the agent asks: recorded as claimed */
  run: 'X-Agent-Run-Id',
  /** why it asks: recorded as stated */
  reason: 'X-Reason',
  /** approvals that were given, for what needs them */
  approval: 'Approval-Id',
  /** the same key of an agent is the same run, however often it is sent */
  key: 'Idempotency-Key',
} as const;

/** As they are called in a message that came in. */
const incoming = Object.fromEntries(
  Object.entries(headerNames).map(([name, header]) => [name, header.toLowerCase()]),
) as Readonly<Record<keyof typeof headerNames, string>>;

/** One of our headers in a message that came in. */
export function headerOf(headers: IncomingHttpHeaders, name: keyof typeof headerNames): string | string[] | undefined {
  return headers[incoming[name]];
}

/** What agents ask for, as OpenAPI writes paths. */
export const paths = {
  secrets: '/v1/secrets/resolve',
  token: '/v1/tokens/{flow}',
  rejected: '/v1/tokens/{flow}/rejected',
  flow: '/v1/flows/{flow}',
  flows: '/v1/flows',
  hook: '/v1/hook',
  access: '/v1/access',
  agentRuns: '/v1/agent-runs',
  agentRunHeartbeat: '/v1/agent-runs/{run}/heartbeat',
  agentRunFinish: '/v1/agent-runs/{run}/finish',
  approval: '/v1/approvals/{id}',
  cancelApproval: '/v1/approvals/{id}/cancel',
  plan: '/v1/flows/{flow}/plan',
  runs: '/v1/flows/{flow}/runs',
  run: '/v1/runs/{run}',
  runOutput: '/v1/runs/{run}/output',
  cancelRun: '/v1/runs/{run}/cancel',
  mcp: '/mcp',
} as const;

/** What the operator's command asks for, at a broker that runs. */
export const operatorPaths = {
  overview: '/v1/operator/overview',
  agentRuns: '/v1/operator/agent-runs',
  agentRun: '/v1/operator/agent-runs/{run}',
  endAgentRun: '/v1/operator/agent-runs/{run}/end',
  approvals: '/v1/operator/approvals',
  approval: '/v1/operator/approvals/{id}',
  denyApproval: '/v1/operator/approvals/{id}/deny',
  runs: '/v1/operator/runs',
  run: '/v1/operator/runs/{run}',
  cancelRun: '/v1/operator/runs/{run}/cancel',
  resumeRun: '/v1/operator/runs/{run}/resume',
} as const;

/** What the page asks for, in the name of a person. */
export const pagePrefix = '/v1/page/';
export const pagePaths = {
  enrolOptions: '/v1/page/enrol-options',
  enrol: '/v1/page/enrol',
  loginOptions: '/v1/page/login-options',
  authorize: '/v1/page/authorize',
  login: '/v1/page/login',
  logout: '/v1/page/logout',
  person: '/v1/page/person',
  approvals: '/v1/page/approvals',
  approval: '/v1/page/approvals/{id}',
  challenge: '/v1/page/approvals/{id}/challenge',
  decision: '/v1/page/approvals/{id}/decision',
  reveals: '/v1/page/break-glass',
  revealChallenge: '/v1/page/break-glass/{flow}/challenge',
  reveal: '/v1/page/break-glass/{flow}/reveal',
  events: '/v1/page/events',
  overview: '/v1/page/overview',
  policy: '/v1/page/policy',
  trail: '/v1/page/trail',
  agentRuns: '/v1/page/agent-runs',
  agentRun: '/v1/page/agent-runs/{run}',
  runs: '/v1/page/runs',
  run: '/v1/page/runs/{run}',
} as const;

/** A path with a name in it. @param name of the form of names, so that nothing of it needs to be encoded */
export function pathOf(path: `${string}{${string}}${string}`, name: string): string {
  return path.replace(/\{\w+\}/, () => name);
}

/** Where an approval is; a yes may have been used up, run out, or been taken back: the last three. */
export const approvalStates = [
  'pending',
  'approved',
  'denied',
  'expired',
  'cancelled',
  'used',
  'lapsed',
  'revoked',
] as const;
export type ApprovalState = (typeof approvalStates)[number];
/** Where a run of a flow is. The last four are its end; a person may resume all of those but `succeeded`. */
export const runStates = [
  'planned',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
  'outcome-unknown',
] as const;
export type RunState = (typeof runStates)[number];
/** How an agent run ended: as it says itself; ended from above or by the operator; its time was over; nobody heard of it. */
export const agentRunOutcomes = ['succeeded', 'failed', 'cancelled', 'expired', 'lost'] as const;
export type AgentRunOutcome = (typeof agentRunOutcomes)[number];

/** Letters, digits and what stands between them: what no file could name needs no answer from policy. */
export const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
/** of `Idempotency-Key` */
export const keyForm = /^[\x21-\x7e]{1,128}$/;
/** of `X-Agent-Run-Id` */
export const runForm = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
/** The form of an approval's id. */
export const approvalForm = /^a-[0-9a-f]{18}$/;
/** Seconds that a request is held back at most, for an approval. */
export const longestWait = 60;
/** Bytes of a request's body. */
export const largestBody = 65_536;
/** Characters of a reason, in the body or as `X-Reason`. */
export const longestReason = 200;

/**
 * What `hook:` of policy.yaml says of the tools of agents, besides what is refused anyway: `.env` and its like, the CLIs of
 * vaults, `printenv`.
 */
export interface HookRules {
  /** files that are not read, as globs: of a name, or of the end of a path where they have a `/` */
  readonly files: readonly string[];
  /** commands that are not run, by their words */
  readonly commands: readonly string[];
  /** files and commands that are let through all the same, in the same forms */
  readonly allow: readonly string[];
}
