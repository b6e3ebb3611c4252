import type { AskForValue, AskPeople } from '../../../app/ask-people.ts';
import type { App } from '../../../app/open-app.ts';
import { endings, errorCodes, FlowError, oneLine } from '../../../foundation/errors.ts';
import { localAgent } from '../../../foundation/local-user.ts';
import { asksPeople, type Flow, presentedAs } from '../../../folder/flows/flow.ts';
import { type Inputs, parseInputs } from '../../../folder/flows/inputs.ts';
import { suggest } from '../../../language/nearest-name.ts';
import type { Plan } from '../../../engine/plan.ts';
import type { RunEvent } from '../../../engine/run-flow.ts';
import { usesOf } from '../../../folder/flows/flow-uses.ts';
import { commandNames } from '../../../folder/reserved-names.ts';
import { isLookedAt, showOutput } from './show-output.ts';
import { parseArguments, unexpectedWord, wantsHelp } from '../arguments.ts';
import type { ChosenBroker } from '../chosen-broker.ts';
import { createSources } from '../../../broker/answer-source.ts';
import { audited, type Audited, type LocalRun } from '../audit/audited-run.ts';
import { askForValueHere } from './ask-for-value.ts';
import { commonOptions } from '../command-table.ts';
import { closeUse, reasonOf } from './break-glass.ts';
import { inputOptions, isClosing, optionsOf } from './flow-options.ts';
import { flowHelp } from './flow-help.ts';
import type { Invocation } from '../invocation.ts';
import { withApp } from '../with-app.ts';
import { planText } from './plan-text.ts';
import { problemsOf, tellProblems } from '../tell-problems.ts';
import type { Terminal } from '../terminal.ts';
import { placesOfFlow } from './places-of-flow.ts';

/** A flow that was not asked for at the broker, or was refused there: its file tells whether it is one that writes. */
export interface Through {
  readonly broker: ChosenBroker;
  readonly refusal: unknown;
}

/**
 * `flows NAME`, run here.
 * @param through a broker is set: what only reads is asked for there and never run here, what writes says that it is
 */
export async function flowCommand(
  invocation: Invocation,
  name: string,
  words: number,
  through?: Through,
): Promise<number> {
  const { argv, terminal } = invocation;
  return withApp(invocation, async (app) => {
    const problems = problemsOf(app.folder, name);
    if (problems.length > 0) {
      tellProblems(problems, terminal);
      return errorCodes.invalid.exit;
    }
    const declared = app.folder.flows.get(name);
    if (declared === undefined) throw through?.refusal ?? unknownWord(name, app);
    if (wantsHelp(argv)) {
      terminal.out(flowHelp(declared));
      return 0;
    }
    if (!declared.breakGlass || !isClosing(argv, words)) return runDeclared(app, declared, words, invocation, through);
    if (declared.close === undefined)
      throw new FlowError('usage', 'nothing is said of how a use of it is closed', {
        hint: 'name the flow that does: break-glass: { close: FLOW }',
        place: { flow: name },
      });
    return closeUse(app, declared, invocation, async (closing) =>
      runDeclared(app, app.flow(closing), words + 1, invocation, undefined),
    );
  });
}

async function runDeclared(
  app: App,
  declared: Flow,
  words: number,
  invocation: Invocation,
  through: Through | undefined,
): Promise<number> {
  const { argv, terminal } = invocation;
  const { name } = declared;
  const asked = through !== undefined && declared.effect === 'none';
  const flow = asked ? declared : app.flow(name);
  const given = parseArguments(argv, {
    ...commonOptions,
    ...optionsOf(flow),
    ...inputOptions(flow),
  });
  const extra = given.positionals[words];
  if (extra !== undefined) throw unexpectedWord(extra, `inputs are options: see flows ${name} --help`);
  const inputNames = new Set(flow.inputs.map((input) => input.name));
  const inputs = parseInputs(
    flow,
    Object.fromEntries(Object.entries(given.values).filter(([key]) => inputNames.has(key))),
  );
  const chosen = new Set(Object.keys(optionsOf(flow)).filter((option) => given.values[option] === true));
  refuseOptions(flow, chosen);
  const reason = asked || chosen.has('plan') ? undefined : await reasonOf(flow, given.values, terminal);
  if (flow.effect === 'write') {
    if (through !== undefined)
      terminal.note(`${name} writes: it runs here, in environment ${app.environment().name}, not at the broker`);
    return writing(app, flow, inputs, chosen, reason, invocation);
  }
  if (chosen.has('plan')) return nothingToPlan(app, flow, chosen, terminal);
  if (!asked) return reading(app, flow, inputs, chosen, reason, invocation);
  throw (
    through.refusal ?? new FlowError('usage', 'only a flow that writes has these options', { place: { flow: name } })
  );
}

