import { trailsOf } from '../../../audit/find-trails.ts';
import { type AuditLine, inTime, readTrail } from '../../../audit/read-trail.ts';
import { segmentsOf } from '../../../audit/segments.ts';
import { FlowError, oneLine } from '../../../foundation/errors.ts';
import { causesOf } from '../../../broker/cause-notes.ts';
import { explainRequest, type RequestExplanation } from '../../../broker/policy/explain-request.ts';
import type { Rules } from '../../../broker/policy/explain-decision.ts';
import { stateFolder } from '../../../foundation/state-folder.ts';
import type { Invocation } from '../invocation.ts';
import { withApp } from '../with-app.ts';

/** Events of one request; an agent may choose its id, and more than one may have chosen the same. */
const mostEvents = 100;

/**
 * What the trails of the environment know of a request, explained by the rules as they are now.
 * @throws FlowError not-found
 */
export async function explainedRequests(
  invocation: Invocation,
  request: string,
  rules: Rules,
): Promise<readonly RequestExplanation[]> {
  return withApp(invocation, async (app) => {
    const files = trailsOf(app.environment(), stateFolder());
    const events: AuditLine[] = [];
    for await (const line of inTime(files.map((file) => readTrail(segmentsOf(file), { request })))) {
      invocation.signal.throwIfAborted();
      if (events.push(line) === mostEvents) break;
    }
    const causes = (await Promise.all(files.map((file) => causesOf(file, request)))).flat();
    if (events.length > 0) return events.map((event) => explainRequest(event, rules, causes));
    throw new FlowError('not-found', `no trail of environment "${app.environment().name}" has request "${request}"`, {
      hint: 'see flows audit; another environment with --environment',
    });
  });
}

/** What happened on a line of its own, and below it what holds now. What agents sent stays on one line. */
export function requestsText(found: readonly RequestExplanation[]): string {
  return found
    .map(({ line, causes, names }) => {
      const now = names.flatMap((each) => [`now ${each.line}`, ...each.notes.map((note) => `  ${note}`)]);
      return [
        oneLine(line),
        ...causes.map((each) => `  ${oneLine(each)}`),
        ...now.map((text) => `  ${text.startsWith('  ') ? '  ' : ''}${oneLine(text)}`),
      ]
        .map((text) => `${text}\n`)
        .join('');
    })
    .join('');
}
