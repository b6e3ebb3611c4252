import { FlowError } from '../foundation/errors.ts';
import { answerOf } from './flow-output.ts';
import { canonical, digestOf } from '../foundation/canonical-json.ts';
import type { StepOutput } from './journal.ts';
import {
  complete,
  createExecution,
  recorded,
  restore,
  prepareStep,
  runPureSteps,
  runWrite,
  skipWrite,
  stagesOf,
  type Execution,
  type ExecutionOptions,
} from './execution.ts';
import { type Flow, outputValues, type Step } from '../folder/flows/flow.ts';
import { expressionsOf } from '../language/compiled-values.ts';
import type { Inputs } from '../folder/flows/inputs.ts';
import type { Output } from './output.ts';
import type { Plan, PlannedStep } from './plan.ts';
import { bindingOf, nothingToDo, planExecution, probe } from './plan-flow.ts';
import type { Services } from './services.ts';
import { takeBack } from './take-back.ts';
import type { WriteStepKind } from '../steps/contract.ts';

export type { RunEvent } from './run-events.ts';

/** How a flow is run. */
export interface RunFlowOptions extends ExecutionOptions {
  /** the plan that someone agreed to */
  readonly plan?: Plan | undefined;
  /**
   * told of the run's own plan before anything is written; where it throws, nothing is. True: someone agreed to it, and
   * it is kept to as a plan that was given is
   */
  readonly onPlan?: ((plan: Plan) => void | boolean | Promise<void | boolean>) | undefined;
}

/**
 * Runs a flow. Before anything is written the whole flow is planned, unless a plan is given that someone agreed to: then
 * each step that writes is probed again before it acts. What only the run's own plan says binds nobody: its probes are
 * not asked again, and what another run did meanwhile is looked at by the step itself, alone. Where a step fails for good,
 * those before it take back what they hold back.
 * @throws FlowError aborted where what a probe finds is not what was agreed to, conflict before anything is written
 */
export async function runFlow(
  flow: Flow,
  inputs: Inputs,
  services: Services,
  options: RunFlowOptions = {},
): Promise<Output> {
  return answerOf(await carryOutFlow(flow, inputs, services, options));
}

/** Runs a flow without looking at its output: as {@link runFlow} for the rest. */
export async function carryOutFlow(
  flow: Flow,
  inputs: Inputs,
  services: Services,
  options: RunFlowOptions = {},
): Promise<Execution> {
  const execution = createExecution(flow, inputs, services, options);
  if (flow.effect === 'none') {
    await runPureSteps(execution, flow.steps);
    return execution;
  }
  const { plan = await planned(execution) } = options;
  if (options.plan !== undefined) requireSame(execution, options.plan);
  const agreed = options.plan ?? ((await options.onPlan?.(plan)) === true ? plan : undefined);
  refuseConflicts(execution, plan);
  try {
    for (const stage of stagesOf(flow)) {
      const [first] = stage;
      const kind = first?.kind;
      if (first === undefined || kind?.effect !== 'write') await runPureSteps(execution, stage);
      else await recorded(execution, first, () => carryOut(execution, first, kind, agreed));
    }
  } catch (error) {
    await takeBack(execution);
    throw error;
  }
  return execution;
}

/** The output of a run that is over, from what was kept of its steps: what is secret is read or made now. */
export async function outputOfRun(
  flow: Flow,
  inputs: Inputs,
  services: Services,
  kept: ReadonlyMap<string, StepOutput>,
): Promise<Output> {
  const execution = createExecution(flow, inputs, services);
  for (const [id, output] of kept) restore(execution, id, output);
  await complete(execution, stepsShown(flow));
  return answerOf(execution);
}

async function planned(execution: Execution): Promise<Plan> {
  const { plan, outputs } = await execution.journal.plan(async () => ({
    plan: await planExecution(execution),
    outputs: execution.outputs,
  }));
  for (const [id, output] of outputs) restore(execution, id, output);
  return plan;
}

async function carryOut(
  execution: Execution,
  step: Step,
  kind: WriteStepKind,
  agreed: Plan | undefined,
): Promise<void> {
  const prepared = prepareStep(execution, step);
  if (prepared.unknown.size > 0) throw new FlowError('internal', 'a value is not known that must be');
  const begun = (await execution.journal.begun?.(step)) === true;
  if (begun && kind.isRepeatable?.(prepared.input) === false) {
    throw new FlowError('outcome-unknown', 'the process ended in the middle of it, and it may be done', {
      hint: 'look whether it is before it is done again',
    });
  }
  const planned = await probe(execution, step, kind, prepared);
  const found = planned.changes.find(({ action }) => action === 'conflict');
  if (found !== undefined) throw conflict(found.what, found.detail);
  const wanted = agreed?.steps.find(({ step: id }) => id === step.id);
  // what it began itself it may find half done
  if (agreed !== undefined && !sameChanges(wanted, planned.changes) && !begun) {
    throw new FlowError('aborted', 'what would change is not what was agreed to', {
      hint: 'nothing more was done; plan again and look',
    });
  }
  const output = nothingToDo(planned);
  if (output !== undefined) await skipWrite(execution, step, kind, output);
  else await runWrite(execution, step, prepared, kind);
}

/** The steps that a flow's output takes something of. */
function stepsShown(flow: Flow): ReadonlySet<string> {
  const paths = outputValues(flow).flatMap((value) => [...expressionsOf(value)].map(({ path }) => path));
  return new Set(paths.flatMap(([root, id = '']) => (root === 'steps' ? [id] : [])));
}

function sameChanges(agreed: PlannedStep | undefined, found: Exclude<PlannedStep['changes'], string>): boolean {
  if (agreed === undefined) return false;
  const { changes, complete } = agreed;
  if (changes === 'known after run') return true;
  const told = (all: typeof found) => canonical(complete ? all : all.map(({ action, what }) => [action, what]));
  return told(changes) === told(found);
}

/** A plan is bound to its flow, inputs, environment and addresses. */
function requireSame(execution: Execution, plan: Plan): void {
  if (digestOf([bindingOf(execution), plan.steps]) === plan.hash) return;
  throw new FlowError('aborted', 'the plan is for another flow, other inputs or another environment', {
    hint: 'nothing was done; plan again and look',
    place: { flow: execution.flow.name },
  });
}

function refuseConflicts({ flow }: Execution, plan: Plan): void {
  for (const { step, changes } of plan.steps) {
    const found = changes === 'known after run' ? undefined : changes.find(({ action }) => action === 'conflict');
    if (found !== undefined) throw conflict(found.what, found.detail).at({ flow: flow.name, step });
  }
}

function conflict(what: string, detail: string | undefined): FlowError {
  return new FlowError('conflict', `${what}${detail === undefined ? ' is not ours' : `: ${detail}`}`, {
    hint: 'it stays as it is',
  });
}
