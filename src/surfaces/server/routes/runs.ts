import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { Caller } from '../../../broker/contract.ts';
import type { RunView } from '../../../broker/runs/run-views.ts';
import { headerOf, keyForm, longestWait, pathOf, paths, runStates } from '../../../foundation/wire.ts';
import { EdgeRefusal } from '../edge-refusal.ts';
import { type Answer, jsonAnswer } from '../http-answers.ts';
import { flowAnswer } from './agents.ts';
import { agentRoute, approvalRef, asked, inputs, reason, requestId, type Route } from './route.ts';

export const runState = z.enum(runStates);
export const runFields = {
  id: z.string(),
  flow: z.string(),
  state: runState,
  step: z.string().optional().describe('the step that it is at, or ended at'),
  code: z.string().optional().describe('why it ended so'),
  approval: approvalRef.optional().describe('what it waits for, or waited for last'),
  created: z.string().describe('RFC 3339'),
  finished: z.string().optional().describe('RFC 3339'),
};
const run = z.strictObject({ ...runFields, requestId });
const planHash = z.string().regex(/^[0-9a-f]{64}$/);
const ofRuns = ['no-such-run', 'rate-limited', 'runs-unavailable', 'audit-unavailable', 'internal'] as const;

/** seconds until a run that goes on is worth another look */
const soon = '1';

/** Runs of flows that write, for agents. */
export const runRoutes: readonly Route[] = [
  agentRoute({
    method: 'POST',
    path: paths.plan,
    id: 'planFlow',
    summary: 'What a flow would write, and the hash of that plan; nothing is written',
    action: 'run.planned',
    body: { schema: z.strictObject({ inputs, reason }), required: false },
    answer: z.strictObject({
      hash: planHash,
      wouldChange: z.boolean(),
      conflicts: z.boolean().describe('something is there that is not ours: a run would write nothing'),
      steps: z.array(
        z.strictObject({
          step: z.string(),
          uses: z.string(),
          effect: z.enum(['none', 'write']),
          changes: z.union([z.array(z.string()), z.literal('known after run')]).describe('what would be done'),
        }),
      ),
      requestId,
    }),
    problems: [...asked, 'not-a-run'],
    handle: async ({ serving, params: { flow = '' }, body }, caller) => {
      const plan = await serving.broker.runs.plan(caller, flow, body.inputs ?? {});
      return jsonAnswer({ ...plan, requestId: caller.request });
    },
  }),
  agentRoute({
    method: 'POST',
    path: paths.runs,
    id: 'startRun',
    summary: 'Begins a run of a flow that writes; it outlives this request, and the broker',
    action: 'run.started',
    takesKey: true,
    body: {
      schema: z.strictObject({
        inputs,
        reason,
        plan: planHash.optional().describe('hash of a plan: where it would be another one, nothing is written'),
      }),
      required: false,
    },
    status: 202,
    answer: run,
    problems: [...asked, 'not-a-run', 'key-reused', 'runs-unavailable'],
    handle: async ({ serving, params: { flow = '' }, body, headers }, caller) => {
      const request = { inputs: body.inputs ?? {}, plan: body.plan, key: keyIn(headers) };
      const begun = await serving.broker.runs.start(caller, flow, request);
      const location = pathOf(paths.run, begun.id);
      const answer = jsonAnswer({ ...begun, requestId: caller.request }, 202);
      return { ...answer, headers: ['Location', location, 'Retry-After', soon] };
    },
  }),
  agentRoute({
    method: 'GET',
    path: paths.run,
    id: 'getRun',
    summary: 'Where a run is',
    action: 'run.read',
    query: z.strictObject({
      wait: z
        .string()
        .regex(/^\d{1,2}$/)
        .optional()
        .describe(`seconds to wait for its end, at most ${longestWait}`),
    }),
    answer: run,
    problems: ofRuns,
    handle: async ({ serving, params: { run: id = '' }, query, gone }, caller) =>
      runAnswer(await serving.broker.runs.look(caller, id, Number(query.wait ?? 0), gone()), caller),
  }),
  agentRoute({
    method: 'GET',
    path: paths.runOutput,
    id: 'getRunOutput',
    summary: 'The output of a run that succeeded; what is secret of it is read or made now',
    action: 'run.output',
    answer: flowAnswer,
    problems: [...asked, 'no-such-run', 'run-not-over', 'no-output', 'ttl-exceeds-policy', 'runs-unavailable'],
    handle: async ({ serving, params: { run: id = '' } }, caller) => {
      const { output = null, as } = await serving.broker.runs.output(caller, id);
      return jsonAnswer({ output, as, requestId: caller.request });
    },
  }),
  agentRoute({
    method: 'POST',
    path: paths.cancelRun,
    id: 'cancelRun',
    summary: 'Ends a run before its next step',
    action: 'run.cancelled',
    answer: run,
    problems: [...ofRuns, 'run-over'],
    handle: async ({ serving, params: { run: id = '' } }, caller) =>
      runAnswer(await serving.broker.runs.cancel(caller, id), caller),
  }),
];

function runAnswer(view: RunView, { request }: Caller): Answer {
  const answer = jsonAnswer({ ...view, requestId: request });
  return view.finished === undefined ? { ...answer, headers: ['Retry-After', soon] } : answer;
}

/** @throws EdgeRefusal invalid-request */
function keyIn(headers: IncomingHttpHeaders): string | undefined {
  const key = headerOf(headers, 'key');
  if (key !== undefined && (typeof key !== 'string' || !keyForm.test(key))) throw new EdgeRefusal('invalid-request');
  return key;
}
