import { z } from 'zod';
import type { AuditAction } from '../../audit/contract.ts';
import type { Broker, Caller } from '../../broker/contract.ts';
import { type Answer, jsonAnswer } from './http-answers.ts';
import { isReason } from './request-claims.ts';
import { longestReason, nameForm, paths, type ProblemCode } from '../../foundation/wire.ts';

/** What answers may need besides the broker. */
export interface Serving {
  readonly broker: Broker;
  /** the checks of readiness, by name */
  readonly ready: () => Readonly<Record<string, boolean>>;
  /** where the folder's files are wrong, `file:line:column` */
  readonly wrong?: (() => readonly string[]) | undefined;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  readonly openapi: () => Answer;
}

/** A request whose form has been checked. */
export interface Call<B> {
  readonly serving: Serving;
  /** `{flow}` of the path */
  readonly flow: string;
  readonly body: B;
}

interface Common {
  readonly method: 'GET' | 'POST';
  /** as OpenAPI writes it */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** what a 200 holds; a string: its media type */
  readonly answer: z.ZodType | string;
  /** problems besides those of every route */
  readonly problems: readonly ProblemCode[];
}

export interface OpenRoute extends Common {
  readonly access: 'open';
  /** what a 503 holds */
  readonly unready?: z.ZodType;
  handle(serving: Serving): Promise<Answer>;
}

export interface AgentRoute extends Common {
  readonly access: 'agent';
  /** how the trail names it */
  readonly action: AuditAction;
  readonly body: { readonly schema: z.ZodType<RequestBody>; readonly required: boolean } | undefined;
  handle(call: Call<RequestBody>, caller: Caller): Promise<Answer>;
}

export type Route = OpenRoute | AgentRoute;

/** The keys of all requests' bodies; each route's schema says which it takes. */
export interface RequestBody {
  readonly secrets?: readonly string[] | undefined;
  readonly inputs?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly token_hash?: string | undefined;
  readonly reason?: string | undefined;
}

const reason = z
  .string()
  .min(1)
  .max(longestReason)
  .refine(isReason)
  .optional()
  .describe('why: one line, kept on the audit trail; or as X-Reason');
const name = z.string().regex(nameForm);
const inputs = z
  .record(z.string().max(100), z.union([z.string(), z.number(), z.boolean()]))
  .optional()
  .describe("the flow's inputs");
const requestId = z.string().describe('X-Request-Id, as the audit trail has it');

export const tokenBody = z.strictObject({ inputs, reason });
export const resolveBody = z.strictObject({
  secrets: z.array(name).min(1).max(100).describe('logical names'),
  reason,
});
const outputKind = z.enum(['plain', 'reference', 'secret', 'token', 'one-time-code', 'none']);
const health = z.strictObject({
  status: z.enum(['ok', 'unavailable']),
  checks: z.record(z.string(), z.boolean()),
  wrong: z.array(z.string()).optional().describe('files that are wrong: what they said before is served'),
});

const upstream = ['upstream-unavailable', 'upstream-refused', 'audit-unavailable', 'internal'] as const;
const asked = ['not-allowed', 'reason-required', 'rate-limited', ...upstream] as const;