function nothingToPlan(app: App, flow: Flow, chosen: ReadonlySet<string>, terminal: Terminal): number {
  const nothing = { flow: flow.name, environment: app.environment().name, steps: [], wouldChange: false };
  terminal.out(
    chosen.has('json') ? `${JSON.stringify(nothing)}\n` : `${flow.name}: nothing would change, it only reads\n`,
  );
  return 0;
}

async function reading(
  app: App,
  flow: Flow,
  inputs: Inputs,
  chosen: ReadonlySet<string>,
  reason: string | undefined,
  { terminal }: Invocation,
): Promise<number> {
  const tokens = createSources();
  const trail = await audited(app, { ...localRun(app, flow), reason, jti: tokens.jti }, terminal);
  const live = flow.output?.kind === 'mapping' && isLookedAt(chosen, terminal);
  const run = (again: boolean) =>
    trail.answer(() => app.run(flow, inputs, { options: chosen, live, again, reason, onEvent: tokens.onEvent }));
  const output = await run(false);
  await tellWhere(app, flow, terminal);
  await showOutput(output, chosen, terminal, () => run(true));
  return 0;
}

async function writing(
  app: App,
  flow: Flow,
  inputs: Inputs,
  chosen: ReadonlySet<string>,
  reason: string | undefined,
  invocation: Invocation,
): Promise<number> {
  const { terminal, signal } = invocation;
  const onlyPlan = chosen.has('plan');
  if (!onlyPlan && !chosen.has('yes') && !terminal.interactive) {
    throw new FlowError('refused', 'it writes, and there is no terminal to ask on', {
      hint: 'add --yes to write without asking, or --plan to see what would change',
      place: { flow: flow.name },
    });
  }
  const asking = flow.steps.find(asksPeople);
  if (asking !== undefined && !onlyPlan && !terminal.interactive) {
    throw new FlowError('refused', 'it asks people, and there is no terminal to ask on', {
      hint: 'run it at a terminal, or begin it at the broker, where its run waits for them',
      place: { flow: flow.name, step: asking.id },
    });
  }
  const trail = await audited(app, { ...localRun(app, flow), reason }, terminal);
  if (chosen.has('yes') && !onlyPlan) return unasked(app, flow, inputs, { chosen, reason }, trail, invocation);
  const plan = await app.plan(flow, inputs, { options: chosen });
  await tellWhere(app, flow, terminal);
  if (onlyPlan) {
    terminal.out(chosen.has('json') ? `${JSON.stringify(plan)}\n` : planText(plan, terminal.paint));
    if (plan.conflicts) return errorCodes.conflict.exit;
    return plan.wouldChange && chosen.has('detailed-exitcode') ? endings['would-change'].exit : 0;
  }
  terminal.err(planText(plan, terminal.paintErr));
  if (plan.wouldChange && !plan.conflicts) await agree(plan, terminal);
  signal.throwIfAborted();
  const onEvent = tellSteps(terminal);
  const output = await trail.change(async (begin) => {
    await begin();
    return app.run(flow, inputs, { options: chosen, plan, reason, onEvent, ...whoIsHere(terminal, signal, trail) });
  });
  await showOutput(output, chosen, terminal);
  return 0;
}

