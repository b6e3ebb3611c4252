import type { AuditFilter, AuditLine } from './read-trail.ts';

/** Lines that say the same, at different times: a token from memory is given many times. */
export interface Traced {
  readonly line: AuditLine;
  /** ISO 8601 */
  readonly first: string;
  last: string;
  times: number;
}

/** What the trail says about a token or an agent run. */
export interface Trace {
  /** in the order of their first time */
  readonly lines: readonly Traced[];
  /** how its agent runs began and ended, by their id */
  readonly agentRuns: ReadonlyMap<string, readonly AuditLine[]>;
  /** how its approvals were asked for and answered, by their id */
  readonly approvals: ReadonlyMap<string, readonly AuditLine[]>;
}

/** What an API's log has, or an agent run: its own id, or what it claims to be. */
export type Wanted = { readonly jti: string } | { readonly agentRun: string };

/** Reads the trails of an environment as one stream, in the order of time. */
export type ReadLines = (filter: AuditFilter) => AsyncIterable<AuditLine>;

const runActions: ReadonlySet<string> = new Set(['agent-run.started', 'agent-run.finished']);
/** What is done all the time, and where it found nothing. */
const isUnremarkable = ({ action, detail }: AuditLine): boolean =>
  action === 'agent-run.heartbeat' || (action === 'hook.inspect' && detail === undefined);

/** Joins a token or an agent run to all that the trail has about it. Reads the trails twice. */
export async function trace(read: ReadLines, wanted: Wanted): Promise<Trace> {
  const groups = new Map<string, Traced>();
  const [runs, approvals] = [new Set<string>(), new Set<string>()];
  for await (const line of read('jti' in wanted ? wanted : {})) {
    if (!isWanted(line, wanted) || isUnremarkable(line)) continue;
    if (line.agentRun !== undefined) runs.add(line.agentRun);
    if (line.approval !== undefined) approvals.add(line.approval);
    if (runActions.has(line.action)) continue;
    const key = sameness(line);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { line, first: line.at, last: line.at, times: 1 });
    else {
      group.last = line.at;
      group.times += 1;
    }
  }
  const found = {
    lines: [...groups.values()],
    agentRuns: new Map<string, AuditLine[]>(),
    approvals: new Map<string, AuditLine[]>(),
  };
  if (runs.size + approvals.size === 0) return found;
  for await (const line of read({})) {
    const { action, agentRun = '', approval = '' } = line;
    if (runActions.has(action) && runs.has(agentRun)) add(found.agentRuns, agentRun, line);
    if (action.startsWith('approval.') && approvals.has(approval)) add(found.approvals, approval, line);
  }
  return found;
}

function isWanted({ agentRun, run }: AuditLine, wanted: Wanted): boolean {
  return 'jti' in wanted || agentRun === wanted.agentRun || run === wanted.agentRun;
}

function sameness({
  agent,
  action,
  what,
  outcome,
  code,
  rule,
  approval,
  jti,
  agentRun,
  run,
  reason,
}: AuditLine): string {
  return JSON.stringify([agent, action, what, outcome, code, rule, approval, jti, agentRun, run, reason]);
}

function add(map: Map<string, AuditLine[]>, key: string, line: AuditLine): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [line]);
  else known.push(line);
}
