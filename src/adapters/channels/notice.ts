import { randomBytes } from 'node:crypto';
import { safeLine } from '../../foundation/safe-line.ts';
import type { Notice, NoticeFacts, NoticeType } from './contract.ts';

const mostNames = 20;
/** characters */
const longestName = 128;
const longestClaim = 200;

/**
 * A notice with an id of its own. What an agent may have written is made safe here, once for all channels: no control
 * and no bidi characters, one line, bounded.
 * @param at epoch milliseconds
 */
export function createNotice({ names, claimed, ...facts }: NoticeFacts, at: number): Notice {
  const text = (given: string | undefined, most = longestName) =>
    given === undefined ? undefined : clipped(safeLine(given), most);
  return {
    ...facts,
    id: `n-${randomBytes(12).toString('hex')}`,
    at,
    agent: clipped(safeLine(facts.agent), longestName),
    agentRun: text(facts.agentRun),
    run: text(facts.run),
    names: names.slice(0, mostNames).map((name) => clipped(safeLine(name), longestName)),
    more: Math.max(0, names.length - mostNames),
    claimed: { reason: text(unlinked(claimed?.reason), longestClaim), run: text(unlinked(claimed?.run)) },
  };
}

/** What looks like a link is made one by whatever shows it: people open ours, and no agent's. */
function unlinked(given: string | undefined): string | undefined {
  return given?.replaceAll('://', ': //');
}

const headlines: Readonly<Record<NoticeType, (agent: string) => string>> = {
  'approval.opened': (agent) => `${agent} waits for an approval`,
  'approval.self-approved': (agent) => `An owner of ${agent} approved by themselves`,
  'approver.keys-changed': (name) => `The passkeys of ${name} changed`,
  'break-glass.run': (agent) => `${agent} runs a break-glass flow`,
  'break-glass.drill': (agent) => `A drill of break-glass by ${agent}: nothing to do`,
};

/** The first line, without anything that an agent says of itself. */
export function headline({ type, agent }: Notice): string {
  return headlines[type](agent);
}

/** What there is to know besides, a line each: nothing in it is markup. */
export function factLines({
  names,
  more,
  environment,
  approval,
  agentRun,
  expires,
  claimed,
}: Notice): readonly string[] {
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['for', [...names, ...(more === 0 ? [] : [`${more} more`])].join(', ')],
    ['environment', environment],
    ['approval', approval],
    ['agent run', agentRun],
    ['until', expires === undefined ? undefined : timeText(expires)],
    ['run, claimed', claimed?.run],
    ['reason, claimed', claimed?.reason],
  ];
  return lines.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}: ${value}`]));
}

/** RFC 3339, to the second. @param at epoch milliseconds */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** At most so many characters, none of them halved. */
export function clipped(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\uD800-\uDBFF]/.test(text.charAt(most - 2)) ? most - 2 : most - 1;
  return `${text.slice(0, end)}…`;
}
