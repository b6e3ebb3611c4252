import { ask, Refused } from './api.js';
import { answering } from './answering.js';
import { badge, claimed, code, facts, h, link, listed, nowhere, section } from './dom.js';
import { runTree } from './agent-runs.js';
import { trailLines } from './trail.js';
import { ago, moment } from './times.js';
import { headline, scopeText, states, tones } from './waiting.js';

/** grants of the run, or of the agent, that are shown beside what it asks for now */
const shownGrants = 5;
const grants = new Set(['secrets.resolve', 'token.issue', 'flow.run']);

/** One approval: all that is bound, who asks, and the answer. */
export const approval = {
  title: 'Approval',
  hears: (/** @type {string} */ event, /** @type {any} */ data, /** @type {readonly string[]} */ [id]) =>
    event === 'approval' && data.id === id,
  /** @param {readonly string[]} path */
  async load([id]) {
    const found = await ask('GET', `approvals/${encodeURIComponent(id)}`).catch(noneOf403);
    if (found === undefined) return undefined;
    const { agentRun } = found.asked;
    const filter = new URLSearchParams({ outcome: 'allowed', ...(agentRun ? { agentRun } : { agent: found.agent }) });
    const [tree, trail] = await Promise.all([
      agentRun === undefined
        ? []
        : ask('GET', `agent-runs/${agentRun}`).then(
            ({ runs }) => runs,
            () => [],
          ),
      ask('GET', `trail?${filter}`),
    ]);
    const last = trail.lines.filter(({ action }) => grants.has(action)).slice(0, shownGrants);
    return { found, tree, last };
  },
  /** @param {any} data @param {any} context */
  show(data, context) {
    if (data === undefined) return nowhere('There is no such approval.', link('#/', 'What waits'));
    const { found, tree, last } = data;
    const bound = JSON.parse(found.bound);
    return h(
      'article.approval',
      {},
      h('p.crumbs', {}, link('#/', 'Waiting')),
      h('h1', {}, headline(found)),
      h('p.state', {}, badge(tones[found.state], states[found.state] ?? found.state), ' ', stateText(found)),
      found.asked.reason !== undefined &&
        h('blockquote', {}, claimed(found.asked.reason), h('span.by', {}, 'claimed by the agent: nothing proves it')),
      section('What', whatOf(bound)),
      section('For', forWhat(found, bound)),
      section('Who asks', whoAsks(found), tree.length > 0 && runTree(tree, found.asked.agentRun)),
      section(
        found.asked.agentRun === undefined ? `Given to ${found.agent} last` : 'Given to this run last',
        last.length === 0 ? h('p.quiet', {}, 'Nothing yet.') : trailLines(last),
      ),
      section('Rules', rulesOf(found)),
      h(
        'details.bound',
        { 'data-key': 'bound' },
        h('summary', {}, 'All that is signed for'),
        h(
          'pre',
          { tabindex: 0, role: 'region', 'aria-label': 'all that is bound, as JSON' },
          JSON.stringify(bound, undefined, 2),
        ),
      ),
      answering(found, context),
    );
  },
};

/** @param {unknown} error */
function noneOf403(error) {
  if (error instanceof Refused && (error.status === 403 || error.status === 400)) return undefined;
  throw error;
}

/** @param {any} found */
function stateText({ state, until, decided, ends, answers }) {
  const who = listed(answers.map(answerText));
  if (state === 'pending') return [who === '' ? '' : `${who}; `, 'over ', ago(until)];
  const at = decided === undefined ? ago(until) : ago(decided);
  if (state === 'approved') return [`${who}, `, at, '; good until ', moment(ends)];
  return [who === '' ? '' : `${who}, `, at];
}

/** Who said what, and that no passkey signed it. @param {any} answer */
function answerText({ approver, decision, by }) {
  return `${approver} (${decision === 'approve' ? 'yes' : 'no'}${by === 'oidc' ? ', by a sign-in at an issuer' : ''})`;
}

/** @param {any} bound */
function whatOf({ what, inputs, run, environment }) {
  return [
    h(
      'ul.what',
      {},
      what.map(({ name, is }) => h('li', {}, code(name), h('span.is', {}, code(is, 'what stands behind the name')))),
    ),
    facts(
      inputs !== undefined &&
        Object.keys(inputs).length > 0 && [
          'with',
          Object.entries(inputs).map(([name, value]) => h('div', {}, code(name), ' ', claimed(String(value)))),
        ],
      run !== undefined && ['this run', link(`#/runs/${run}`, code(run))],
      ['environment', environment],
    ),
  ];
}

/** @param {any} found @param {any} bound */
function forWhat(found, bound) {
  return facts(['a yes is good for', scopeText(found)], found.scope !== 'call' && ['bound to', code(bound.for)], [
    'digest',
    fingerprint(found),
  ]);
}

/** As `flows approve` shows it too: the first characters are enough to compare. @param {any} found */
function fingerprint({ id, digest }) {
  return [
    h('code.fingerprint', {}, h('strong', {}, digest.slice(0, 8)), digest.slice(8)),
    h('p.hint', {}, 'the same as ', code(`flows approve ${id}`), ' shows'),
  ];
}

/** @param {any} found */
function whoAsks({ agent, asked, opened }) {
  return facts(
    ['agent', [h('strong', {}, agent), h('span.hint', {}, `proven by ${asked.by}`)]],
    asked.agentRun !== undefined && [
      'agent run',
      [link(`#/agent-runs/${asked.agentRun}`, code(asked.agentRun)), h('span.hint', {}, 'proven')],
    ],
    asked.above !== undefined && ['in a run of', listed(asked.above)],
    asked.run !== undefined && ['run', [claimed(asked.run), h('span.hint', {}, 'claimed by the agent')]],
    ['asked', [moment(opened), ' from ', code(asked.address)]],
    ['request', link(`#/trail?request=${encodeURIComponent(asked.request)}`, code(asked.request))],
  );
}

/** @param {any} found */
function rulesOf({ rules }) {
  return h(
    'ul.lines',
    {},
    rules.map(({ by, needs, self, location }) =>
      h(
        'li',
        {},
        h('span.grow', {}, `${listed(by, 'or')}${needs > 1 ? `, ${needs} of them` : ''}${self ? ', owners too' : ''}`),
        code(location),
      ),
    ),
  );
}
