import type { App } from '../../app/open-app.ts';
import type { Journal, Planned } from '../../engine/journal.ts';
import type { OnEvent } from '../../engine/run-events.ts';
import type { Plan } from '../../engine/plan.ts';
import type { Flow } from '../../folder/flows/flow.ts';
import { parseInputs } from '../../folder/flows/inputs.ts';
import { asFlowError, codeOf, FlowError } from '../../foundation/errors.ts';
import { unlessAborted } from '../../foundation/unless-aborted.ts';
import type { Run, RunControl, RunHooks } from './contract.ts';
import { keptOf, outputFrom } from './kept-output.ts';
import { part } from './run-engine.ts';
import type { HeldRun, RunEnd, RunStore } from './run-store.ts';

/** The flows that runs are of. */
export type FlowsOfRuns = Pick<App, 'flow' | 'carryOut' | 'bindingOf'>;

/**
 * Changes a run, or looks at it: again where the database refuses it for a while. Where the run is another broker's by now,
 * nothing comes back.
 */
export type Keep = <T>(change: () => Promise<T | undefined>) => Promise<T>;

export interface WorkerOptions {
  readonly app: FlowsOfRuns;
  readonly steps: RunStore['steps'];
  readonly hooks: RunHooks;
  /** aborts where the end of this run is asked for, or another broker has it */
  readonly signal: AbortSignal;
  readonly keep: Keep;
  /** aborts where the broker ends */
  readonly closing: AbortSignal;
  /** Asked before each step: where the broker ends, nothing comes back. */
  readonly goOn: () => Promise<void>;
}

/** crashes that a run may meet, or cause, before it is given up */
const mostLives = 20;

/** Does the work of a run, or what is left of it. @returns how it ended */
export async function workOn(run: Run, held: HeldRun, options: WorkerOptions): Promise<RunEnd> {
  const { app, hooks, keep, signal, steps } = options;
  const control = controlOf(held, options);
  let at: string | undefined;
  let failure: unknown;
  let refused: unknown;
  try {
    if (held.lives > mostLives)
      throw new FlowError('internal', `it went on ${mostLives} times, and each time its broker ended`);
    if (run.cancelledBy !== undefined) throw stopped();
    await hooks.allowed(run);
    const flow = app.flow(run.flow);
    const inputs = parseInputs(flow, run.inputs);
    if ((await app.bindingOf(flow, inputs)) !== run.binding) throw changedSince();
    const before = await steps(run.id);
    const begun = new Set(before.flatMap(({ step, state }) => (state === 'started' ? [step] : [])));
    /** a failure is kept as its code, and told whole to whoever is here */
    const failing: Failing = async (work) => {
      try {
        return await work();
      } catch (error) {
        // it may have met what another broker did since
        await keep(held.find);
        // what people said has a code of its own, which a step cannot tell
        failure = refused ?? error;
        // oxlint-disable-next-line eslint/preserve-caught-error -- what is thrown here is kept, and a cause with it
        throw new Error(`${keptCode}${ourCode(failure) ?? asFlowError(failure).code}`);
      }
    };
    const journal = journalOf(run.id, flow, begun, failing, options, (step) => (at = step));
    if (flow.effect === 'none') await agreedTo(run, undefined, control, failing, hooks);
    await app.carryOut(flow, inputs, {
      agent: run.agent,
      journal,
      askPeople: async (step, question) =>
        hooks.asked(run, step, question, control).catch((error: unknown) => {
          if (error instanceof FlowError) throw error;
          refused = error;
          throw new FlowError('aborted', 'nobody said yes', { cause: error, hint: 'nothing more was done' });
        }),
      onEvent: eventsTo(held, flow, begun, options),
      signal,
      onPlan: (plan) => agreedTo(run, plan, control, failing, hooks),
    });
    return { state: 'succeeded' };
  } catch (error) {
    if (signal.aborted || run.cancelledBy !== undefined) return { state: 'cancelled', step: at, code: 'cancelled' };
    return endOf(failure ?? error, at);
  }
}

