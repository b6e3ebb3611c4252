import { join } from 'node:path';
import type { App } from '../../../app/open-app.ts';
import { type AuditFilter, type AuditLine, inTime, readTrail } from '../../../audit/read-trail.ts';
import { segmentsOf } from '../../../audit/segments.ts';
import { FlowError, oneLine } from '../../../foundation/errors.ts';
import { suggest } from '../../../language/nearest-name.ts';
import { parseArguments, textOf, unexpectedWord } from '../arguments.ts';
import { commandTable, commonOptions, type OptionTable } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';
import { timeOption } from '../time-option.ts';
import { trailsOfApp } from '../trails-of-app.ts';
import { withApp } from '../with-app.ts';
import { columns, type Style, type Terminal } from '../terminal.ts';

const lists: OptionTable = commandTable.audit.options;
const verifies: OptionTable = commandTable.audit.verbs.verify.options;

/** `flows audit`: what was asked for, and what came of it. `flows audit verify`: whether the trail is as it was written. */
export async function audit(invocation: Invocation): Promise<number> {
  const { positionals, values } = parseArguments(invocation.argv, { ...commonOptions, ...lists, ...verifies });
  const [, word, extra] = positionals;
  if (word !== undefined && word !== 'verify') {
    throw unexpectedWord(word, suggest(word, ['verify']) ?? 'write flows audit, or flows audit verify');
  }
  if (extra !== undefined) throw unexpectedWord(extra);
  const own = { ...commonOptions, ...(word === 'verify' ? verifies : lists) };
  const wrong = Object.keys(values).find((name) => !Object.hasOwn(own, name));
  if (wrong !== undefined) {
    const place = word === 'verify' ? 'flows audit' : 'flows audit verify';
    throw new FlowError('usage', `option --${wrong} goes with ${place}`, { hint: 'leave it out' });
  }
  const { terminal } = invocation;
  return withApp(invocation, async (app) => {
    if (word === undefined) return list(app, values, invocation);
    if (values['approvals'] === true) {
      const { verifyApprovals } = await import('../audit/verify-approvals.ts');
      const lines = inTime((await trails(app, values, terminal, true)).map((file) => readTrail(segmentsOf(file))));
      const file = textOf(values, 'policy') ?? join(app.folder.dir, 'policy.yaml');
      const { laptop } = app.environment();
      return verifyApprovals(lines, { file, laptop }, terminal, values['json'] === true);
    }
    const { verify } = await import('../audit/verify-trails.ts');
    return verify(app, await trails(app, values, terminal, true), values, terminal);
  });
}

/** Trails by their files: the one that is named, else those of the environment. @param verifying tells of one that service.yaml names and that is not there */
async function trails(
  app: App,
  { file }: Readonly<Record<string, string | boolean>>,
  terminal: Terminal,
  verifying = false,
): Promise<readonly string[]> {
  const found = typeof file === 'string' ? [file] : await trailsOfApp(app, terminal);
  const there = found.filter((each) => segmentsOf(each).length > 0);
  const told = verifying && file === undefined && app.environment().audit.file !== undefined;
  if (there.length > 0 || told) return there;
  throw new FlowError('not-found', 'there is no audit trail', {
    hint: 'it begins with the first run; another environment with --environment, another file with --file',
    ...(typeof file === 'string' ? { place: { subject: file } } : {}),
  });
}

async function list(
  app: App,
  values: Readonly<Record<string, string | boolean>>,
  { terminal, signal }: Invocation,
): Promise<number> {
  const filter = filterOf(values, Date.now());
  const lines = inTime((await trails(app, values, terminal)).map((file) => readTrail(segmentsOf(file), filter)));
  const show = values['json'] === true ? asJson : asTable;
  let batch: AuditLine[] = [];
  for await (const line of lines) {
    signal.throwIfAborted();
    if (batch.push(line) < 1000) continue;
    show(batch, terminal);
    batch = [];
  }
  show(batch, terminal);
  return 0;
}

function asJson(lines: readonly AuditLine[], terminal: Terminal): void {
  terminal.out(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** columns of a cell: one that names many secrets pads no other line */
const widest = 40;
const styles: Readonly<Record<string, Style>> = { allowed: 'green', denied: 'red', failed: 'yellow' };

/** What agents have said is text from outside: on one line each, without control characters. */
function asTable(lines: readonly AuditLine[], terminal: Terminal): void {
  const rows = lines.map((line) => [
    terminal.paint('dim', oneLine(line.at)),
    oneLine(line.agent),
    oneLine(line.action),
    terminal.paint(styles[line.outcome] ?? 'bold', oneLine(line.outcome)),
    oneLine(line.what.map(String).join(', ')),
    oneLine(details(line)),
  ]);
  terminal.out(columns(rows, widest));
}

function details({ code, source, rule, detail, reason, agentRun, run, request }: AuditLine): string {
  const facts = [
    code,
    source === undefined ? undefined : `from ${source}`,
    rule,
    detail,
    reason === undefined ? undefined : `reason: ${reason}`,
    agentRun === undefined ? undefined : `agent run ${agentRun}`,
    run === undefined ? undefined : `run ${run} (claimed)`,
    request === '' ? undefined : `request ${request}`,
  ];
  return facts.filter((fact) => fact !== undefined).join('; ');
}

function filterOf(values: Readonly<Record<string, string | boolean>>, now: number): AuditFilter {
  const text = (name: string) => textOf(values, name);
  const outcome = text('outcome');
  if (outcome !== undefined && !Object.hasOwn(styles, outcome)) {
    const hint = suggest(outcome, Object.keys(styles)) ?? 'allowed, denied or failed';
    throw new FlowError('usage', `unknown outcome "${outcome}"`, { hint });
  }
  return {
    agent: text('agent'),
    action: text('action'),
    outcome,
    name: text('name'),
    request: text('request'),
    agentRun: text('agent-run'),
    run: text('run'),
    since: timeOption(values, 'since', now),
    until: timeOption(values, 'until', now),
  };
}
