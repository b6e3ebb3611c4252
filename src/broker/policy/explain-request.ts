import type { AuditLine } from '../../audit/read-trail.ts';
import { type Asked, explain, type Explanation, type Rules } from './explain-decision.ts';

/** A request that was answered: what the trail says of it, and what the rules say now of each name. */
export interface RequestExplanation {
  readonly event: AuditLine;
  /** what happened, in a sentence; with text that an agent sent */
  readonly line: string;
  /** what a service or the vault failed with, as the command tells it */
  readonly causes: readonly string[];
  readonly names: readonly (Explanation & Pick<Asked, 'kind' | 'name'>)[];
}

const kinds: Readonly<Record<string, Asked['kind']>> = {
  'secrets.resolve': 'secret',
  'token.issue': 'flow',
  'token.rejected': 'flow',
  'flow.run': 'flow',
  'break-glass.revealed': 'reveal',
};

/** The operator's truth about a request: the agent was told a code and no more. */
export function explainRequest(event: AuditLine, rules: Rules, causes: readonly string[] = []): RequestExplanation {
  const { agent, action, what, reason } = event;
  const kind = Object.hasOwn(kinds, action) ? kinds[action] : undefined;
  const names = kind === undefined || agent === 'unknown' ? [] : what;
  return {
    event,
    line: sentence(event),
    causes: event.outcome === 'allowed' ? [] : causes,
    names: names.flatMap((name) =>
      kind === undefined ? [] : [{ kind, name, ...explain({ agent, kind, name, reason }, rules) }],
    ),
  };
}

function sentence({ at, agent, action, what, outcome, code, rule, detail }: AuditLine): string {
  const about = what.length === 0 ? '' : ` for ${what.join(', ')}`;
  const facts = [code, rule === undefined || rule === '' ? undefined : `by ${rule}`, detail];
  const why = facts.filter((fact) => fact !== undefined && fact !== '').join('; ');
  return `${at}: ${action} of "${agent}"${about} was ${outcome}${why === '' ? '' : ` (${why})`}`;
}
