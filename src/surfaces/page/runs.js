import { ask, query, Refused } from './api.js';
import { badge, claimed, code, counted, facts, h, link, nothing, nowhere, section } from './dom.js';
import { ago, duration, moment } from './times.js';
import { trailLines } from './trail.js';

const tones = {
  planned: 'wait',
  running: 'wait',
  waiting: 'wait',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'quiet',
  'outcome-unknown': 'bad',
};
const stepTones = {
  started: 'wait',
  done: 'good',
  cached: 'good',
  unchanged: 'quiet',
  failed: 'bad',
  'taken-back': 'quiet',
};
/** milliseconds between looks at what goes on: its steps are not on the trail */
const lookEvery = 2_000;

const hears = (/** @type {string} */ event, /** @type {any} */ { actions = [] }) =>
  event === 'approval' || actions.length === 0 || actions.some((action) => /^(?:run|approval)\./.test(action));

/** Runs of flows that write. */
export const runs = {
  title: 'Runs',
  hears,
  /** @param {readonly string[]} _ @param {Record<string, string>} filter */
  load: (_, { flow, agent, state }) => ask('GET', `runs${query({ flow, agent, state })}`),
  /** @param {{ runs: readonly any[], schedules: readonly any[] }} found */
  show({ runs: all, schedules }) {
    const going = all.filter(({ finished }) => finished === undefined);
    return h(
      'div',
      {},
      h('h1', {}, going.length === 0 ? 'No run goes on' : `${counted(going.length, 'run')} going on`),
      all.length === 0
        ? nothing('None has begun.', 'A run is one execution of a flow that writes. It outlives the broker.')
        : h('ul.rows', {}, all.map(row)),
      schedules.length > 0 && section('By a schedule', h('ul.lines', {}, schedules.map(scheduleLine))),
    );
  },
};

/** @param {any} schedule */
function scheduleLine({ flow, last, run: id, next }) {
  return h(
    'li',
    {},
    h('span.grow', {}, code(flow)),
    h('span.quiet', {}, last === undefined ? 'never yet' : ['last ', link(`#/runs/${id}`, ago(last))]),
    next !== undefined && h('span.quiet', {}, 'next ', ago(next)),
  );
}

/** @param {any} run */
function row({ id, flow, state, step, code: why, agent, created }) {
  return h(
    'li',
    {},
    link(
      `#/runs/${id}`,
      badge(tones[state], state),
      h(
        'span.grow',
        {},
        h('strong', {}, flow),
        h(
          'span.reason',
          {},
          `for ${agent}`,
          step !== undefined && [', at ', code(step)],
          why !== undefined && [': ', code(why)],
        ),
      ),
      h('span.quiet', {}, ago(created)),
    ),
  );
}

/** One run with its steps. */
export const run = {
  title: 'Run',
  hears,
  /** @param {any} data */
  again: (data) => (data !== undefined && data.found.finished === undefined ? lookEvery : undefined),
  /** @param {readonly string[]} path */
  async load([id]) {
    try {
      const found = await ask('GET', `runs/${encodeURIComponent(id)}`);
      const trail = await ask('GET', `trail${query({ request: found.request })}`);
      return { found, lines: trail.lines };
    } catch (error) {
      if (error instanceof Refused && [400, 403, 404].includes(error.status)) return undefined;
      throw error;
    }
  },
  /** @param {any} data */
  show(data) {
    if (data === undefined) return nowhere('There is no such run.', link('#/runs', 'Runs'));
    const { found, lines } = data;
    const {
      id,
      flow,
      state,
      step,
      told,
      code: why,
      agent,
      agentRun,
      reason,
      request,
      plan,
      cancelledBy,
      approval,
      created,
    } = found;
    return h(
      'article',
      {},
      h('p.crumbs', {}, link('#/runs', 'Runs')),
      h('h1', {}, h('strong', {}, flow)),
      h('p.state', {}, badge(tones[state], state), ' ', lived(found)),
      reason !== undefined && h('blockquote', {}, claimed(reason), h('span.by', {}, 'claimed by the agent')),
      (why !== undefined || told !== undefined) &&
        h('p.note', {}, step !== undefined && [code(step), ': '], told ?? why),
      section(
        'Steps',
        found.steps.length === 0 ? h('p.quiet', {}, 'None has begun.') : h('ol.lines', {}, found.steps.map(stepLine)),
      ),
      section(
        'What it is',
        facts(
          ['run', code(id)],
          ['for', h('strong', {}, agent)],
          agentRun !== undefined && ['agent run', link(`#/agent-runs/${agentRun}`, code(agentRun))],
          ['begun', moment(created)],
          plan !== undefined && ['plan agreed to', code(plan.slice(0, 12), plan)],
          approval !== undefined && [
            state === 'waiting' ? 'waits for' : 'waited for',
            link(`#/approvals/${approval.id}`, code(approval.id)),
          ],
          cancelledBy !== undefined && ['ended by', cancelledBy],
          ['request', link(`#/trail?request=${encodeURIComponent(request)}`, code(request))],
        ),
      ),
      lines.length > 0 && section('On the trail', trailLines(lines)),
    );
  },
};

/** @param {any} step */
function stepLine({ step, uses, state, code: why, started, finished }) {
  const took = finished === undefined ? undefined : (Date.parse(finished) - Date.parse(started)) / 1_000;
  return h(
    'li',
    {},
    badge(stepTones[state], state),
    h('span.grow', {}, code(step), h('span.hint', {}, uses, why !== undefined && [': ', code(why)])),
    h('span.quiet', {}, took === undefined ? ago(started) : took < 1 ? 'at once' : duration(took)),
  );
}

/** @param {any} run */
function lived({ created, finished }) {
  if (finished === undefined) return ['since ', ago(created)];
  return [ago(finished), `, took ${duration((Date.parse(finished) - Date.parse(created)) / 1_000)}`];
}
