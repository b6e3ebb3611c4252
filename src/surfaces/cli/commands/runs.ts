import type {
  OperatorRunsView,
  OperatorRunView,
  OperatorStepView,
  ScheduleView,
} from '../../../broker/runs/run-views.ts';
import { FlowError, oneLine } from '../../../foundation/errors.ts';
import { operatorPaths, pathOf } from '../../../foundation/wire.ts';
import { commonArguments } from '../arguments.ts';
import { askBroker } from '../ask-broker.ts';
import { commandTable } from '../command-table.ts';
import type { Command, Invocation } from '../invocation.ts';
import { listPath } from '../list-options.ts';
import { columns, type Style, type Terminal } from '../terminal.ts';
import { callVerb } from '../verbs.ts';
import { withApp } from '../with-app.ts';

const own = commandTable.runs.verbs;
const verbs = { list, show, cancel, resume } satisfies Record<keyof typeof own, Command>;

/** `flows runs`: runs of flows, as the broker that runs for this folder keeps them. */
export function runs(invocation: Invocation): Promise<number> {
  return callVerb(invocation, commandTable.runs, verbs, 'list');
}

const states: Readonly<Record<OperatorRunView['state'], Style>> = {
  planned: 'cyan',
  running: 'cyan',
  waiting: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
  'outcome-unknown': 'red',
};

async function list(invocation: Invocation): Promise<number> {
  const { values } = commonArguments(invocation.argv, own.list.options, 2);
  const { terminal, signal } = invocation;
  const path = listPath(operatorPaths.runs, values, ['flow', 'agent'], Object.keys(states));
  return withApp(invocation, async (app) => {
    // the broker of this folder gives what its schema says
    const found = (await askBroker(app, { method: 'GET', path, signal })) as unknown as OperatorRunsView;
    if (values['json'] === true) {
      terminal.out(`${JSON.stringify({ runs: found.runs, schedules: found.schedules })}\n`);
      return 0;
    }
    if (found.runs.length === 0) terminal.note('no runs', 'dim');
    else terminal.out(columns(found.runs.map((run) => cells(run, terminal))));
    for (const each of found.schedules) terminal.note(scheduleText(each), 'dim');
    return 0;
  });
}

async function show(invocation: Invocation): Promise<number> {
  const { values, positionals } = commonArguments(invocation.argv, own.show.options, 3);
  const { terminal, signal } = invocation;
  const id = idIn(positionals);
  const path = pathOf(operatorPaths.run, id);
  return withApp(invocation, async (app) => {
    const answer = await askBroker(app, { method: 'GET', path, about: `run "${id}"`, signal });
    const run = answer as unknown as OperatorRunView & { readonly steps: readonly OperatorStepView[] };
    if (values['json'] === true) {
      const { requestId: _, ...shown } = answer;
      terminal.out(`${JSON.stringify(shown)}\n`);
      return 0;
    }
    const [first = '', ...others] = cells(run, terminal);
    terminal.out(`${terminal.paint('bold', first)}  ${others.join('  ')}\n`);
    terminal.out(columns(run.steps.map((step) => stepCells(step, terminal))));
    if (run.state === 'waiting' && run.approval !== undefined)
      terminal.note(`it waits for a person's yes: flows approve ${run.approval.id}`, 'dim');
    return 0;
  });
}

async function cancel(invocation: Invocation): Promise<number> {
  return change(invocation, own.cancel.options, operatorPaths.cancelRun, 'it ends before its next step');
}

async function resume(invocation: Invocation): Promise<number> {
  return change(invocation, own.resume.options, operatorPaths.resumeRun, 'it goes on');
}

async function change(
  { argv, ...invocation }: Invocation,
  options: typeof own.cancel.options,
  route: `${string}{run}${string}`,
  said: string,
): Promise<number> {
  const { values, positionals } = commonArguments(argv, options, 3);
  const { terminal, signal } = invocation;
  const id = idIn(positionals);
  const path = pathOf(route, id);
  return withApp({ argv, ...invocation }, async (app) => {
    const { requestId: _, ...run } = await askBroker(app, { method: 'POST', path, about: `run "${id}"`, signal });
    if (values['json'] === true) terminal.out(`${JSON.stringify(run)}\n`);
    else terminal.tell('done', said);
    return 0;
  });
}

function idIn([, , id]: readonly string[]): string {
  if (id !== undefined && /^[\w-]{1,200}$/.test(id)) return id;
  throw new FlowError('usage', id === undefined ? 'a run is missing' : 'that is no run', {
    hint: '`flows runs` lists them',
  });
}

function cells(run: OperatorRunView, terminal: Terminal): readonly string[] {
  const { agent, approval, code, created, flow, id, reason, state, step, told } = run;
  const facts = [
    approval === undefined || state !== 'waiting' ? undefined : `waits for ${approval.id}`,
    step === undefined || state === 'succeeded' ? undefined : `step ${step}`,
    told ?? (code === state ? undefined : code),
    reason === undefined ? undefined : `reason: ${reason}`,
  ];
  return [
    id,
    flow,
    agent,
    terminal.paint(states[state], state),
    created.slice(0, 19),
    oneLine(facts.filter((fact) => fact !== undefined).join('; ')),
  ];
}

const stepStates: Readonly<Record<OperatorStepView['state'], Style>> = {
  started: 'cyan',
  done: 'green',
  cached: 'green',
  unchanged: 'dim',
  failed: 'red',
  'taken-back': 'yellow',
};

function stepCells({ step, uses, state, started, code }: OperatorStepView, terminal: Terminal): readonly string[] {
  return [`  ${started.slice(11, 19)}`, step, uses, terminal.paint(stepStates[state], state), code ?? ''];
}

function scheduleText({ flow, last, next }: ScheduleView): string {
  const text = (time: string | undefined) => time?.slice(0, 16).concat('Z') ?? 'never';
  return `schedule of ${flow}: last ${text(last)}, next ${text(next)}`;
}
