import { runScope, type Outputs } from './run-scope.ts';
import { asFlowError, FlowError } from '../foundation/errors.ts';
import { Secret } from '../foundation/secret.ts';
import { canonical, digestOf, journalled, type ConnectionLabels } from '../foundation/canonical-json.ts';
import { noJournal, type Journal, type StepOutput } from './journal.ts';
import type { OnEvent, RunEvent } from './run-events.ts';
import type { Flow, Step } from '../folder/flows/flow.ts';
import type { Inputs } from '../folder/flows/inputs.ts';
import { prepare, type Prepared } from './step-input.ts';
import type { Services } from './services.ts';
import { checkedOutput, plainOutput } from './step-output.ts';
import type { PureStepKind, StepContext, StepKind, StepPlan, WriteStepKind } from '../steps/contract.ts';

/** One flow being planned or run. */
export interface Execution {
  readonly flow: Flow;
  readonly inputs: Inputs;
  readonly services: Services;
  readonly outputs: Outputs;
  /** epoch milliseconds at which each step was done */
  readonly finished: Map<string, number>;
  /** steps of whose output only what may be kept is there: they are asked again when another one takes it */
  readonly incomplete: Set<string>;
  /** what probes of this same execution found; worth nothing once something was written */
  readonly probes: Map<string, StepPlan<Readonly<Record<string, unknown>>>>;
  /** undefined: nobody listens, and no event is made */
  readonly onEvent: OnEvent | undefined;
  readonly journal: Journal;
  /** why a step failed in this process, as it was before a journal kept its code alone */
  failure?: FlowError;
  /** what tells it from others, where the journal has no name for it: made when it is first needed */
  made?: string;
  /** somebody looks on: steps whose answer alone changes with time are not waited for */
  readonly live: boolean;
  /** outputs at each moment (epoch milliseconds) of steps that are followed, by id */
  readonly moments: Map<string, (at: number) => Promise<Readonly<Record<string, unknown>>>>;
}

export interface ExecutionOptions {
  readonly onEvent?: OnEvent | undefined;
  readonly journal?: Journal | undefined;
  readonly live?: boolean | undefined;
}

export function createExecution(
  flow: Flow,
  inputs: Inputs,
  services: Services,
  { onEvent, journal = noJournal, live = false }: ExecutionOptions = {},
): Execution {
  const { environment } = services;
  const place = { flow: flow.name };
  if (environment.unset.length > 0) {
    const hint = 'service.yaml reads it from the process environment: set it';
    throw new FlowError('refused', `environment "${environment.name}" needs ${environment.unset.join(', ')}`, {
      hint,
      place,
    });
  }
  if (flow.environments?.includes(environment.name) === false) {
    const hint = `its environments: ${flow.environments.join(', ')}`;
    throw new FlowError('refused', `it does not run in environment "${environment.name}"`, { hint, place });
  }
  const kept = {
    outputs: new Map(),
    finished: new Map(),
    incomplete: new Set<string>(),
    probes: new Map(),
    moments: new Map(),
  };
  return { flow, inputs, services, ...kept, onEvent, journal, live };
}

/** Steps in file order: each one that writes alone, and what stands between them side by side. */
export function stagesOf(flow: Flow): readonly (readonly Step[])[] {
  const stages: Step[][] = [];
  let last: Step[] | undefined;
  for (const step of flow.steps) {
    if (step.kind?.effect === 'write') {
      stages.push([step]);
      last = undefined;
    } else {
      if (last === undefined) {
        last = [];
        stages.push(last);
      }
      last.push(step);
    }
  }
  return stages;
}

export function prepareStep(execution: Execution, step: Step): Prepared {
  const { flow, inputs, services, outputs } = execution;
  const afresh = () => prepare(flow, step, runScope(flow, inputs, services, outputs, step.index));
  const kept = step.kind?.effect === 'none' && step.kind.expiresAt !== undefined ? services.prepared : undefined;
  return kept === undefined ? afresh() : kept.get(step, inputs, afresh);
}

/** Runs the `none` steps of a stage that have not run yet, each as soon as those that it needs are done. */
export async function runPureSteps(execution: Execution, steps: readonly Step[]): Promise<void> {
  if (execution.journal.inOrder === true) {
    for (const step of steps) {
      if (!execution.outputs.has(step.id)) await recorded(execution, step, () => runPure(execution, step));
    }
    return;
  }
  const running = new Map<string, Promise<void>>();
  for (const step of steps) {
    if (execution.outputs.has(step.id)) continue;
    const needed = [...step.after].flatMap((id) => running.get(id) ?? []);
    running.set(
      step.id,
      Promise.all(needed).then(() => recorded(execution, step, () => runPure(execution, step))),
    );
  }
  // the others are not left running behind an error
  const settled = await Promise.allSettled(running.values());
  for (const each of settled) if (each.status === 'rejected') throw each.reason;
}

