import { z } from 'zod';
import { jsonAnswer } from '../http-answers.ts';
import { operatorPaths } from '../../../foundation/wire.ts';
import { name, operatorRoute, overview, requestId, type Route } from './route.ts';
import { runFields, runState } from './runs.ts';

/** A run as people and the operator see it. */
export const operatorRun = z.strictObject({
  ...runFields,
  environment: z.string(),
  agent: z.string(),
  agentRun: z.string().optional().describe('the agent run that began it, proven'),
  run: z.string().optional().describe('claimed by the agent'),
  reason: z.string().optional(),
  request: z.string().describe('id of the request that began it, as the audit trail has it'),
  plan: z.string().optional().describe('hash of the plan that was agreed to'),
  told: z.string().optional().describe('why it ended so'),
  cancelledBy: z.string().optional(),
});
export const schedule = z.strictObject({
  flow: z.string(),
  last: z.string().optional().describe('when its last run began, RFC 3339'),
  run: z.string().optional().describe('id of that run'),
  next: z.string().optional().describe('RFC 3339'),
});
export const operatorStep = z.strictObject({
  step: z.string(),
  uses: z.string(),
  state: z.enum(['started', 'done', 'cached', 'unchanged', 'failed', 'taken-back']),
  code: z.string().optional(),
  inputs: z.unknown().describe('plain inputs, references and connections by name'),
  started: z.string(),
  finished: z.string().optional(),
});
const ofRuns = ['runs-unavailable', 'audit-unavailable', 'internal'] as const;
const ofRun = ['no-such-run', ...ofRuns] as const;

/** For whoever holds the vault's token at a terminal. */
export const operatorRoutes: readonly Route[] = [
  operatorRoute({
    method: 'GET',
    path: operatorPaths.overview,
    id: 'overview',
    summary: 'How the broker is: rules in force, files that are wrong, counts',
    action: 'operator.look',
    answer: overview.extend({ requestId }),
    problems: ['audit-unavailable'],
    handle: async ({ serving }, caller) => jsonAnswer({ ...(await serving.overview()), requestId: caller.request }),
  }),
  operatorRoute({
    method: 'GET',
    path: operatorPaths.runs,
    id: 'listRuns',
    summary: 'The runs of all agents, the youngest first: at most a hundred',
    action: 'operator.look',
    query: z.strictObject({
      flow: name.optional(),
      agent: name.optional(),
      state: runState.optional(),
      since: z
        .string()
        .regex(/^\d{1,15}$/)
        .optional()
        .describe('epoch milliseconds'),
    }),
    answer: z.strictObject({ runs: z.array(operatorRun), schedules: z.array(schedule), requestId }),
    problems: ofRuns,
    handle: async ({ serving, query: { since, ...filter } }, caller) => {
      const from = since === undefined ? undefined : Number(since);
      const found = await serving.broker.operator.runs(caller, { ...filter, since: from });
      return jsonAnswer({ ...found, requestId: caller.request });
    },
  }),
  operatorRoute({
    method: 'GET',
    path: operatorPaths.run,
    id: 'showRun',
    summary: 'A run and its steps',
    action: 'operator.look',
    answer: operatorRun.extend({ steps: z.array(operatorStep), requestId }),
    problems: ofRun,
    handle: async ({ serving, params: { run = '' } }, caller) =>
      jsonAnswer({ ...(await serving.broker.operator.run(caller, run)), requestId: caller.request }),
  }),
  operatorRoute({
    method: 'POST',
    path: operatorPaths.cancelRun,
    id: 'endRun',
    summary: 'Ends a run before its next step',
    action: 'run.cancelled',
    answer: operatorRun.extend({ requestId }),
    problems: [...ofRun, 'run-over'],
    handle: async ({ serving, params: { run = '' } }, caller) =>
      jsonAnswer({ ...(await serving.broker.operator.cancelRun(caller, run)), requestId: caller.request }),
  }),
  operatorRoute({
    method: 'POST',
    path: operatorPaths.resumeRun,
    id: 'resumeRun',
    summary: 'Lets a run that ended without success go on at the step where it ended',
    action: 'run.resumed',
    answer: operatorRun.extend({ requestId }),
    problems: [...ofRun, 'run-over'],
    handle: async ({ serving, params: { run = '' } }, caller) =>
      jsonAnswer({ ...(await serving.broker.operator.resumeRun(caller, run)), requestId: caller.request }),
  }),
];
