import type { App } from '../../../app/open-app.ts';
import { type AuditLine, inTime, readTrail } from '../../../audit/read-trail.ts';
import { segmentsOf } from '../../../audit/segments.ts';
import { trailsOf } from '../../../audit/find-trails.ts';
import { FlowError, oneLine } from '../../../foundation/errors.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import { type AgentRunOutcome, operatorPaths, pathOf } from '../../../foundation/wire.ts';
import { durationText } from '../../../foundation/duration.ts';
import { commonArguments } from '../arguments.ts';
import { askBroker } from '../ask-broker.ts';
import { commandTable } from '../command-table.ts';
import type { Command, Invocation } from '../invocation.ts';
import { listPath } from '../list-options.ts';
import { columns, counted, type Style, type Terminal } from '../terminal.ts';
import { callVerb } from '../verbs.ts';
import { withApp } from '../with-app.ts';

const own = commandTable['agent-runs'].verbs;
const verbs = { list, show, end } satisfies Record<keyof typeof own, Command>;

/** `flows agent-runs`: tasks of agents, as the broker that runs for this folder keeps them. */
export function agentRuns(invocation: Invocation): Promise<number> {
  return callVerb(invocation, commandTable['agent-runs'], verbs, 'list');
}

/** A run as the broker tells of it. Times are epoch milliseconds. */
interface ToldRun {
  readonly run: string;
  readonly parent?: string;
  readonly agent: string;
  readonly begun_by: string;
  readonly proven_by: string;
  readonly allow?: readonly string[];
  readonly reason?: string;
  readonly claimed?: string;
  readonly begun: number;
  readonly expires: number;
  readonly ended?: number;
  readonly outcome?: AgentRunOutcome;
}

const states: Readonly<Record<'running' | AgentRunOutcome, Style>> = {
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
  expired: 'yellow',
  lost: 'red',
};

async function list(invocation: Invocation): Promise<number> {
  const { values } = commonArguments(invocation.argv, own.list.options, 2);
  const { terminal, signal } = invocation;
  const now = Date.now();
  const path = listPath(operatorPaths.agentRuns, values, ['agent'], Object.keys(states));
  return withApp(invocation, async (app) => {
    const runs = runsIn(await askBroker(app, { method: 'GET', path, signal }));
    if (values['json'] === true) terminal.out(`${JSON.stringify(runs)}\n`);
    else if (runs.length === 0) terminal.note('no agent runs', 'dim');
    else terminal.out(columns(runs.map((run) => cells(run, terminal, now))));
    return 0;
  });
}

async function show(invocation: Invocation): Promise<number> {
  const { values, positionals } = commonArguments(invocation.argv, own.show.options, 3);
  const { terminal, signal } = invocation;
  const id = runOf(positionals);
  return withApp(invocation, async (app) => {
    const path = pathOf(operatorPaths.agentRun, id);
    const tree = runsIn(await askBroker(app, { method: 'GET', path, about: `agent run "${id}"`, signal }));
    const shown = values['tree'] === true ? tree : tree.slice(0, 1);
    const asked = await linesOf(app, new Set(shown.map(({ run }) => run)), shown[0]?.begun ?? 0);
    if (values['json'] === true) {
      const whole = shown.map((run) => ({ ...run, requests: asked.get(run.run) ?? [] }));
      terminal.out(`${JSON.stringify(whole)}\n`);
      return 0;
    }
    for (const run of inOrder(shown)) showRun(run, asked.get(run.run) ?? [], terminal);
    const hidden = tree.length - shown.length;
    if (hidden > 0) terminal.note(`${hidden} below it: add --tree`, 'dim');
    return 0;
  });
}

