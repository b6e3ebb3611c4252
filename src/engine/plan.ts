import type { Change } from '../steps/contract.ts';

/** What a run would do, found by running `none` steps and probing `write` steps. */
export interface Plan {
  readonly flow: string;
  readonly environment: string;
  readonly steps: readonly PlannedStep[];
  /** some step would change something, or only the run can tell */
  readonly wouldChange: boolean;
  /** some change is a conflict: such a plan is not run */
  readonly conflicts: boolean;
  /** SHA-256 (hex) over the flow, its inputs, its environment and the changes: everything that a yes is bound to */
  readonly hash: string;
}

export interface PlannedStep {
  readonly step: string;
  readonly uses: string;
  readonly effect: 'none' | 'write';
  readonly changes: readonly Change[] | 'known after run';
  /** all of its input was known: what the run finds must be the same to the word */
  readonly complete: boolean;
}
