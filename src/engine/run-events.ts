import type { StepKind } from '../steps/contract.ts';
import type { ErrorCode } from '../foundation/errors.ts';

interface Told {
  readonly flow: string;
  readonly step: string;
  readonly uses: string;
  readonly effect: 'none' | 'write';
  /** who gives what it puts out */
  readonly reads?: StepKind['reads'];
}

/** What happens in a run, for journals, audit and progress: never a value. */
export type RunEvent =
  /** told before the step does anything; `inputs` has references and connections as text and no secrets */
  | (Told & { readonly type: 'step-started'; readonly inputs: Readonly<Record<string, unknown>> })
  | (Told & {
      readonly type: 'step-finished';
      /** `cached`: the result was there already; `unchanged`: the probe found nothing to do */
      readonly outcome: 'done' | 'cached' | 'unchanged';
      /** the plain fields and references of its output */
      readonly output: Readonly<Record<string, unknown>>;
      readonly milliseconds: number;
    })
  | (Told & { readonly type: 'step-failed'; readonly code: ErrorCode; readonly milliseconds: number })
  /** a later step failed, and what waited for its yes is there no more */
  | (Told & { readonly type: 'step-taken-back'; readonly milliseconds: number });

/** A step waits until its event is taken: a journal can be on disk before the step acts. */
export type OnEvent = (event: RunEvent) => void | Promise<void>;