async function end(invocation: Invocation): Promise<number> {
  const { values, positionals } = commonArguments(invocation.argv, own.end.options, 3);
  const { terminal, signal } = invocation;
  const id = runOf(positionals);
  return withApp(invocation, async (app) => {
    const path = pathOf(operatorPaths.endAgentRun, id);
    const { ended } = await askBroker(app, { method: 'POST', path, about: `agent run "${id}"`, signal });
    if (values['json'] === true) terminal.out(`${JSON.stringify({ ended })}\n`);
    else if (ended === 0) terminal.tell('warning', `${id} had ended already, or there is no such run`);
    else terminal.tell('done', `ended ${counted(Number(ended), 'agent run')}`);
    return 0;
  });
}

function runOf([, , id]: readonly string[]): string {
  if (id !== undefined && /^[\w.-]{1,200}$/.test(id)) return id;
  throw new FlowError('usage', id === undefined ? 'an agent run is missing' : 'that is no agent run', {
    hint: '`flows agent-runs` lists them',
  });
}

/** the broker of this folder gives what its schema says */
function runsIn({ runs }: Readonly<Record<string, unknown>>): readonly ToldRun[] {
  return runs as readonly ToldRun[];
}

function cells(run: ToldRun, terminal: Terminal, now: number): readonly string[] {
  const state = run.outcome ?? 'running';
  const { begun, ended = now } = run;
  const seconds = Math.max(1, Math.round((ended - begun) / 1_000));
  const narrowed = run.allow === undefined ? '' : `narrowed to ${run.allow.join(', ')}`;
  const facts = [narrowed, run.reason === undefined ? '' : `reason: ${run.reason}`];
  return [
    run.run,
    run.agent,
    terminal.paint(states[state], state),
    new Date(begun).toISOString().slice(0, 19),
    durationText(seconds < 120 ? seconds : Math.round(seconds / 60) * 60),
    oneLine(facts.filter((fact) => fact !== '').join('; ')),
  ];
}

/** What runs asked for, as the trail has it. */
async function linesOf(app: App, runs: ReadonlySet<string>, since: number) {
  const files = trailsOf(app.environment(), stateFolder());
  const found = new Map<string, AuditLine[]>();
  // a broker's clock may be another than the database's
  const streams = files.map((file) => readTrail(segmentsOf(file), { since: since - 60_000 }));
  for await (const line of inTime(streams)) {
    const { agentRun = '' } = line;
    if (runs.has(agentRun)) found.set(agentRun, [...(found.get(agentRun) ?? []), line]);
  }
  return found;
}

interface Placed extends ToldRun {
  readonly depth: number;
}

/** Each run with those below it right under it. */
function inOrder(runs: readonly ToldRun[]): readonly Placed[] {
  const below = Map.groupBy(runs, ({ parent }) => parent);
  const known = new Set(runs.map(({ run }) => run));
  const placed = (run: ToldRun, depth: number): readonly Placed[] => [
    { ...run, depth },
    ...(below.get(run.run) ?? []).flatMap((child) => placed(child, depth + 1)),
  ];
  return runs.filter(({ parent }) => parent === undefined || !known.has(parent)).flatMap((run) => placed(run, 0));
}

const outcomes: Readonly<Record<string, Style>> = { allowed: 'green', denied: 'red', failed: 'yellow' };

function showRun(run: Placed, lines: readonly AuditLine[], terminal: Terminal): void {
  const indent = '  '.repeat(run.depth);
  const [id, ...others] = cells(run, terminal, Date.now());
  terminal.out(`${indent}${terminal.paint('bold', id ?? '')}  ${others.join('  ')}\n`);
  const rows = lines.map(({ at, action, outcome, what, code, rule, approval, request }) => [
    `${indent}  ${terminal.paint('dim', oneLine(at).slice(11, 19))}`,
    oneLine(action),
    terminal.paint(outcomes[outcome] ?? 'bold', oneLine(outcome)),
    oneLine(what.map(String).join(', ')),
    oneLine(
      [code, rule, approval === undefined ? undefined : `approval ${approval}`, `request ${request}`]
        .filter(Boolean)
        .join('; '),
    ),
  ]);
  terminal.out(columns(rows));
}
