import { type App, openApp } from '../../../app/open-app.ts';
import type { Output } from '../../../engine/output.ts';
import type { Plan } from '../../../engine/plan.ts';
import type { Flow } from '../../../folder/flows/flow.ts';
import { type Inputs, parseInputs } from '../../../folder/flows/inputs.ts';
import type { TakenEnvironment } from '../../../foundation/environment-variables.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { problemsOf } from '../tell-problems.ts';
import { madeUpInputs } from './made-up-inputs.ts';
import { createReport, type Report, type ReportOptions } from './report.ts';

export interface SmokeTestOptions extends ReportOptions {
  readonly dir: string;
  readonly taken: TakenEnvironment;
}

/**
 * Runs each flow of a folder against the laptop stack, a line each: what only reads is run; what writes is planned, run
 * and planned again, and then nothing may be left to change.
 * @returns how many did not hold
 */
export async function smokeTest(options: SmokeTestOptions): Promise<number> {
  const { dir, taken, terminal, signal } = options;
  const report = createReport(options);
  const app = await openApp({
    dir,
    environment: 'development',
    taken,
    signal,
    warn: (message) => terminal.tell('warning', message),
    progress: (message) => terminal.note(message, 'dim'),
  });
  try {
    for (const name of app.folder.broken) await report.line(name, () => broken(app, name));
    const flows = [...app.folder.flows.values()].filter(({ name }) => !app.folder.broken.has(name));
    // what is read is there from the start; what is written may be anything
    for (const effect of ['none', 'write'] as const)
      for (const flow of flows) if (flow.effect === effect) await tryOut(app, flow, report);
    terminal.out(`\n${report.summary()}.\n`);
    return report.failed();
  } finally {
    await app.close();
  }
}

async function broken(app: App, name: string): Promise<never> {
  const [problem] = problemsOf(app.folder, name);
  const { file, line, column, message = 'it has problems', hint } = problem ?? {};
  throw new FlowError('invalid', message, { hint, place: { location: `${file}:${line}:${column}` } });
}

async function tryOut(app: App, flow: Flow, { line, skip }: Report): Promise<void> {
  const { name, environments } = flow;
  if (environments?.includes('development') === false) {
    skip(name, `not for the laptop: environments: ${environments.join(', ')}`);
    return;
  }
  const { given, unknown } = madeUpInputs(flow);
  if (unknown !== undefined) {
    skip(name, `the input "${unknown}" cannot be made up: give it a default`);
    return;
  }
  const inputs = parseInputs(flow, given);
  await line(name, async () =>
    flow.effect === 'none' ? read(await app.run(flow, inputs)) : written(app, flow, inputs),
  );
}

/** What it gave, by name: never a value. */
function read(output: Output): string {
  if (output.kind === 'mapping') return `read: ${output.entries.map(([name]) => name).join(', ')}`;
  return output.kind === 'scalar' && output.value.as === 'token' ? 'a token' : 'read';
}

async function written(app: App, flow: Flow, inputs: Inputs): Promise<string> {
  const plan = await app.plan(flow, inputs);
  await app.run(flow, inputs, { plan });
  const again = await app.plan(flow, inputs);
  const left = leftover(again);
  if (left !== undefined)
    throw new FlowError('conflict', `run again, it would change something again: ${left}`, {
      hint: 'a second run must find everything done; see flows NAME --plan',
    });
  return plan.wouldChange ? 'planned, run, and nothing left to change' : 'nothing to change';
}

/** What a plan would change, in a few words. */
function leftover({ steps, wouldChange }: Plan): string | undefined {
  if (!wouldChange) return undefined;
  const [first] = steps.flatMap(({ step, effect, changes }) => {
    if (effect === 'none') return [];
    if (changes === 'known after run') return [`step "${step}" is known after run`];
    return changes.flatMap(({ action, what }) => (action === 'none' ? [] : [`step "${step}": ${action} ${what}`]));
  });
  return first;
}
