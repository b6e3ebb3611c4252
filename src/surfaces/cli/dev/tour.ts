import { drillOf, runDrill } from '../../../app/drill.ts';
import { type App, openApp } from '../../../app/open-app.ts';
import type { DevBroker } from './laptop-broker.ts';
import { proofLines } from '../drill/drill-text.ts';
import { outputLines } from '../flow/output-text.ts';
import { planText } from '../flow/plan-text.ts';
import { createReport, type Line, type ReportOptions } from './report.ts';
import type { Terminal } from '../terminal.ts';
import { rotationTour } from './tour-rotation.ts';
import { brokerTour } from './tour-broker.ts';
import type { TakenEnvironment } from '../../../foundation/environment-variables.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { localAgent } from '../../../foundation/local-user.ts';
import { parseInputs } from '../../../folder/flows/inputs.ts';
import type { Output } from '../../../engine/output.ts';
import { outputJson } from '../../../engine/output-json.ts';
import type { RunningStack } from '../../../laptop/start-stack.ts';

export interface TourOptions extends ReportOptions {
  readonly stack: RunningStack;
  /** the broker of the same folder, if it has one */
  readonly broker: DevBroker | undefined;
  readonly dir: string;
  readonly taken: TakenEnvironment;
  /** how the command is called, for what it shows of a process of its own; default: as this one was */
  readonly command?: readonly string[];
}

/** The flows that it shows; another folder has others. */
export const touredFlows = [
  'orders-token',
  'break-glass',
  'break-glass-drill',
  'new-user',
  'rotate-orders-client',
  'seed-runtime',
  'create-order',
];

/** The account that the tour makes; the commands that are printed afterwards make another. */
const person = { email: 'grace@example.com', 'given-name': 'Grace', 'family-name': 'Hopper' };

/** Runs the shipped flows once, with the real client libraries, a line each. @returns how many lines did not hold */
export async function tour(options: TourOptions): Promise<number> {
  const { stack, terminal, signal } = options;
  const report = createReport(options);
  const { line } = report;
  const app = await openApp({
    dir: options.dir,
    environment: 'development',
    taken: options.taken,
    signal,
    warn: (message) => terminal.tell('warning', message),
    progress: (message) => terminal.note(message, 'dim'),
    waiting: terminal.waits,
  });
  try {
    await line('check', () => Promise.resolve(checked(app)));
    await tokens(app, line, stack, terminal);
    await breakGlass(app, line, terminal);
    await newUser(app, line, terminal);
    await rotationTour(app, line, stack);
    await push(app, line, terminal);
    const { broker, command = [process.execPath, ...process.execArgv, process.argv[1] ?? ''] } = options;
    if (broker !== undefined) await brokerTour({ broker, command, stack, spent: () => spent(stack) }, line);
    terminal.out(`\n${report.summary()}: ${spent(stack)}.\n`);
    return report.failed();
  } finally {
    await app.close();
  }
}

function checked(app: App): string {
  const { problems, flows, settings } = app.folder;
  const [problem] = problems;
  if (problem !== undefined)
    throw new FlowError('invalid', problem.message, {
      place: { location: `${problem.file}:${problem.line}:${problem.column}` },
    });
  return `${flows.size} flows in ${settings.environments.size} environments, no problems`;
}

async function run(app: App, name: string, given: Readonly<Record<string, unknown>> = {}): Promise<Output> {
  const flow = app.flow(name);
  return app.run(flow, parseInputs(flow, given));
}

