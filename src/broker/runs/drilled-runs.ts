import { alertOfDrill, drillOf, patience, proofOf, type StepOfDrill } from '../../app/drill.ts';
import type { App } from '../../app/open-app.ts';
import { drillEvent } from '../../audit/break-glass-state.ts';
import type { Run, RunStory } from '../../durable/runs/contract.ts';
import type { Drill } from '../../folder/break-glass-accounts.ts';
import { asFlowError, errorCodes } from '../../foundation/errors.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';

/** What the trail has of a run that was a drill, with its evidence; undefined for any other run. */
export type DrilledRuns = (run: Run, story: () => Promise<RunStory>) => Promise<DrillLine | undefined>;
type DrillLine = ReturnType<typeof drillEvent>;

/** Runs of drills leave evidence, as `flows drill` does. */
export function createDrilledRuns(
  app: Pick<App, 'connections' | 'environment' | 'folder'>,
  clock: Pick<BrokerClock, 'now'>,
): DrilledRuns {
  async function prove(run: Run, story: () => Promise<RunStory>, drill: Drill): Promise<DrillLine> {
    const { agent, by, created, id, code, step, told } = run;
    const alerting = alertOfDrill(app, drill, agent, created, AbortSignal.timeout(patience));
    const [{ steps, kept }, alerts] = await Promise.all([story(), alerting]);
    const { cron, timeZone } = drill.flow.schedule ?? {};
    const { found, signed } = await proofOf(app, drill, {
      id,
      by: agent,
      schedule: by === 'schedule' && cron !== undefined ? `${cron} ${timeZone}` : null,
      began: created,
      ended: clock.now(),
      steps: steps.map(({ step: name, state, code: why, started, finished }): StepOfDrill => {
        // where its run is over a step that only began has ended with it; a drill holds nothing back
        const outcome = state === 'started' || state === 'taken-back' ? 'failed' : state;
        const milliseconds = finished === undefined ? null : finished - started;
        return { step: name, outcome, code: why ?? null, milliseconds, output: kept.get(name) ?? {} };
      }),
      failure:
        run.state === 'succeeded' ? undefined : { step: step ?? null, why: told ?? `it ended: ${code ?? run.state}` },
      alerts,
    });
    return drillEvent(found, signed);
  }

  return async (run, story) => {
    const drill = drillOf(app, run.flow);
    if (drill === undefined) return undefined;
    try {
      return await prove(run, story, drill);
    } catch (error) {
      const { code } = asFlowError(error);
      if (errorCodes[code].retryable) throw error;
      // without evidence it proves nothing, and keeps no run from its end
      return { action: 'drill.finished', what: [run.flow], outcome: 'failed', code, detail: 'without evidence' };
    }
  };
}
