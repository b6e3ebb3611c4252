import type { AuditLine } from '../../../audit/read-trail.ts';
import type { Trace, Traced } from '../../../audit/trace.ts';
import { oneLine } from '../../../foundation/errors.ts';
import { columns, type Style } from '../terminal.ts';

type Paint = (style: Style, text: string) => string;

/** A block for each thing that was given or refused. What agents have said is text from outside, and marked as claimed. */
export function traceBlocks(found: Trace, paint: Paint): string {
  const runs = [...found.agentRuns].map(([run, lines]) => block(paint, `agent run ${run}`, runRows(lines)));
  return [...runs, ...found.lines.map((traced) => block(paint, headOf(traced), rowsOf(traced, found)))].join('\n');
}

/** A line for each, with how its agent run began and its approval was answered. */
export function traceJson({ lines, agentRuns, approvals }: Trace): string {
  return lines
    .map(({ line, first, last, times }) => {
      const { seq: _seq, at: _at, ...said } = line;
      const began = agentRuns.get(line.agentRun ?? '');
      const decided = approvals.get(line.approval ?? '');
      return `${JSON.stringify({ ...said, first, last, times, agentRunLines: began, approvalLines: decided })}\n`;
    })
    .join('');
}

function block(paint: Paint, head: string, rows: readonly (readonly [string, string])[]): string {
  const lines = columns(rows.map(([name, text]) => [`  ${paint('dim', name)}`, oneLine(text)]));
  return `${paint('bold', oneLine(head))}\n${lines}`;
}

function headOf({ line: { agent, action, what, outcome, code } }: Traced): string {
  const result = outcome === 'allowed' ? '' : ` ${outcome}${code === undefined ? '' : ` (${code})`}`;
  return `${agent}: ${action}${what.length === 0 ? '' : ` ${what.map(String).join(', ')}`}${result}`;
}

function rowsOf({ line, first, last, times }: Traced, { approvals }: Trace): readonly (readonly [string, string])[] {
  const { agentRun, run, reason, rule, approval, jti, request } = line;
  const when = times === 1 ? first : `${times} times, ${first} to ${last}`;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['agent run', agentRun],
    ['run', run === undefined ? undefined : `${run} (claimed)`],
    ['reason', reason === undefined ? undefined : `${reason} (claimed)`],
    ['rule', rule],
    [
      'approval',
      approval === undefined ? undefined : [approval, ...(approvals.get(approval) ?? []).map(told)].join('; '),
    ],
    ['tokens', jti?.map(String).join(', ')],
    ['when', request === '' ? when : `${when}, request ${request}`],
  ];
  return rows.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

function runRows(lines: readonly AuditLine[]): readonly (readonly [string, string])[] {
  return lines.map((line) => [
    line.action.replace('agent-run.', ''),
    [told(line), line.detail, line.reason === undefined ? undefined : `reason: ${line.reason} (claimed)`]
      .filter((each) => each !== undefined)
      .join('; '),
  ]);
}

function told({ action, agent, at, outcome }: AuditLine): string {
  const what = action.startsWith('approval.') ? `${action.replace('approval.', '')} ` : '';
  return `${what}by ${agent} at ${at}${outcome === 'allowed' ? '' : ` (${outcome})`}`;
}
