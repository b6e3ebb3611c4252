import type { RunFilter, Run } from '../../durable/runs/contract.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Granted } from '../audited-answers.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { LazyRuns } from './open-when-needed.ts';
import {
  type OperatorRunsView,
  type OperatorRunView,
  operatorRunView,
  type OperatorStepView,
  operatorStepView,
  scheduleView,
  type UrlOf,
} from './run-views.ts';
import { unavailable } from './served-runs.ts';

/** What whoever holds the vault's token asks of runs, of all agents. @throws BrokerRefusal */
export interface OperatedRuns {
  list(filter: RunFilter): Promise<Granted<OperatorRunsView>>;
  show(id: string): Promise<Granted<OperatorRunView & { readonly steps: readonly OperatorStepView[] }>>;
  /** @param by who asks for its end */
  cancel(id: string, by: string): Promise<Granted<OperatorRunView>>;
  resume(id: string): Promise<Granted<OperatorRunView>>;
}

export function createOperatedRuns(runs: LazyRuns, urlOf: UrlOf): OperatedRuns {
  const view = (run: Run) => operatorRunView(run, urlOf);
  const changed = async (id: string, change: () => Promise<Run>): Promise<Granted<OperatorRunView>> => {
    const run = await change().catch((error: unknown) => {
      if (error instanceof FlowError && error.code === 'not-found') throw new BrokerRefusal('no-such-run');
      if (error instanceof FlowError && error.code === 'conflict') throw new BrokerRefusal('run-over');
      return unavailable(error);
    });
    return { value: view(run), rule: undefined, detail: `run ${id}` };
  };
  return {
    async list(filter) {
      const opened = await runs.open();
      const [found, ticks] = await Promise.all([opened.list(filter), opened.schedules()]).catch(unavailable);
      return { value: { runs: found.map(view), schedules: ticks.map(scheduleView) }, rule: undefined };
    },
    async show(id) {
      const opened = await runs.open();
      const [run, steps] = await Promise.all([opened.find(id), opened.steps(id)]).catch(unavailable);
      if (run === undefined) throw new BrokerRefusal('no-such-run');
      return {
        value: { ...view(run), steps: steps.map(operatorStepView) },
        rule: undefined,
        detail: `run ${id}`,
      };
    },
    cancel: async (id, by) => changed(id, async () => (await runs.open()).cancel(id, by)),
    resume: async (id) => changed(id, async () => (await runs.open()).resume(id)),
  };
}
