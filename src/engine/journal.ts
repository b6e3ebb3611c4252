import type { Step } from '../folder/flows/flow.ts';

/** What a step gave: plain data, references, and of a step that only reads also secrets. */
export type StepOutput = Readonly<Record<string, unknown>>;

/**
 * What is kept of a run while it goes on. A durable engine stands behind it, so that a run that was killed goes on
 * where it was.
 *
 * @example
 * const done = new Map<string, StepOutput>();
 * const journal: Journal = {
 *   async step({ id }, work) {
 *     const output = done.get(id) ?? (await work());
 *     done.set(id, output);
 *     return output;
 *   },
 * };
 */
export interface Journal {
  /**
   * Does the whole work of a step, its probe too. Where the journal has what the step gave, it gives that and the work
   * is not done again; no secret field may be kept (the kind's `output` says which are).
   */
  step(step: Step, work: () => Promise<StepOutput>): Promise<StepOutput>;
}

/** Nothing is kept: a flow at a terminal is completed by running it again. */
export const noJournal: Journal = { step: (_, work) => work() };