function endOf(error: unknown, at: string | undefined): RunEnd {
  // a part that failed before a crash: its code is what was kept of it
  if (error instanceof Error && error.message.startsWith(keptCode)) {
    const code = error.message.slice(keptCode.length);
    return { state: stateOf(code), step: at, code };
  }
  const known = asFlowError(error);
  // what the broker refuses is told by its code
  const own = ourCode(error);
  const told = own !== undefined && error !== known ? undefined : known.line();
  const code = own ?? known.code;
  return { state: stateOf(code), step: known.place.step ?? at, code, told };
}

/** Where nobody knows what became of a step, a person looks. */
const stateOf = (code: string) => (code === 'outcome-unknown' ? code : 'failed');

const keptCode = 'code: ';

/** Ours, and what the broker refuses; undefined for any other. */
function ourCode(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[a-z-]{1,40}$/.test(code) ? code : undefined;
}

type Failing = <T>(work: () => Promise<T>) => Promise<T>;

function stopped(): FlowError {
  return new FlowError('aborted', 'its end was asked for', { hint: 'nothing more was done' });
}

function changedSince(): FlowError {
  return new FlowError('aborted', 'its flow or service.yaml, or how this version reads them, changed since it began', {
    hint: 'nothing more was done: look at both, then `flows runs resume` it',
  });
}

async function agreedTo(
  run: Run,
  plan: Plan | undefined,
  control: RunControl,
  failing: Failing,
  hooks: RunHooks,
): Promise<boolean> {
  if (run.plan !== undefined && run.plan !== plan?.hash)
    throw new FlowError('aborted', 'what would change is not what was agreed to', {
      hint: 'nothing was done; plan again',
    });
  // once it was agreed to nobody is asked again
  const agreed = await part('agreed', () => failing(async () => hooks.agreed(run, plan, control)));
  return agreed || run.plan !== undefined;
}

function controlOf(held: HeldRun, { closing, goOn, keep, signal }: WorkerOptions): RunControl {
  return {
    signal,
    async waitsFor(approval) {
      await keep(() => held.waitsFor(approval));
    },
    async waiting(work) {
      try {
        const given = await unlessAborted(unlessAborted(work(signal), signal, stopped), closing, stopped);
        await keep(held.running);
        return given;
      } finally {
        await goOn();
      }
    },
  };
}

/** What the engine keeps: each step by its place among those that are asked, so in the order of the file. */
function journalOf(
  run: string,
  flow: Flow,
  begun: Set<string>,
  failing: Failing,
  { goOn, signal }: WorkerOptions,
  at: (step: string) => void,
): Journal {
  const fieldsOf = (id: string) => flow.steps.find((step) => step.id === id)?.kind?.output ?? {};
  let planning = false;
  return {
    run,
    inOrder: true,
    async plan(work) {
      await goOn();
      planning = true;
      const planned = await part('plan', () =>
        failing(async () => {
          const { plan, outputs } = await work();
          return { plan, outputs: [...outputs].map(([id, output]) => [id, keptOf(fieldsOf(id), output)] as const) };
        }),
      );
      planning = false;
      const outputs = planned.outputs.map(([id, output]) => [id, outputFrom(fieldsOf(id), output)] as const);
      return { plan: planned.plan, outputs: new Map(outputs) } satisfies Planned;
    },
    async step({ id }, work) {
      if (planning) return work();
      await goOn();
      if (signal.aborted) throw stopped();
      at(id);
      const output = await part(id, () => failing(async () => keptOf(fieldsOf(id), await work())));
      return outputFrom(fieldsOf(id), output);
    },
    begun: ({ id }) => Promise.resolve(begun.has(id)),
  };
}

/** Writes down each step before it acts, and what became of it. */
function eventsTo(held: HeldRun, flow: Flow, begun: Set<string>, { keep }: WorkerOptions): OnEvent {
  return async (event) => {
    const { step, uses } = event;
    if (event.type === 'step-started') {
      const place = flow.steps.findIndex(({ id }) => id === step);
      const { inputs } = event;
      if (!(await keep(() => held.begin({ step, uses, place, inputs })))) throw stopped();
      begun.add(step);
    } else if (event.type === 'step-finished') {
      const { outcome, output } = event;
      await keep(() => held.end({ step, state: outcome, output }));
    } else if (event.type === 'step-failed') {
      await keep(() => held.end({ step, state: 'failed', code: event.code }));
    } else {
      await keep(() => held.end({ step, state: 'taken-back' }));
    }
  };
}
