import type { Flow } from '../../folder/flows/flow.ts';
import type { Plan } from '../../engine/plan.ts';
import type { StepOutput } from '../../engine/journal.ts';
import type { RunState } from '../../foundation/wire.ts';
import type { PeopleQuestion } from '../../steps/contract.ts';

/** One execution of a flow. */
export interface Run {
  readonly id: string;
  readonly flow: string;
  readonly environment: string;
  /** the identity that started it: its output is for this one alone */
  readonly agent: string;
  /** how it was proven */
  readonly by: string;
  /** the agent run that started it, proven */
  readonly agentRun: string | undefined;
  /** it and the agent runs above it, the root last, where the ledger has them */
  readonly agentRuns: readonly AgentRunOf[] | undefined;
  /** `X-Agent-Run-Id`, claimed */
  readonly claimedRun: string | undefined;
  readonly reason: string | undefined;
  /** id of the request that started it, as on the trail */
  readonly request: string;
  readonly inputs: Readonly<Record<string, string | number | boolean>>;
  /** hash of the plan that was agreed to */
  readonly plan: string | undefined;
  /** digest of all that it depends on beside what it finds */
  readonly binding: string;
  readonly state: RunState;
  /** the step that it is at, or ended at */
  readonly step: string | undefined;
  /** why it ended so: a code */
  readonly code: string | undefined;
  /** the same for the operator: one line, never a value */
  readonly told: string | undefined;
  /** who asked for its end */
  readonly cancelledBy: string | undefined;
  /** id of the approval that it waits for, or waited for last */
  readonly approval: string | undefined;
  /** epoch milliseconds */
  readonly created: number;
  readonly updated: number;
  readonly finished: number | undefined;
}

/** An agent run, and whose it is. */
export interface AgentRunOf {
  readonly run: string;
  readonly agent: string;
}

/** What became of a step of a run. */
export interface RunStep {
  readonly step: string;
  readonly uses: string;
  /** `started`: it goes on, or a crash ended it there; `taken-back`: it is done again where the run goes on */
  readonly state: 'started' | 'done' | 'cached' | 'unchanged' | 'failed' | 'taken-back';
  readonly code: string | undefined;
  /** its plain inputs, and references and connections by name */
  readonly inputs: unknown;
  /** epoch milliseconds */
  readonly started: number;
  readonly finished: number | undefined;
}

/** What a run has left of its steps. */
export interface RunStory {
  readonly steps: readonly RunStep[];
  /** what was kept of their outputs */
  readonly kept: ReadonlyMap<string, StepOutput>;
}

/** A run to begin. */
export type NewRun = Pick<
  Run,
  | 'flow'
  | 'environment'
  | 'agent'
  | 'by'
  | 'agentRun'
  | 'agentRuns'
  | 'claimedRun'
  | 'reason'
  | 'request'
  | 'inputs'
  | 'plan'
  | 'binding'
> & {
  /** the same agent's same key is the same run */
  readonly key?: string | undefined;
};

export interface RunFilter {
  readonly flow?: string | undefined;
  readonly agent?: string | undefined;
  readonly state?: RunState | undefined;
  /** epoch milliseconds: begun then or later */
  readonly since?: number | undefined;
  /** default 100 */
  readonly most?: number | undefined;
}

/** Runs that outlive the process. What one broker does, others on the same database see. */
export interface Runs {
  /** @returns the run that began, or the one that this key began before @throws FlowError conflict where it began another */
  start(run: NewRun): Promise<Run>;
  find(id: string): Promise<Run | undefined>;
  /** The run once it is over, or as it is after so many milliseconds, or when the signal aborts. */
  wait(id: string, milliseconds: number, signal?: AbortSignal): Promise<Run | undefined>;
  /** The youngest first. */
  list(filter: RunFilter): Promise<readonly Run[]>;
  steps(id: string): Promise<readonly RunStep[]>;
  /** What was kept of the outputs of its steps: plain data and references. */
  kept(id: string): Promise<ReadonlyMap<string, StepOutput>>;
  /** It ends before its next step; one that writes is not stopped in the middle. @throws FlowError conflict where it is over */
  cancel(id: string, by: string): Promise<Run>;
  /** It goes on at the step where it ended, or at the first one that was taken back. @throws FlowError conflict where it is not over, or succeeded */
  resume(id: string): Promise<Run>;
  /** What schedules did last and do next. */
  schedules(): Promise<readonly TickState[]>;
  /** Takes no step more. What goes on is taken by the next broker. */
  close(): Promise<void>;
}

/** A flow's schedule, as it is now. Times are epoch milliseconds. */
export interface TickState {
  readonly flow: string;
  /** when its last run began */
  readonly last: number | undefined;
  /** id of that run */
  readonly run: string | undefined;
  readonly next: number | undefined;
}

/** What the broker says of schedules. */
export interface ScheduleHooks {
  /** the identity that scheduled runs have */
  readonly agent: string;
  /** those of its flows that have one and may be run by it, as the files are now */
  flows(): readonly Flow[];
  /** Begins the run of a tick, once however often it is asked. Where it may not be run, nothing begins, and the trail says so. */
  begin(flow: string, at: number): Promise<void>;
  /** Ticks were missed. @param madeUp the last of them begins now */
  missed(flow: string, count: number, madeUp: boolean): Promise<void>;
}

/** What a run may do with its engine while it goes on. */
export interface RunControl {
  /** aborts where its end is asked for */
  readonly signal: AbortSignal;
  /** Lets it wait, as `waitsFor` says; its state is `running` after this. @throws FlowError aborted where its end is asked for meanwhile */
  waiting<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Its state is `waiting` from now on, for the approval with this id: nobody sees one without the other. */
  waitsFor(approval: string): Promise<void>;
}

/** What the broker says of runs. */
export interface RunHooks {
  /** Asked before a run begins, and when it goes on after a crash. @throws what it ends with */
  allowed(run: Run): void | Promise<void>;
  /**
   * Asked with the plan before anything is written (a flow that only reads has none), again after a crash. True: a person agreed to it, and each step keeps
   * to it. @throws what it ends with
   */
  agreed(run: Run, plan: Plan | undefined, control: RunControl): boolean | Promise<boolean>;
  /** Asks people for a step of it, again after a crash. @returns who said yes @throws what it ends with */
  asked(run: Run, step: string, question: PeopleQuestion, control: RunControl): Promise<string>;
  /**
   * Told before it is over for anyone; told again after a crash in between. Where it throws, it is told again later.
   * @param story asked for by whoever wants it
   */
  over(run: Run, story: () => Promise<RunStory>): Promise<void>;
}

/** Whether a run is over. */
export type Over = Extract<RunState, 'succeeded' | 'failed' | 'cancelled' | 'outcome-unknown'>;
