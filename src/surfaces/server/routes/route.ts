import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { AuditAction } from '../../../audit/contract.ts';
import type { AgentRuns } from '../../../broker/agent-runs/agent-runs.ts';
import type { RunningBroker } from '../../../broker/broker.ts';
import type { Broker, Caller } from '../../../broker/contract.ts';
import type { Approvals } from '../../../broker/approvals/gate.ts';
import type { Decisions } from '../../../broker/people/decide.ts';
import type { PageAddress } from '../../../broker/people/page-address.ts';
import type { Reveals } from '../../../broker/people/reveal.ts';
import type { Sights } from '../../../broker/people/sights.ts';
import type { PageRequest, People } from '../../../broker/people/people.ts';
import type { Person } from '../../../broker/people/sessions.ts';
import type { Answer } from '../http-answers.ts';
import { isReason } from '../request-claims.ts';
import { longestReason, nameForm, type ProblemCode } from '../../../foundation/wire.ts';

const counts = z.record(z.string(), z.number().int());
export const overview = z.strictObject({
  environment: z.string(),
  policy: z.string().describe('revision of policy and registry in force'),
  checks: z.record(z.string(), z.boolean()).describe('as /readyz has them'),
  wrong: z.array(z.string()).describe('where files of the folder are wrong: what they said before is served'),
  refusals: counts.describe('since the start, by code'),
  failures: counts.describe('of services, since the start, by code'),
  requests: counts.describe('to services, since the start'),
});
/** How a broker is, for the operator. */
export type Overview = z.infer<typeof overview>;

/** What the page asks for, and who its people are. */
export interface PageServing {
  readonly people: People;
  readonly decisions: Decisions;
  readonly reveals: Reveals;
  readonly approvals: Approvals;
  readonly sights: Sights;
  readonly overview: () => Promise<Overview>;
  /** undefined: the broker keeps none */
  readonly agentRuns: Pick<AgentRuns, 'ledger'> | undefined;
  readonly runs: RunningBroker['runsSeen'];
  /** where it is; undefined until the server listens */
  readonly at: () => PageAddress | undefined;
}

/** What answers may need besides the broker. */
export interface Serving {
  readonly broker: Broker;
  /** undefined: it keeps none */
  readonly agentRuns?: AgentRuns | undefined;
  /** the checks of readiness, by name */
  readonly ready: () => Readonly<Record<string, boolean>>;
  /** where the folder's files are wrong, `file:line:column` */
  readonly wrong?: (() => readonly string[]) | undefined;
  readonly overview: () => Promise<Overview>;
  /** undefined: no page is served */
  readonly page?: PageServing | undefined;
  /** undefined: nothing can be approved */
  readonly approvals?: Approvals | undefined;
  /** undefined: MCP clients are not answered */
  readonly mcp?: McpServing | undefined;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  readonly openapi: () => Answer;
}

/** Answers a message of an MCP client. */
export type McpServing = (call: Pick<Call, 'body' | 'headers' | 'gone'>, caller: Caller) => Promise<Answer>;

/** A request whose form has been checked. */
export interface Call<B = unknown, Q = unknown> {
  readonly serving: Serving;
  /** what stands in the path for `{name}`, each of the form of names */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly headers: IncomingHttpHeaders;
  /** The key that the request proves besides (RFC 9449), which its next token may be bound to: the thumbprint. */
  readonly provenKey: () => Promise<string | undefined>;
  /** aborts where the sender goes away */
  readonly gone: () => AbortSignal;
}

interface Common {
  readonly method: 'GET' | 'POST';
  /** as OpenAPI writes it */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** what a success holds; a string: its media type */
  readonly answer: z.ZodType | string;
  /** of a success, default 200 */
  readonly status?: 200 | 202;
  /** problems besides those of every route */
  readonly problems: readonly ProblemCode[];
}

