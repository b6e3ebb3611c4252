import { z } from 'zod';
import { requireAgentRuns, type RunGrant } from '../../../broker/agent-runs/agent-runs.ts';
import type { AgentRun } from '../../../broker/agent-runs/ledger.ts';
import { patternSyntax } from '../../../folder/policy/name-pattern.ts';
import { agentRunOutcomes, operatorPaths, paths } from '../../../foundation/wire.ts';
import { EdgeRefusal } from '../edge-refusal.ts';
import { type Answer, jsonAnswer } from '../http-answers.ts';
import { agentRoute, asked, operatorRoute, reason, requestId, type Route, type Serving } from './route.ts';

const seconds = (most: number) => z.number().int().min(1).max(most);
export const outcome = z.enum(agentRunOutcomes);
const granted = z.strictObject({
  run: z.string(),
  root: z.string().describe('the run that all began with'),
  parent: z.string().optional().describe('the run above it'),
  token: z.string().describe('bearer of its requests'),
  token_expires_at: z.number().int().describe('epoch seconds: a heartbeat gives the next token'),
  expires_at: z.number().int().describe('epoch seconds: when the run ends by itself'),
  requestId,
});
/** An agent run as people and the operator see it. */
export const told = z.strictObject({
  run: z.string(),
  root: z.string(),
  parent: z.string().optional(),
  agent: z.string(),
  begun_by: z.string().describe('the agent that began it'),
  proven_by: z.string().describe('how that agent was proven'),
  allow: z.array(z.string()).optional().describe('what it is narrowed to'),
  reason: z.string().optional(),
  claimed: z.string().optional().describe('X-Agent-Run-Id of the request that began it'),
  begun: z.number().describe('epoch milliseconds'),
  heard: z.number().describe('epoch milliseconds'),
  expires: z.number().describe('epoch milliseconds'),
  ended: z.number().optional().describe('epoch milliseconds'),
  outcome: outcome.optional(),
});
const ended = z.strictObject({ ended: z.number().int().describe('it, and those below it'), requestId });

/** Tasks of agents. */
export const agentRunRoutes: readonly Route[] = [
  agentRoute({
    method: 'POST',
    path: paths.agentRuns,
    id: 'beginAgentRun',
    summary: 'Begins an agent run; with the token of a run, one below it, which it can only narrow',
    action: 'agent-run.started',
    body: {
      schema: z.strictObject({
        allow: z
          .array(z.string().max(128).regex(patternSyntax))
          .min(1)
          .max(100)
          .optional()
          .describe('names and flows, in the patterns of policy.yaml; without it, all that is allowed above'),
        expires_in: seconds(86_400).optional().describe('default an hour; never after the run above'),
        heartbeat_within: seconds(86_400)
          .optional()
          .describe('after so long without a word it is lost; default 15 minutes'),
        parent: z.string().max(4_096).optional().describe("the token of another agent's run, which this one is below"),
        reason,
      }),
      required: false,
    },
    answer: granted,
    problems: [...asked, 'run-too-deep'],
    handle: async ({ serving, body, provenKey }, caller) => {
      const jkt = await provenKey();
      const { allow, expires_in: expires, heartbeat_within: silence, parent } = body;
      return grantAnswer(await runsOf(serving).begin(caller, { allow, expires, silence, parent, jkt }), caller.request);
    },
  }),
  agentRoute({
    method: 'POST',
    path: paths.agentRunHeartbeat,
    id: 'heartbeatOfAgentRun',
    summary: 'Says that an agent run goes on, and gives its next token',
    action: 'agent-run.heartbeat',
    answer: granted,
    problems: asked,
    handle: async ({ serving, params: { run = '' } }, caller) =>
      grantAnswer(await runsOf(serving).heartbeat(caller, run), caller.request),
  }),
  agentRoute({
    method: 'POST',
    path: paths.agentRunFinish,
    id: 'finishAgentRun',
    summary: 'Ends an agent run and all below it: nothing is given to them from then on',
    action: 'agent-run.finished',
    body: {
      schema: z.strictObject({ outcome: z.enum(['succeeded', 'failed', 'cancelled']), reason }),
      required: true,
    },
    answer: ended,
    problems: asked,
    handle: async ({ serving, params: { run = '' }, body }, caller) => {
      const count = await runsOf(serving).finish(caller, run, body.outcome);
      return jsonAnswer({ ended: count, requestId: caller.request });
    },
  }),
  operatorRoute({
    method: 'GET',
    path: operatorPaths.agentRuns,
    id: 'listAgentRuns',
    summary: 'Agent runs, the newest first',
    action: 'operator.look',
    query: z.strictObject({
      agent: z.string().max(64).optional(),
      state: z.union([z.literal('running'), outcome]).optional(),
      since: z.coerce.number().int().optional().describe('epoch milliseconds'),
    }),
    answer: z.strictObject({ runs: z.array(told), requestId }),
    problems: ['audit-unavailable'],
    handle: async ({ serving, query }, caller) => {
      const runs = await runsOf(serving).list(caller, { ...query, most: mostListed });
      return jsonAnswer({ runs: runs.map(toldOf), requestId: caller.request });
    },
  }),
  operatorRoute({
    method: 'GET',
    path: operatorPaths.agentRun,
    id: 'showAgentRun',
    summary: 'An agent run and all below it',
    action: 'operator.look',
    answer: z.strictObject({ runs: z.array(told), requestId }),
    problems: ['not-found', 'audit-unavailable'],
    handle: async ({ serving, params: { run = '' } }, caller) => {
      const runs = await runsOf(serving).tree(caller, run);
      if (runs.length === 0) throw new EdgeRefusal('not-found');
      return jsonAnswer({ runs: runs.map(toldOf), requestId: caller.request });
    },
  }),
  operatorRoute({
    method: 'POST',
    path: operatorPaths.endAgentRun,
    id: 'endAgentRun',
    summary: 'Ends an agent run and all below it',
    action: 'agent-run.finished',
    answer: ended,
    problems: ['audit-unavailable'],
    handle: async ({ serving, params: { run = '' } }, caller) =>
      jsonAnswer({ ended: await runsOf(serving).end(caller, run), requestId: caller.request }),
  }),
];

export const mostListed = 500;

const runsOf = ({ agentRuns }: Serving) => requireAgentRuns(agentRuns);

function grantAnswer({ run, root, parent, token, tokenExpires, expires }: RunGrant, request: string): Answer {
  const times = { token_expires_at: tokenExpires, expires_at: expires };
  return jsonAnswer({ run, root, parent, token: token.reveal(), ...times, requestId: request });
}

export function toldOf(run: AgentRun): z.infer<typeof told> {
  const { begunBy, provenBy, allow, depth: _, jkt: __, silence: ___, ...same } = run;
  return { ...same, begun_by: begunBy, proven_by: provenBy, allow: allow === undefined ? undefined : [...allow] };
}