async function tokens(app: App, line: Line, stack: RunningStack, terminal: Terminal): Promise<void> {
  let bearer = '';
  const token = async () => {
    const output = await run(app, 'orders-token');
    if (output.kind !== 'scalar' || output.value.as !== 'token')
      throw new FlowError('protocol', 'the flow gave no token');
    return output.value.token.accessToken.reveal();
  };
  await line('orders-token', async () => {
    bearer = await token();
    const [header = '', claims = ''] = bearer.split('.');
    const decoded = [header, claims].map((part) => Buffer.from(part, 'base64url').toString());
    return `a JWT\n${decoded.map((part) => `        ${terminal.paint('dim', part)}`).join('\n')}`;
  });
  const orders = new URL('/orders', stack.addresses.ordersApi);
  await line('Orders API, no token', async () => `${expectStatus(await fetch(orders), 401)} ${orders.href}`);
  await line('Orders API, token', async () => {
    const response = await fetch(orders, { headers: { authorization: `Bearer ${bearer}` } });
    return `${expectStatus(response, 200)} ${orders.href}`;
  });
  await line('orders-token again', async () => {
    const before = spent(stack);
    if ((await token()) !== bearer || spent(stack) !== before)
      throw new FlowError('internal', 'the token did not come from the cache');
    return 'the same token, from the cache: no request';
  });
}

function expectStatus({ status }: Response, expected: number): number {
  if (status !== expected) throw new FlowError('protocol', `status ${status}, expected ${expected}`);
  return status;
}

async function breakGlass(app: App, line: Line, terminal: Terminal): Promise<void> {
  await line('break-glass', async () => {
    const output = await run(app, 'break-glass');
    const entries = output.kind === 'mapping' ? output.entries : [];
    return `\n${indented(outputLines(entries, { reveal: false, now: Date.now(), paint: terminal.paint }))}`;
  });
  await line('break-glass-drill', async () => {
    const drill = drillOf(app, 'break-glass-drill');
    if (drill === undefined) throw new FlowError('invalid', 'it signs in nowhere');
    const proof = await runDrill(app, drill, { id: 'tour', by: localAgent(), now: Date.now });
    const [broken] = proof.found.broken;
    if (broken !== undefined) throw new FlowError('denied', broken.why);
    return `\n${indented(proofLines(proof).join('\n'))}`;
  });
}

async function newUser(app: App, line: Line, terminal: Terminal): Promise<void> {
  await planned(app, line, terminal, 'new-user', person);
}

async function push(app: App, line: Line, terminal: Terminal): Promise<void> {
  await planned(app, line, terminal, 'seed-runtime', {});
  await line('seed-runtime, plan again', async () => {
    const flow = app.flow('seed-runtime');
    const plan = await app.plan(flow, parseInputs(flow, {}));
    if (plan.wouldChange) throw new FlowError('internal', 'a second plan would change something');
    return 'nothing would change';
  });
}

async function planned(
  app: App,
  line: Line,
  terminal: Terminal,
  name: string,
  given: Readonly<Record<string, unknown>>,
): Promise<void> {
  const flow = app.flow(name);
  const inputs = parseInputs(flow, given);
  const agreed: { plan?: Awaited<ReturnType<App['plan']>> } = {};
  await line(`${name}, plan`, async () => {
    agreed.plan = await app.plan(flow, inputs);
    return `\n${indented(planText(agreed.plan, terminal.paint))}`;
  });
  await line(`${name}, run`, async () => {
    if (agreed.plan === undefined) throw new FlowError('aborted', 'there is no plan to run');
    return described(await app.run(flow, inputs, { plan: agreed.plan }));
  });
}

function described(output: Output): string {
  return output.kind === 'mapping'
    ? `\n${indented(outputLines(output.entries, { reveal: false, now: Date.now(), paint: (_, text) => text }))}`
    : JSON.stringify(outputJson(output, Date.now()));
}

/** What the stack was asked, in one line. */
function spent({ vault, identityProvider, secretsManager }: RunningStack): string {
  const { token, scim } = identityProvider.requests();
  const aws = Object.values(secretsManager.calls()).reduce((total, count) => total + count, 0);
  return `${vault.requests()} vault requests, ${token} token requests, ${scim} SCIM requests, ${aws} AWS calls`;
}

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, '        ');
}
