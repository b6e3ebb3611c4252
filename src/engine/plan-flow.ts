import {
  contextOf,
  createExecution,
  placed,
  prepareStep,
  runPureSteps,
  stagesOf,
  type Execution,
} from './execution.ts';
import { digestOf } from '../foundation/canonical-json.ts';
import type { Flow, Step } from '../folder/flows/flow.ts';
import type { Inputs } from '../folder/flows/inputs.ts';
import type { Plan, PlannedStep } from './plan.ts';
import type { Prepared } from './step-input.ts';
import type { Services } from './services.ts';
import type { StepPlan, WriteStepKind } from '../steps/contract.ts';
import { usesOf } from '../folder/flows/flow-uses.ts';

/** Plans a flow: nothing is changed. @throws FlowError */
export async function planFlow(flow: Flow, inputs: Inputs, services: Services): Promise<Plan> {
  const execution = createExecution(flow, inputs, services);
  return planExecution(execution);
}

/**
 * Plans an execution, and leaves in it the outputs that are known. What stands after the last step that writes is not
 * run: no probe needs it. After a step that would change something, `none` steps wait for the run: they may read what
 * it makes.
 */
export async function planExecution(execution: Execution): Promise<Plan> {
  const { flow, services, outputs } = execution;
  const steps: PlannedStep[] = [];
  const last = flow.steps.findLastIndex(({ kind }) => kind?.effect === 'write');
  let pending = false;
  for (const stage of stagesOf(flow)) {
    const [first] = stage;
    const kind = first?.kind;
    if (first !== undefined && kind?.effect === 'write') {
      const planned = await placed(execution, first, () => planWrite(execution, first, kind));
      steps.push(planned);
      pending ||= wouldChange(planned);
      continue;
    }
    if (!pending)
      await runPureSteps(
        execution,
        runnable(
          stage.filter(({ index }) => index < last),
          outputs,
        ),
      );
    for (const step of stage) {
      const changes = step.index > last || outputs.has(step.id) ? [] : 'known after run';
      steps.push({ step: step.id, uses: step.uses, effect: 'none', changes, complete: outputs.has(step.id) });
    }
  }
  return {
    flow: flow.name,
    environment: services.environment.name,
    steps,
    wouldChange: steps.some(wouldChange),
    conflicts: steps.some(
      ({ changes }) => changes !== 'known after run' && changes.some(({ action }) => action === 'conflict'),
    ),
    hash: digestOf([bindingOf(execution), steps]),
  };
}

/** As {@link bindingOf}, for a flow that does not run yet. */
export function bindingFor(flow: Flow, inputs: Inputs, services: Services): string {
  return bindingOf(createExecution(flow, inputs, services));
}

/** The digest of what a yes is bound to beside the changes: flow, inputs, environment, addresses and options. */
export function bindingOf({ flow, inputs, services }: Execution): string {
  const { environment } = services;
  const connections = usesOf(flow, environment).connections.map(({ kind, name }) => [
    kind,
    name,
    services.plain(kind, name),
  ]);
  const [first] = flow.steps;
  const options = first === undefined ? [] : [...services.context(flow.name, first.id).options].toSorted();
  // where a broker listens and keeps its trail is nothing that a step depends on, and may differ among several
  const { name, vars, key, vaults, development } = environment;
  // nor is a kind of connection that it has none of: a version that knows one more goes on with the runs of the one before
  const connected = Object.entries(environment.connections).filter(([, named]) => named.size > 0);
  const world = [name, vars, key, vaults, development, Object.fromEntries(connected)];
  return digestOf([flow.name, flow.source.text, inputs, world, connections, options]);
}

/** Whether the plan can be had for what is known. */
function canProbe(kind: WriteStepKind, { unknown }: Prepared): boolean {
  return [...unknown].every((key) => kind.with[key]?.required !== true || kind.planWithout?.includes(key) === true);
}

/** Asks a step that writes what it would change; asked again only where something was written since. */
export async function probe(
  execution: Execution,
  step: Step,
  kind: WriteStepKind,
  prepared: Prepared,
): Promise<StepPlan<Readonly<Record<string, unknown>>>> {
  const before = execution.probes.get(step.id);
  if (before !== undefined) return before;
  const found = await kind.plan(prepared.input, contextOf(execution, step));
  if (prepared.unknown.size === 0) execution.probes.set(step.id, found);
  return found;
}

/** Nothing to do, and what the step would give is known. */
export function nothingToDo(
  planned: StepPlan<Readonly<Record<string, unknown>>>,
): Readonly<Record<string, unknown>> | undefined {
  return planned.changes.every(({ action }) => action === 'none') ? planned.output : undefined;
}

async function planWrite(execution: Execution, step: Step, kind: WriteStepKind): Promise<PlannedStep> {
  const about = { step: step.id, uses: step.uses, effect: 'write' } as const;
  const prepared = prepareStep(execution, step);
  const complete = prepared.unknown.size === 0;
  if (!canProbe(kind, prepared)) return { ...about, changes: 'known after run', complete };
  const planned = await probe(execution, step, kind, prepared);
  const output = nothingToDo(planned);
  if (output !== undefined) execution.outputs.set(step.id, output);
  return { ...about, changes: planned.changes, complete };
}

/** Steps whose needs are met, also by each other. */
function runnable(steps: readonly Step[], outputs: ReadonlyMap<string, unknown>): readonly Step[] {
  const good: Step[] = [];
  for (const step of steps) {
    if ([...step.after].every((id) => outputs.has(id) || good.some((each) => each.id === id))) good.push(step);
  }
  return good;
}

function wouldChange({ effect, changes }: PlannedStep): boolean {
  if (effect === 'none') return false;
  return changes === 'known after run' || changes.some(({ action }) => action !== 'none' && action !== 'conflict');
}