/** One step through the journal: what it gave is there afterwards, whether its work was done now or before. */
export async function recorded(execution: Execution, step: Step, work: () => Promise<void>): Promise<void> {
  const { journal, outputs } = execution;
  let now = false;
  const output = await journal.step(step, async () => {
    now = true;
    try {
      await placed(execution, step, async () => {
        await complete(execution, step.after);
        await work();
      });
    } catch (error) {
      execution.failure ??= asFlowError(error);
      throw error;
    }
    return outputs.get(step.id) ?? {};
  });
  if (!now) restore(execution, step.id, output);
}

/** Takes what a journal kept of a step's output. */
export function restore({ flow, incomplete, outputs }: Execution, id: string, output: StepOutput): void {
  if (outputs.has(id)) return;
  outputs.set(id, output);
  const { kind } = flow.steps.find((step) => step.id === id) ?? {};
  if (kind !== undefined && Object.values(kind.output).some(({ type }) => type === 'secret')) incomplete.add(id);
}

/** Asks these steps again for what no journal keeps, or what has expired since: they only read. */
export async function complete(execution: Execution, ids: Iterable<string>): Promise<void> {
  for (const id of ids) {
    const step = execution.flow.steps.find((each) => each.id === id);
    if (step?.kind?.effect !== 'none' || !(execution.incomplete.has(id) || isOver(execution, step, step.kind)))
      continue;
    execution.incomplete.delete(id);
    await placed(execution, step, async () => {
      await complete(execution, step.after);
      await runPure(execution, step);
    });
  }
}

function isOver({ flow, outputs, services }: Execution, step: Step, kind: PureStepKind): boolean {
  const output = outputs.get(step.id);
  const ends = output === undefined ? undefined : kind.expiresAt?.(output);
  return ends !== undefined && ends * 1_000 <= services.context(flow.name, step.id).now();
}

async function runPure(execution: Execution, step: Step): Promise<void> {
  const prepared = prepareStep(execution, step);
  const { kind, input } = prepared;
  if (kind.effect !== 'none') throw new FlowError('internal', 'a step that writes was taken for one that reads');
  const [unknown] = prepared.unknown;
  // left out in silence, an audience and its check would be gone
  if (unknown !== undefined) {
    const hint = 'what it is taken from has no value: is an input missing?';
    throw new FlowError('invalid-value', `"${unknown}" is not known`, { hint });
  }
  await told(execution, step, prepared, async () => {
    const moment = await followed(execution, step, kind, input);
    if (moment !== undefined)
      return [await moment(execution.services.context(execution.flow.name, step.id).now()), 'done'];
    const [output, cached] = await mintOrCached(execution, step, kind, input, prepared.labels);
    return [checkedOutput(kind, output), cached ? 'cached' : 'done'];
  });
}

/** Where nobody but who looks on needs its answer: another step may need a code that lasts. */
async function followed(
  execution: Execution,
  step: Step,
  kind: PureStepKind,
  input: Readonly<Record<string, unknown>>,
): Promise<((at: number) => Promise<Readonly<Record<string, unknown>>>) | undefined> {
  const { flow, live, moments } = execution;
  if (!live || kind.follow === undefined || flow.steps.some(({ after }) => after.has(step.id))) return undefined;
  const following = await kind.follow(input, contextOf(execution, step));
  const moment = async (at: number) => checkedOutput(kind, await following(at));
  moments.set(step.id, moment);
  return moment;
}

async function mintOrCached(
  execution: Execution,
  step: Step,
  kind: PureStepKind,
  input: Readonly<Record<string, unknown>>,
  labels: ConnectionLabels,
): Promise<readonly [Readonly<Record<string, unknown>>, boolean]> {
  const { flow, services } = execution;
  let minted = false;
  if (kind.expiresAt === undefined) return [await kind.run(input, contextOf(execution, step)), false];
  const expiresAt = (output: Readonly<Record<string, unknown>>) => kind.expiresAt?.(output);
  const per = kind.attributed?.(input);
  const key = keyOf(services.environment.name, kind, input, labels, ownerOf(per, services));
  const mint = async () => {
    minted = true;
    const context = contextOf(execution, step);
    const output = await kind.run(input, context);
    const { agentRun, untilEndOf } = services;
    if (agentRun !== undefined && per === 'agent-run')
      untilEndOf?.(agentRun, {
        key,
        expiresAt: expiresAt(output),
        takeBack: async () => kind.takeBack?.(input, output, context),
      });
    return output;
  };
  const unnoticed = (error: unknown) =>
    services.renewalFailed?.(asFlowError(error).at({ flow: flow.name, step: step.id }));
  const output = await services.cached<Readonly<Record<string, unknown>>>(key, mint, expiresAt, unnoticed);
  return [output, !minted];
}

/** Whose own it is, as a part of its key. */
function ownerOf(per: 'agent' | 'agent-run' | undefined, { agent, agentRun }: Services): string {
  if (per === undefined) return '';
  return per === 'agent' || agentRun === undefined ? ` for ${agent}` : ` for ${agent} in ${agentRun}`;
}