/** With --yes nobody looks at the plan in between: it is the run's own, and nothing is asked for twice. */
async function unasked(
  app: App,
  flow: Flow,
  inputs: Inputs,
  { chosen, reason }: { readonly chosen: ReadonlySet<string>; readonly reason: string | undefined },
  trail: Audited,
  { terminal, signal }: Invocation,
): Promise<number> {
  const output = await trail.change((begin) =>
    app.run(flow, inputs, {
      options: chosen,
      reason,
      onEvent: tellSteps(terminal),
      ...whoIsHere(terminal, signal, trail),
      async onPlan(plan) {
        await tellWhere(app, flow, terminal);
        terminal.err(planText(plan, terminal.paintErr));
        signal.throwIfAborted();
        await begin();
      },
    }),
  );
  await showOutput(output, chosen, terminal);
  return 0;
}

function whoIsHere(
  terminal: Terminal,
  signal: AbortSignal,
  trail: Audited,
): { askPeople: AskPeople; askForValue: AskForValue } {
  return {
    askPeople: askHere(terminal, trail),
    askForValue: (question) => askForValueHere(question, terminal, signal),
  };
}

/** Who runs a flow has the vault's token: they answer for the approvers, and it is their name that stands for the yes. */
function askHere(terminal: Terminal, trail: Audited): AskPeople {
  return async (step, { reason, approvers }) => {
    const user = localAgent();
    const reply = await terminal.ask(`${oneLine(reason)}: asked of ${approvers.join(', ')}. Yes, as ${user}? [y/N] `);
    const yes = isYes(reply);
    // on the trail before it counts
    await trail.answered(step, yes);
    if (yes) return user;
    throw new FlowError('aborted', 'answered with no', { hint: 'nothing more was done' });
  };
}

/** A line for each step that wrote, or took back what it held back, with the time that it took. */
function tellSteps(terminal: Terminal): (event: RunEvent) => void {
  return (event) => {
    const { effect, step, type } = event;
    if (effect !== 'write' || (type !== 'step-finished' && type !== 'step-taken-back')) return;
    const took = `(${(event.milliseconds / 1000).toFixed(1)} s)`;
    terminal.tell('done', type === 'step-finished' ? `${step} ${took}` : `${step} took back what was pending ${took}`);
  };
}

/** What the trail says of it: its name, and what it reads. */
function localRun(app: App, flow: Flow): LocalRun {
  const { references } = usesOf(flow, app.environment());
  const read = references.filter(({ access }) => access === 'read').map(({ reference }) => reference.toString());
  return { action: 'local.run', what: [flow.name, ...new Set(read)], breakGlass: flow.breakGlass };
}

/** After something was asked: only then is it known where a vault's token leads. */
async function tellWhere(app: App, flow: Flow, terminal: Terminal): Promise<void> {
  const kept =
    flow.effect === 'write' || flow.breakGlass ? '' : '; nothing is kept between commands: `flows serve` does that';
  terminal.note(`${flow.name}: ${await placesOfFlow(app, flow)}${kept}`, 'dim');
}

async function agree(plan: Plan, terminal: Terminal): Promise<void> {
  const reply = await terminal.ask(`Do this in environment ${plan.environment}? [y/N] `);
  if (isYes(reply)) return;
  throw new FlowError('aborted', 'nothing was changed', { place: { flow: plan.flow } });
}

function isYes(reply: string | undefined): boolean {
  return reply !== undefined && /^y(es)?$/i.test(reply.trim());
}

function unknownWord(name: string, { folder }: App): FlowError {
  const hint = suggest(name, [...folder.flows.keys(), ...commandNames]);
  return new FlowError('usage', `unknown command or flow "${name}"`, { hint: hint ?? 'run `flows` for the list' });
}

/** Options that do not go together, before anything is contacted. */
function refuseOptions(flow: Flow, chosen: ReadonlySet<string>): void {
  const place = { flow: flow.name };
  if (chosen.has('detailed-exitcode') && !chosen.has('plan')) {
    throw new FlowError('usage', '--detailed-exitcode goes with --plan', { hint: 'add --plan', place });
  }
  if (!chosen.has('header')) return;
  if (chosen.has('json'))
    throw new FlowError('usage', '--header and --json are two answers', { hint: 'leave one out', place });
  if (presentedAs(flow) !== 'token')
    throw new FlowError('usage', 'its output is not a token', { hint: 'leave --header out', place });
}
