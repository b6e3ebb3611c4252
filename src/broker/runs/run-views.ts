import type { Plan } from '../../engine/plan.ts';
import type { Run, RunStep, TickState } from '../../durable/runs/contract.ts';

/** A run as the agent sees it that began it: codes and places of its flow's file, nothing of what it acts on. */
export interface RunView {
  readonly id: string;
  readonly flow: string;
  readonly state: Run['state'];
  /** the step that it is at, or ended at */
  readonly step?: string;
  /** why it ended so */
  readonly code?: string;
  /** what it waits for, or waited for last, and where a person answers */
  readonly approval?: { readonly id: string; readonly url?: string };
  /** RFC 3339 */
  readonly created: string;
  readonly finished?: string;
}

/** Where a person answers an approval; undefined: no page is served. */
export type UrlOf = (approval: string) => string | undefined;

/** The same for the operator. */
export interface OperatorRunView extends RunView {
  readonly environment: string;
  readonly agent: string;
  /** the agent run that began it, proven */
  readonly agentRun?: string;
  /** claimed */
  readonly run?: string;
  readonly reason?: string;
  /** id of the request that began it, as on the trail */
  readonly request: string;
  /** hash of the plan that was agreed to */
  readonly plan?: string;
  /** why it ended so, in one line */
  readonly told?: string;
  readonly cancelledBy?: string;
}

export interface OperatorRunsView {
  readonly runs: readonly OperatorRunView[];
  readonly schedules: readonly ScheduleView[];
}

/** A flow's schedule: when its last run began, and when the next one will. */
export interface ScheduleView {
  readonly flow: string;
  /** RFC 3339 */
  readonly last?: string;
  /** id of that run */
  readonly run?: string;
  readonly next?: string;
}

export interface OperatorStepView extends Omit<RunStep, 'started' | 'finished' | 'code'> {
  readonly code?: string;
  /** RFC 3339 */
  readonly started: string;
  readonly finished?: string;
}

/** What a run would do, without what it acts on: an agent sees no title of a vault. */
export interface PlanView {
  readonly hash: string;
  readonly wouldChange: boolean;
  /** some change is a conflict: such a plan is not run */
  readonly conflicts: boolean;
  readonly steps: readonly {
    readonly step: string;
    readonly uses: string;
    readonly effect: 'none' | 'write';
    /** what would be done, once for each thing */
    readonly changes: readonly string[] | 'known after run';
  }[];
}

export function runView({ id, flow, state, step, code, approval, created, finished }: Run, urlOf: UrlOf): RunView {
  return {
    id,
    flow,
    state,
    ...given({ step, code }),
    ...(approval !== undefined && {
      approval: { id: approval, ...(state === 'waiting' && given({ url: urlOf(approval) })) },
    }),
    created: timeOf(created),
    ...given({ finished: timeIn(finished) }),
  };
}

export function operatorRunView(run: Run, urlOf: UrlOf): OperatorRunView {
  const { environment, agent, agentRun, claimedRun, reason, request, plan, told, cancelledBy } = run;
  const more = given({ agentRun, run: claimedRun, reason, plan, told, cancelledBy });
  return { ...runView(run, urlOf), environment, agent, request, ...more };
}

export function operatorStepView({ code, started, finished, ...rest }: RunStep): OperatorStepView {
  return { ...rest, ...given({ code }), started: timeOf(started), ...given({ finished: timeIn(finished) }) };
}

export function scheduleView({ flow, last, run, next }: TickState): ScheduleView {
  return { flow, ...given({ last: timeIn(last), run, next: timeIn(next) }) };
}

export function planView({ hash, wouldChange, conflicts, steps }: Plan): PlanView {
  const seen = steps.map(({ step, uses, effect, changes }) => ({
    step,
    uses,
    effect,
    changes: changes === 'known after run' ? changes : changes.map(({ action }) => action),
  }));
  return { hash, wouldChange, conflicts, steps: seen };
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function timeIn(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : timeOf(milliseconds);
}

/** What there is of it. */
function given<T extends object>(fields: T): { readonly [P in keyof T]?: Exclude<T[P], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [P in keyof T]?: Exclude<T[P], undefined>;
  };
}
