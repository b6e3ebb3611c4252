import { onTestFinished } from 'vitest';
import type { StepKinds } from '../../../src/steps/contract.ts';
import type { OpenDatabase } from '../../../src/durable/database/contract.ts';
import type { NewRun, Run, RunHooks, Runs } from '../../../src/durable/runs/contract.ts';
import { openRuns } from '../../../src/durable/runs/open-runs.ts';
import { runSchema } from '../../../src/durable/runs/run-tables.ts';
import type { FlowsOfRuns } from '../../../src/durable/runs/run-worker.ts';
import { bindingFor } from '../../../src/engine/plan-flow.ts';
import { carryOutFlow } from '../../../src/engine/run-flow.ts';
import type { Services } from '../../../src/engine/services.ts';
import { createWorld, kindsOver, servicesFor } from '../../engine/engine.ts';
import { load, told } from '../../folder/folder.ts';
import { emptiedDatabase } from '../database/fresh-database.ts';

export const hooks: RunHooks = {
  allowed: () => undefined,
  agreed: () => false,
  asked: () => Promise.reject(new Error('nobody is asked')),
  over: () => Promise.resolve(),
};

/** Flows of steps over a world, with the engine itself below them. */
export async function arrangeFlows(
  files: Readonly<Record<string, string>>,
  more: (kinds: StepKinds) => StepKinds = (kinds) => kinds,
) {
  const world = createWorld();
  const folder = await load(files, { kinds: more(kindsOver(world)) });
  if (told(folder).length > 0) throw new Error(told(folder).join('\n'));
  const environment = folder.settings.environments.get('development');
  if (environment === undefined) throw new Error('no environment');
  const { services } = servicesFor(environment);
  return { world, app: appOver(folder.flows, services), folder };
}

function appOver(flows: ReadonlyMap<string, ReturnType<FlowsOfRuns['flow']>>, services: Services): FlowsOfRuns {
  return {
    flow(name) {
      const flow = flows.get(name);
      if (flow === undefined) throw new Error(`no flow ${name}`);
      return flow;
    },
    bindingOf: (flow, inputs) => Promise.resolve(bindingFor(flow, inputs, services)),
    async carryOut(flow, inputs, run) {
      const { signal } = run;
      const ofRun: Services = {
        ...services,
        context: (...step) => ({ ...services.context(...step), ...(signal && { signal }) }),
      };
      await carryOutFlow(flow, inputs, ofRun, run);
    },
  };
}

/** Runs on an empty database, or on one that is there; closed when the test ends. */
export async function arrangeRuns(
  app: FlowsOfRuns,
  more: { readonly hooks?: Partial<RunHooks>; readonly database?: OpenDatabase } = {},
): Promise<{
  readonly runs: Runs;
  readonly database: OpenDatabase;
  begin(flow: string, more?: Partial<NewRun>): Promise<Run>;
}> {
  const database = more.database ?? (await emptiedDatabase(runSchema));
  const runs = await openRuns({ database, app, hooks: { ...hooks, ...more.hooks }, warn: () => undefined });
  onTestFinished(() => runs.close().catch(() => undefined));
  return {
    runs,
    database,
    begin: async (flow, rest = {}) =>
      runs.start({
        flow,
        environment: 'development',
        agent: 'codex',
        by: 'token',
        agentRun: undefined,
        agentRuns: undefined,
        claimedRun: undefined,
        reason: undefined,
        request: 'r-1',
        inputs: {},
        plan: undefined,
        binding: await app.bindingOf(app.flow(flow), {}),
        ...rest,
      }),
  };
}
