import type { App } from '../../../app/open-app.ts';
import { inTime, readTrail } from '../../../audit/read-trail.ts';
import { segmentsOf } from '../../../audit/segments.ts';
import { type Trace, trace as traceOf, type Wanted } from '../../../audit/trace.ts';
import { trailsOf } from '../../../audit/find-trails.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import { commonArguments } from '../arguments.ts';
import { traceBlocks, traceJson } from '../audit/trace-text.ts';
import { commandTable } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';
import { timeOption } from '../time-option.ts';
import { withApp } from '../with-app.ts';

/** `flows trace`: from a token's id in an API's log, or from an agent run, to agent, reason, rule and approval. */
export async function trace(invocation: Invocation): Promise<number> {
  const { values } = commonArguments(invocation.argv, commandTable.trace.options);
  const { terminal } = invocation;
  const wanted = wantedIn(values);
  const since = timeOption(values, 'since', Date.now());
  return withApp(invocation, async (app) => {
    const found = await tracedIn(app, wanted, typeof values['file'] === 'string' ? [values['file']] : undefined, since);
    if (found.lines.length === 0 && found.agentRuns.size === 0) throw notThere(wanted);
    terminal.out(values['json'] === true ? traceJson(found) : traceBlocks(found, terminal.paint));
    return 0;
  });
}

/** @param files the trails' files; default all of the environment */
export function tracedIn(app: App, wanted: Wanted, files?: readonly string[], since?: number): Promise<Trace> {
  const trails = files ?? trailsOf(app.environment(), stateFolder());
  return traceOf((filter) => inTime(trails.map((file) => readTrail(segmentsOf(file), { since, ...filter }))), wanted);
}

function wantedIn({ jti, 'agent-run': agentRun }: Readonly<Record<string, string | boolean>>): Wanted {
  if (typeof jti === 'string' && agentRun === undefined) return { jti };
  if (typeof agentRun === 'string' && jti === undefined) return { agentRun };
  throw new FlowError('usage', 'one of --jti and --agent-run is needed', {
    hint: 'write flows trace --jti ID, with the `jti` of the token that an API logged, or flows trace --agent-run ID',
  });
}

function notThere(wanted: Wanted): FlowError {
  const what = 'jti' in wanted ? `no token with the jti "${wanted.jti}"` : `no agent run "${wanted.agentRun}"`;
  return new FlowError('not-found', `the trail knows ${what}`, {
    hint: 'it may be that of another environment (--environment), or in another file (--file)',
  });
}