/** Everything that is served. Authentication, the router and /openapi.json are made of this table. */
export const routes: readonly Route[] = [
  {
    access: 'agent',
    method: 'POST',
    path: paths.secrets,
    id: 'resolveSecrets',
    summary: 'Secrets by their names in registry.yaml: all of them, or none',
    action: 'secrets.resolve',
    body: { schema: resolveBody, required: true },
    answer: z.strictObject({
      resolved: z.record(
        z.string(),
        z.strictObject({ value: z.string(), expiresAt: z.string().describe('RFC 3339: forget the value then') }),
      ),
      cached: z.boolean().describe('all of them came from memory'),
      requestId,
    }),
    problems: asked,
    handle: async ({ serving, body }, caller) =>
      jsonAnswer({ ...(await serving.broker.secrets(caller, body.secrets ?? [])), requestId: caller.request }),
  },
  {
    access: 'agent',
    method: 'POST',
    path: paths.token,
    id: 'issueToken',
    summary: 'An access token from a flow whose output is one (RFC 6749, section 5.1)',
    action: 'token.issue',
    body: { schema: tokenBody, required: false },
    answer: z.strictObject({
      access_token: z.string(),
      token_type: z.string(),
      expires_in: z.number().int().optional().describe('seconds'),
      expires_at: z.number().int().optional().describe('epoch seconds'),
      scope: z.string().optional(),
    }),
    problems: [...asked, 'write-not-served', 'not-a-token', 'ttl-exceeds-policy'],
    handle: async ({ serving, flow, body }, caller) =>
      jsonAnswer(await serving.broker.token(caller, flow, body.inputs ?? {})),
  },
  {
    access: 'agent',
    method: 'POST',
    path: paths.rejected,
    id: 'reportRejectedToken',
    summary: 'Tells that an API refused a token, so that it is not given out again',
    action: 'token.rejected',
    body: {
      schema: z.strictObject({
        token_hash: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .describe('SHA-256 of the access token, in hex'),
        reason,
      }),
      required: true,
    },
    answer: z.strictObject({ evicted: z.boolean().describe('it was the cached one, and is forgotten'), requestId }),
    problems: asked,
    handle: async ({ serving, flow, body }, caller) =>
      jsonAnswer({
        ...(await serving.broker.rejected(caller, flow, body.token_hash ?? '')),
        requestId: caller.request,
      }),
  },
  {
    access: 'agent',
    method: 'POST',
    path: paths.flow,
    id: 'runFlow',
    summary: 'The output of a flow that only reads',
    action: 'flow.run',
    body: { schema: tokenBody, required: false },
    answer: z.strictObject({
      output: z.unknown().describe('as `flows NAME --json` prints it'),
      as: z.union([outputKind, z.record(z.string(), outputKind)]).describe('what each part of the output is'),
      requestId,
    }),
    problems: [...asked, 'write-not-served', 'ttl-exceeds-policy'],
    handle: async ({ serving, flow, body }, caller) => {
      const { output = null, as } = await serving.broker.run(caller, flow, body.inputs ?? {});
      return jsonAnswer({ output, as, requestId: caller.request });
    },
  },
  {
    access: 'agent',
    method: 'GET',
    path: paths.flows,
    id: 'listFlows',
    summary: 'The flows that the asker may use',
    action: 'flows.list',
    body: undefined,
    answer: z.strictObject({
      flows: z.array(z.strictObject({ name: z.string(), description: z.string() })),
      requestId,
    }),
    problems: ['rate-limited', 'audit-unavailable', 'internal'],
    handle: async ({ serving }, caller) =>
      jsonAnswer({ flows: await serving.broker.flows(caller), requestId: caller.request }),
  },
  {
    access: 'open',
    method: 'GET',
    path: '/healthz',
    id: 'health',
    summary: 'The process answers',
    answer: health,
    problems: [],
    handle: () => Promise.resolve(jsonAnswer({ status: 'ok', checks: {} })),
  },
  {
    access: 'open',
    method: 'GET',
    path: '/readyz',
    id: 'readiness',
    summary: 'Requests of agents can be served',
    answer: health,
    unready: health,
    problems: [],
    handle: async ({ ready, wrong }) => {
      const checks = ready();
      const ok = Object.values(checks).every(Boolean);
      const files = wrong?.() ?? [];
      const status = ok ? 'ok' : 'unavailable';
      const answer = jsonAnswer({ status, checks, ...(files.length > 0 ? { wrong: files } : {}) }, ok ? 200 : 503);
      return ok ? answer : { ...answer, outcome: 'unready' };
    },
  },
  {
    access: 'open',
    method: 'GET',
    path: '/metrics',
    id: 'metrics',
    summary: 'Prometheus metrics',
    answer: 'text/plain',
    problems: [],
    handle: async ({ metrics }) => {
      const { type, text } = await metrics();
      return { status: 200, type, body: text, outcome: 'ok' };
    },
  },
  {
    access: 'open',
    method: 'GET',
    path: '/openapi.json',
    id: 'openapi',
    summary: 'This description',
    answer: z.record(z.string(), z.unknown()),
    problems: [],
    handle: ({ openapi }) => Promise.resolve(openapi()),
  },
];