/** For everyone. */
export interface OpenRoute extends Common {
  readonly access: 'open';
  /** what a 503 holds */
  readonly unready?: z.ZodType;
  handle(serving: Serving): Promise<Answer>;
}

/** For those who prove who they are: an agent, or the operator by a claim that the command signs. */
export interface ProvenRoute<B = unknown, Q = unknown> extends Common {
  readonly access: 'agent' | 'operator';
  /** how the trail names it */
  readonly action: AuditAction;
  readonly body?: {
    readonly schema: z.ZodType<B>;
    readonly required: boolean;
    /** bytes, default 64 KiB */
    readonly largest?: number;
  };
  /** takes an Idempotency-Key */
  readonly takesKey?: boolean;
  /** absent: a query is refused */
  readonly query?: z.ZodType<Q>;
  handle(call: Call<B, Q>, caller: Caller): Promise<Answer>;
}

/** For the page, by itself or in the name of a person who is signed in. */
export interface PageRoute<B = unknown, Q = unknown> extends Common {
  readonly access: 'page' | 'person';
  readonly body?: ProvenRoute<B, Q>['body'];
  readonly query?: z.ZodType<Q>;
  /** @param person undefined where nobody need be signed in */
  handle(call: PageCall<B, Q>, person: Person): Promise<Answer>;
}

/** A request of the page. */
export interface PageCall<B, Q> extends Omit<Call<B, Q>, 'serving' | 'provenKey'> {
  readonly page: PageServing;
  readonly asked: PageRequest;
}

export type Route = OpenRoute | ProvenRoute | PageRoute;

/** A route for agents, with the types of its own body and query. */
export function agentRoute<B, Q>(route: Omit<ProvenRoute<B, Q>, 'access'>): ProvenRoute {
  return { ...route, access: 'agent' };
}

/** A route for whoever holds the vault's token at a terminal. */
export function operatorRoute<B, Q>(route: Omit<ProvenRoute<B, Q>, 'access'>): ProvenRoute {
  return { ...route, access: 'operator' };
}

/** Whether a route is the page's own: no agent's, and in no description for them. */
export function isPageRoute(route: Route): route is PageRoute {
  return route.access === 'page' || route.access === 'person';
}

/** A route that the page asks for before anybody is signed in. */
export function pageRoute<B, Q>(route: Omit<PageRoute<B, Q>, 'access'>): PageRoute {
  return { ...route, access: 'page' };
}

/** A route that the page asks for in the name of a person. */
export function personRoute<B, Q>(route: Omit<PageRoute<B, Q>, 'access'>): PageRoute {
  return { ...route, access: 'person' };
}

/** Whether a request of it may bring approvals: a run asks for its own, and waits for them by itself. */
export function bringsApprovals({ problems }: Pick<Route, 'problems'>): boolean {
  return problems.includes('approval-stale');
}

/** Which approval is waited for. */
export const approvalRef = z.strictObject({
  id: z.string(),
  url: z.string().optional().describe('where a person answers it'),
});

export const reason = z
  .string()
  .min(1)
  .max(longestReason)
  .refine(isReason)
  .optional()
  .describe('why: one line, kept on the audit trail; or as X-Reason');
export const name = z.string().regex(nameForm);
export const inputs = z
  .record(z.string().max(100), z.union([z.string(), z.number(), z.boolean()]))
  .optional()
  .describe("the flow's inputs");
export const requestId = z.string().describe('X-Request-Id, as the audit trail has it');

const upstream = ['upstream-unavailable', 'upstream-refused', 'audit-unavailable', 'internal'] as const;
/** What may become of whatever policy is asked about. */
export const asked = ['not-allowed', 'reason-required', 'approval-required', 'rate-limited', ...upstream] as const;
/** … and of what people may have to approve first: such a request brings approvals, and may wait for one. */
export const approvable = [
  ...asked,
  'approval-denied',
  'approval-expired',
  'approval-cancelled',
  'approval-stale',
  'approval-pending-limit',
] as const;