/** By the input itself, which is the same object as long as nothing in it changes, and by whose own it is. */
const keys = new WeakMap<Readonly<Record<string, unknown>>, Map<string, string>>();
/** of one input; agent runs come and go */
const mostOwners = 200;

function keyOf(
  environment: string,
  kind: PureStepKind,
  input: Readonly<Record<string, unknown>>,
  labels: ConnectionLabels,
  owner: string,
): string {
  const known = keys.get(input) ?? new Map<string, string>();
  const found = known.get(owner);
  if (found !== undefined) return found;
  const key = `${canonical([environment, kind.name, hashed(input)], labels)}${owner}`;
  if (known.size >= mostOwners) known.clear();
  keys.set(input, known.set(owner, key));
  return key;
}

/** A token that a step exchanges decides what comes of it: for the cache, in memory alone, it is its SHA-256. */
function hashed(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(input);
  if (!entries.some(([, each]) => each instanceof Secret)) return input;
  return Object.fromEntries(
    entries.map(([key, each]) => [key, each instanceof Secret ? { sha256: each.hash() } : each]),
  );
}

/** What a step may use: what every run has, and what this one alone knows. */
export function contextOf(execution: Execution, step: Step): StepContext {
  return {
    ...execution.services.context(execution.flow.name, step.id),
    get idempotencyKey() {
      const run = execution.journal.run ?? (execution.made ??= crypto.randomUUID());
      return digestOf([run, step.id]);
    },
    renewed: async (key, refused) => renewed(execution, step, key, refused),
  };
}

/** Asks the step again whose token was refused, unless somebody did meanwhile. */
async function renewed(execution: Execution, step: Step, key: string, refused: Secret): Promise<Secret | undefined> {
  const value = step.with?.entries.get(key);
  const [root, id] = value?.as === 'whole' ? value.expression.path : [];
  const giver = root === 'steps' ? execution.flow.steps.find((each) => each.id === id) : undefined;
  // what is read is read anew each time: it would be the same
  if (giver?.kind?.effect !== 'none' || giver.kind.expiresAt === undefined) return undefined;
  const current = () => prepareStep(execution, step).input[key];
  if (current() === refused) {
    execution.services.rejected(refused);
    await placed(execution, giver, async () => {
      await complete(execution, giver.after);
      await runPure(execution, giver);
    });
  }
  const found = current();
  return found instanceof Secret && !found.equals(refused) ? found : undefined;
}

/** Lets a step that writes act. Its resolved input has been told before. */
export async function runWrite(
  execution: Execution,
  step: Step,
  prepared: Prepared,
  kind: WriteStepKind,
): Promise<void> {
  await told(execution, step, prepared, async () => {
    execution.probes.clear();
    return [checkedOutput(kind, await kind.run(prepared.input, contextOf(execution, step))), 'done'];
  });
}

/** A step whose probe found nothing to do. */
export async function skipWrite(
  execution: Execution,
  step: Step,
  kind: WriteStepKind,
  output: Readonly<Record<string, unknown>>,
): Promise<void> {
  execution.outputs.set(step.id, checkedOutput(kind, output));
  await execution.onEvent?.({
    ...about(execution, step, kind),
    type: 'step-finished',
    outcome: 'unchanged',
    output: plainOutput(kind, output),
    milliseconds: 0,
  });
}

async function told(
  execution: Execution,
  step: Step,
  { kind, input, labels }: Prepared,
  work: () => Promise<readonly [Readonly<Record<string, unknown>>, 'done' | 'cached']>,
): Promise<void> {
  const { onEvent, outputs, services, finished } = execution;
  const { now, signal } = services.context(execution.flow.name, step.id);
  if (signal.aborted) throw new FlowError('aborted', 'stopped before this step', { cause: signal.reason });
  const done = (output: Readonly<Record<string, unknown>>) => {
    outputs.set(step.id, output);
    finished.set(step.id, now());
  };
  if (onEvent === undefined) {
    const [output] = await work();
    done(output);
    return;
  }
  const who = about(execution, step, kind);
  const inputs = Object.fromEntries(Object.entries(input).map(([key, each]) => [key, journalled(each, labels)]));
  await onEvent({ ...who, type: 'step-started', inputs });
  const start = now();
  let event: RunEvent;
  try {
    const [output, outcome] = await work();
    done(output);
    event = { ...who, type: 'step-finished', outcome, output: plainOutput(kind, output), milliseconds: now() - start };
  } catch (error) {
    await onEvent({ ...who, type: 'step-failed', code: asFlowError(error).code, milliseconds: now() - start });
    throw error;
  }
  await onEvent(event);
}

export function about({ flow }: Execution, step: Step, { name, effect, reads }: StepKind) {
  return { flow: flow.name, step: step.id, uses: name, effect, ...(reads && { reads }) };
}

/** Adds flow and step to whatever goes wrong. */
export async function placed<T>({ flow }: Execution, step: Step, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asFlowError(error).at({ flow: flow.name, step: step.id });
  }
}
