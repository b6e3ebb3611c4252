import type { Plan } from './plan.ts';
import type { Step } from '../folder/flows/flow.ts';

/** What a step gave: plain data, references, and of a step that only reads also secrets. */
export type StepOutput = Readonly<Record<string, unknown>>;

/** What planning found: the plan, and what the steps gave that were run for it. */
export interface Planned {
  readonly plan: Plan;
  readonly outputs: ReadonlyMap<string, StepOutput>;
}

/**
 * What is kept of a run while it goes on. A durable engine stands behind it, so that a run that was killed goes on
 * where it was.
 *
 * @example
 * const done = new Map<string, StepOutput>();
 * const journal: Journal = {
 *   plan: (work) => work(),
 *   async step({ id }, work) {
 *     const output = done.get(id) ?? (await work());
 *     done.set(id, output);
 *     return output;
 *   },
 * };
 */
export interface Journal {
  /** what the run is called, the same whenever it goes on; undefined: nothing goes on after this process */
  readonly run?: string;
  /** Steps are asked for one after another, in the order of the file: a journal may go by their places in it. */
  readonly inOrder?: boolean;
  /** Does the planning, whose steps ask {@link Journal.step} meanwhile. Where the journal has what it found, it gives that. */
  plan(work: () => Promise<Planned>): Promise<Planned>;
  /**
   * Does the whole work of a step, its probe too. Where the journal has what the step gave, it gives that and the work
   * is not done again; no secret field may be kept (the kind's `output` says which are): a step that only reads is asked
   * again for them, when another one takes them.
   */
  step(step: Step, work: () => Promise<StepOutput>): Promise<StepOutput>;
  /** The work of a step that writes had begun, and this process does not know how it ended: its probe may find its own traces. */
  begun?(step: Step): Promise<boolean>;
}

/** Nothing is kept: a flow at a terminal is completed by running it again. */
export const noJournal: Journal = { plan: (work) => work(), step: (_, work) => work() };
