import { ask } from './api.js';
import { badge, claimed, code, counted, h, link, listed, nothing, section } from './dom.js';
import { ago, duration } from './times.js';

export const tones = {
  pending: 'wait',
  approved: 'good',
  used: 'good',
  denied: 'bad',
  revoked: 'bad',
  expired: 'quiet',
  cancelled: 'quiet',
  lapsed: 'quiet',
};
export const states = { pending: 'waits', used: 'approved, used', lapsed: 'approved, over', revoked: 'taken back' };

/** What an approval lets happen, in a line. @param {{ scope: string, uses: number | null, lasts: number }} terms */
export function scopeText({ scope, uses, lasts }) {
  const what = { call: 'one call', run: 'this agent run and those below it', session: 'this session' }[scope];
  const often = scope === 'call' || uses === null ? '' : `, ${counted(uses, 'use')} at most`;
  return `${what}${often}, for ${duration(lasts)}`;
}

/** @param {any} approval */
export function headline({ agent, kind, names }) {
  const what =
    names.length === 1 ? code(names[0]) : [counted(names.length, kind === 'secrets' ? 'secret' : 'flow'), ''];
  const verb = { secrets: 'asks for', flow: 'wants to run', run: 'wants to run', step: 'asks in a run of' }[kind];
  return [h('strong', {}, agent), ` ${verb} `, what];
}

/** What waits for people, and what became of the rest. */
export const waiting = {
  title: 'Waiting',
  hears: (/** @type {string} */ event) => event === 'approval',
  load: () => ask('GET', 'approvals'),
  /** @param {{ approvals: readonly any[] }} found */
  show({ approvals }) {
    const open = approvals.filter(({ state }) => state === 'pending');
    const over = approvals.filter(({ state }) => state !== 'pending').slice(0, 30);
    return h(
      'div',
      {},
      h('h1', {}, open.length === 0 ? 'Nothing waits' : `${counted(open.length, 'request')} waiting`),
      open.length === 0
        ? nothing('All is answered.', 'When an agent asks for something that a person must approve, it appears here.')
        : h('ul.cards', {}, open.map(openCard)),
      over.length > 0 && section('Lately', h('ul.rows', {}, over.map(row))),
    );
  },
};

/** @param {any} approval */
function openCard(approval) {
  const { id, asked, until, rules, answers } = approval;
  const yes = answers.filter(({ decision }) => decision === 'approve').map(({ approver }) => approver);
  return h(
    'li.card',
    {},
    link(`#/approvals/${id}`, h('p.head', {}, headline(approval)), h('p.quiet', {}, scopeText(approval))),
    asked.reason !== undefined && h('blockquote', {}, claimed(asked.reason), h('span.by', {}, 'claimed by the agent')),
    h(
      'p.foot',
      {},
      h('span', {}, 'over ', ago(until)),
      h('span', {}, 'may answer: ', listed([...new Set(rules.flatMap(({ by }) => by))], 'or')),
      yes.length > 0 && h('span', {}, `${listed(yes)} said yes`),
    ),
  );
}

/** @param {any} approval */
function row(approval) {
  const { id, state, answers, decided, until } = approval;
  const who = answers.map(({ approver }) => approver);
  return h(
    'li',
    {},
    link(
      `#/approvals/${id}`,
      badge(tones[state], states[state] ?? state),
      h('span.grow', {}, headline(approval)),
      h('span.quiet', {}, who.length > 0 ? [`${listed(who)}, `] : '', ago(decided ?? until)),
    ),
  );
}
