import { ask, query, Refused } from './api.js';
import { badge, claimed, code, counted, facts, h, link, nothing, nowhere, section } from './dom.js';
import { trailLines } from './trail.js';
import { ago, duration, moment } from './times.js';

const tones = { running: 'wait', succeeded: 'good', failed: 'bad', lost: 'bad', cancelled: 'quiet', expired: 'quiet' };
const stateOf = ({ outcome = 'running' }) => outcome;
const happens = /^(?:agent-run\.|secrets\.|token\.|flow\.|approval\.)/;
/** what is heard where something of it may have changed; nothing: the connection is new */
const hears = (/** @type {string} */ event, /** @type {any} */ { actions = [] }) =>
  event === 'trail' && (actions.length === 0 || actions.some((action) => happens.test(action)));

/** Tasks of agents, each with those below it. */
export const agentRuns = {
  title: 'Agent runs',
  hears,
  /** @param {readonly string[]} _ @param {Record<string, string>} filter */
  load: (_, filter) => ask('GET', `agent-runs${query({ agent: filter['agent'], state: filter['state'] })}`),
  /** @param {{ runs: readonly any[] }} found */
  show({ runs }) {
    const alive = runs.filter((run) => run.ended === undefined);
    return h(
      'div',
      {},
      h('h1', {}, alive.length === 0 ? 'No agent run goes on' : `${counted(alive.length, 'agent run')} going on`),
      runs.length === 0
        ? nothing('None has begun.', 'An agent run is one task of an agent. It begins with POST /v1/agent-runs.')
        : h('ul.rows', {}, runs.slice(0, 200).map(row)),
    );
  },
};

/** @param {any} run */
function row(run) {
  const state = stateOf(run);
  return h(
    'li',
    {},
    link(
      `#/agent-runs/${run.run}`,
      badge(tones[state], state),
      h(
        'span.grow',
        {},
        h('strong', {}, run.agent),
        ' ',
        code(run.run),
        run.reason !== undefined && h('span.reason', {}, claimed(run.reason)),
      ),
      h('span.quiet', {}, ago(run.begun)),
    ),
  );
}

/**
 * Runs as they stand below each other. @param {readonly any[]} runs those above before those below @param {string} [here]
 */
export function runTree(runs, here) {
  const lists = new Map();
  const top = h('ul.tree', { 'aria-label': 'agent runs below each other' });
  for (const run of runs) {
    const own = h('ul', {});
    const state = stateOf(run);
    const item = h(
      'li',
      { 'aria-current': run.run === here ? 'true' : undefined },
      h(
        'span.line',
        {},
        h('strong', {}, run.agent),
        run.run === here ? code(run.run) : link(`#/agent-runs/${run.run}`, code(run.run)),
        badge(tones[state], state),
        run.allow !== undefined && h('span.hint', {}, 'only ', code(run.allow.join(', '))),
      ),
    );
    (lists.get(run.parent) ?? top).append(item);
    lists.set(run.run, { append: (child) => (item.contains(own) ? own : item.appendChild(own)).append(child) });
  }
  return top;
}

/** One agent run: where it stands, and what it asked for. */
export const agentRun = {
  title: 'Agent run',
  hears,
  /** @param {readonly string[]} path */
  async load([id]) {
    const run = encodeURIComponent(id);
    try {
      const [{ runs }, trail] = await Promise.all([
        ask('GET', `agent-runs/${run}`),
        ask('GET', `trail?agentRun=${run}`),
      ]);
      return { id, runs, trail };
    } catch (error) {
      if (error instanceof Refused && (error.status === 404 || error.status === 400)) return undefined;
      throw error;
    }
  },
  /** @param {any} data */
  show(data) {
    const run = data?.runs.find((each) => each.run === data.id);
    if (run === undefined) return nowhere('There is no such agent run.', link('#/agent-runs', 'Agent runs'));
    const state = stateOf(run);
    const { trail, runs } = data;
    return h(
      'article',
      {},
      h('p.crumbs', {}, link('#/agent-runs', 'Agent runs')),
      h('h1', {}, h('strong', {}, run.agent), ' ', code(run.run)),
      h('p.state', {}, badge(tones[state], state), ' ', lived(run)),
      run.reason !== undefined && h('blockquote', {}, claimed(run.reason), h('span.by', {}, 'claimed by the agent')),
      section(
        'What it is',
        facts(
          ['begun by', [run.begun_by, h('span.hint', {}, `proven by ${run.proven_by}`)]],
          run.claimed !== undefined && ['run', [claimed(run.claimed), h('span.hint', {}, 'claimed by the agent')]],
          ['may have', run.allow === undefined ? 'all that the agent may' : code(run.allow.join(', '))],
          ['heard of', ago(run.heard)],
        ),
      ),
      runs.length > 1 && section('Above and below', runTree(runs, run.run)),
      section(
        'What it asked for',
        trail.lines.length === 0 ? h('p.quiet', {}, 'Nothing yet.') : trailLines(trail.lines),
        !trail.complete && link(`#/trail?agentRun=${run.run}`, 'All of it'),
      ),
    );
  },
};

/** @param {any} run */
function lived({ begun, ended, expires }) {
  if (ended === undefined) return ['since ', moment(begun), ', ends by itself ', ago(expires)];
  return [moment(begun), `, for ${duration((ended - begun) / 1_000)}`];
}
