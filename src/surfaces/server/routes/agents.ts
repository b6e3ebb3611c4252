import { z } from 'zod';
import { jsonAnswer } from '../http-answers.ts';
import { paths } from '../../../foundation/wire.ts';
import { agentRoute, approvable, asked, inputs, name, reason, requestId, type Route } from './route.ts';

export const tokenBody = z.strictObject({ inputs, reason });
export const resolveBody = z.strictObject({
  secrets: z.array(name).min(1).max(100).describe('logical names'),
  reason,
});
const outputKind = z.enum(['plain', 'reference', 'secret', 'token', 'one-time-code', 'none']);
/** The output of a flow. */
export const flowAnswer = z.strictObject({
  output: z.unknown().describe('as `flows NAME --json` prints it'),
  as: z.union([outputKind, z.record(z.string(), outputKind)]).describe('what each part of the output is'),
  files: z.array(z.string()).optional().describe('`as-file:` of the flow: names whose values a program gets as files'),
  requestId,
});

const flowView = z.strictObject({
  name: z.string(),
  description: z.string(),
  effect: z.enum(['none', 'write']).describe('`write`: it is begun as a run'),
  breakGlass: z.literal(true).optional(),
  tool: z.literal(true).optional().describe('an MCP tool of its own'),
  inputs: z.record(z.string(), z.unknown()).describe('JSON Schema of what it takes'),
});

/** Tokens, secrets and flows, for agents. */
export const agentRoutes: readonly Route[] = [
  agentRoute({
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
    problems: approvable,
    handle: async ({ serving, body }, caller) =>
      jsonAnswer({ ...(await serving.broker.secrets(caller, body.secrets)), requestId: caller.request }),
  }),
  agentRoute({
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
      audience: z.array(z.string()).optional().describe('the audience and the resources that the flow asked for'),
    }),
    problems: [...approvable, 'write-not-served', 'not-a-token', 'ttl-exceeds-policy'],
    handle: async ({ serving, params: { flow = '' }, body }, caller) =>
      jsonAnswer(await serving.broker.token(caller, flow, body.inputs ?? {})),
  }),
  agentRoute({
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
    handle: async ({ serving, params: { flow = '' }, body }, caller) =>
      jsonAnswer({
        ...(await serving.broker.rejected(caller, flow, body.token_hash)),
        requestId: caller.request,
      }),
  }),
  agentRoute({
    method: 'POST',
    path: paths.flow,
    id: 'runFlow',
    summary: 'The output of a flow that only reads',
    action: 'flow.run',
    body: { schema: tokenBody, required: false },
    answer: flowAnswer,
    problems: [...approvable, 'write-not-served', 'ttl-exceeds-policy'],
    handle: async ({ serving, params: { flow = '' }, body }, caller) => {
      const { output = null, ...more } = await serving.broker.run(caller, flow, body.inputs ?? {});
      return jsonAnswer({ output, ...more, requestId: caller.request });
    },
  }),
  agentRoute({
    method: 'GET',
    path: paths.flows,
    id: 'listFlows',
    summary: 'The flows that the asker may use, or begin a run of',
    action: 'flows.list',
    answer: z.strictObject({
      flows: z.array(flowView),
      requestId,
    }),
    problems: ['rate-limited', 'audit-unavailable', 'internal'],
    handle: async ({ serving }, caller) =>
      jsonAnswer({ flows: await serving.broker.flows(caller), requestId: caller.request }),
  }),
  agentRoute({
    method: 'POST',
    path: paths.access,
    id: 'checkAccess',
    summary: 'Whether the asker could have a flow or a secret now, and what is missing; nothing is given',
    action: 'access.checked',
    body: {
      schema: z.union([z.strictObject({ flow: name, reason }), z.strictObject({ secret: name, reason })]),
      required: true,
    },
    answer: z.strictObject({
      allowed: z.boolean(),
      needs: z.enum(['approval', 'reason', 'run']).optional().describe('with it, it would be allowed'),
      requestId,
    }),
    problems: ['rate-limited', 'run-ended', 'audit-unavailable', 'internal'],
    handle: async ({ serving, body }, caller) => {
      const named =
        'flow' in body
          ? ({ kind: 'flow', name: body.flow } as const)
          : ({ kind: 'secret', name: body.secret } as const);
      return jsonAnswer({ ...(await serving.broker.access(caller, named)), requestId: caller.request });
    },
  }),
];
