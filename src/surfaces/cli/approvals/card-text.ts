import { oneLine } from '../../../foundation/errors.ts';
import { safeLine } from '../../../foundation/safe-line.ts';
import { durationText } from '../../../foundation/duration.ts';
import type { Paint } from '../terminal.ts';

/** An approval as the broker tells of it. */
export interface Card {
  readonly id: string;
  readonly state: string;
  readonly agent: string;
  readonly kind: string;
  readonly names: readonly string[];
  readonly for: string;
  readonly scope: string;
  readonly uses: number | null;
  readonly lasts: number;
  readonly digest: string;
  /** canonical JSON */
  readonly bound: string;
  readonly rules: readonly { readonly location: string; readonly by: readonly string[]; readonly needs: number }[];
  readonly answers: readonly { readonly approver: string; readonly decision: string }[];
  readonly asked: {
    readonly reason?: string;
    readonly run?: string;
    readonly agentRun?: string;
    readonly above?: readonly string[];
    readonly by: string;
  };
  readonly opened: string;
  readonly until: string;
  readonly url?: string;
}

interface Bound {
  readonly environment: string;
  readonly installation: string;
  readonly what: readonly { readonly name: string; readonly is: string }[];
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly plan?: string;
  readonly run?: string;
}

export function scopeText({ scope, uses }: Pick<Card, 'scope' | 'uses'>): string {
  const times = scope === 'call' ? '' : uses === null ? ', any number of calls' : `, ${uses} calls`;
  return `${{ call: 'one call', run: 'an agent run', session: 'a session' }[scope] ?? oneLine(scope)}${times}`;
}

/** Everything that a yes is bound to, and below it what the agent says, which it is not. */
export function cardText(card: Card, paint: Paint): string {
  const bound = JSON.parse(card.bound) as Bound;
  const row = (name: string, text: string) => `  ${name.padEnd(12)} ${text}`;
  const { asked } = card;
  const people = card.rules.map(({ by, needs, location }) => `${needs} of ${by.join(', ')} (${location})`).join('; ');
  const answered = card.answers.map(({ approver, decision }) => `${approver}: ${decision}`).join(', ');
  const claimed = [
    asked.reason === undefined ? undefined : row('reason', oneLine(asked.reason)),
    asked.run === undefined ? undefined : row('run', oneLine(asked.run)),
  ].filter((line) => line !== undefined);
  return [
    `${paint('bold', card.id)} ${card.state}`,
    row('agent', `${oneLine(card.agent)}, proven by ${oneLine(asked.by)}`),
    ...(asked.above === undefined ? [] : [row('in a run of', asked.above.map((each) => oneLine(each)).join(', '))]),
    row('for', `${scopeText(card)} (${oneLine(card.for)}), good for ${durationText(card.lasts)}`),
    ...bound.what.map(({ name, is }) =>
      row(card.kind === 'secrets' ? 'secret' : card.kind, `${oneLine(name)} → ${oneLine(is)}`),
    ),
    // whole: an agent chose them, and what is cut off would be signed for too
    ...(bound.inputs === undefined ? [] : [row('inputs', safeLine(JSON.stringify(bound.inputs)))]),
    ...(bound.plan === undefined ? [] : [row('plan', oneLine(bound.plan))]),
    ...(bound.run === undefined ? [] : [row('this run', oneLine(bound.run))]),
    row('environment', `${oneLine(bound.environment)}, installation ${oneLine(bound.installation).slice(0, 12)}`),
    row('who', people),
    ...(answered === '' ? [] : [row('answered', answered)]),
    row('until', card.until),
    row('digest', `${paint('bold', card.digest.slice(0, 8))}${card.digest.slice(8)}`),
    ...(claimed.length === 0 ? [] : ['  claimed by the agent, and bound to nothing:', ...claimed]),
    '',
  ].join('\n');
}
