import { ask, query } from './api.js';
import { badge, claimed, code, facts, h, link, nothing } from './dom.js';
import { moment } from './times.js';

/** what somebody asked for: of all else it is told only where it did not come about */
const asks = /^(?:secrets\.|token\.|flow\.run|run\.output|local\.)/;

const tones = { allowed: 'good', denied: 'bad', failed: 'wait' };
const actions = [
  ...['secrets.resolve', 'token.issue', 'flow.run', 'authenticate', 'agent-run.started', 'agent-run.finished'],
  ...['approval.opened', 'approval.approved', 'approval.denied', 'approval.redeemed', 'approval.expired'],
  ...['approver.key-added', 'approver.signed-in', 'run.started', 'run.finished', 'operator.look', 'policy.reload'],
  ...[
    'drill.finished',
    'break-glass.revealed',
    'break-glass.closed',
    'vault.quota',
    'local.run',
    'local.read',
    'start',
    'stop',
  ],
];
const outcomes = ['allowed', 'denied', 'failed'];
/** fields of a line that lead to others, by the filter that finds them */
const filters = ['agent', 'name', 'action', 'outcome', 'agentRun', 'approval', 'request', 'until'];

/** What happened, the newest first. */
export const trail = {
  title: 'Trail',
  hears: (/** @type {string} */ event) => event === 'trail',
  /** @param {readonly string[]} _ @param {Record<string, string>} filter */
  async load(_, filter) {
    const wanted = Object.fromEntries(filters.map((name) => [name, filter[name]]));
    return { wanted, ...(await ask('GET', `trail${query(wanted)}`)) };
  },
  /** @param {any} data */
  show({ wanted, lines, complete }) {
    const last = lines.at(-1);
    return h(
      'div',
      {},
      h('h1', {}, 'Trail'),
      h(
        'p.quiet',
        {},
        'Every request and what came of it, each line chained to the one before. It never holds a value.',
      ),
      form(wanted),
      lines.length === 0 ? nothing('Nothing fits.', link('#/trail', 'All of the trail')) : trailLines(lines),
      !complete &&
        last !== undefined &&
        link(`#/trail${query({ ...wanted, until: String(Date.parse(last.at)) })}`, 'Older'),
    );
  },
};

/** @param {Record<string, string | undefined>} wanted */
function form(wanted) {
  const text = (name, label) =>
    h(
      'p.field',
      {},
      h('label', { for: name }, label),
      h('input', { id: name, name, value: wanted[name], autocomplete: 'off', spellcheck: 'false' }),
    );
  const choice = (name, label, values) =>
    h(
      'p.field',
      {},
      h('label', { for: name }, label),
      h(
        'select',
        { id: name, name },
        ['', ...values].map((value) =>
          h('option', { value, selected: value === (wanted[name] ?? '') }, value === '' ? 'any' : value),
        ),
      ),
    );
  const kept = ['agentRun', 'approval', 'request', 'until'].filter((name) => wanted[name] !== undefined);
  return h(
    'form.filters',
    {
      onsubmit(event) {
        event.preventDefault();
        const given = Object.fromEntries(
          [...new FormData(event.target)].filter(([, value]) => typeof value === 'string'),
        );
        location.hash = `#/trail${query({ ...Object.fromEntries(kept.map((name) => [name, wanted[name]])), ...given })}`;
      },
    },
    text('agent', 'agent'),
    text('name', 'name or flow'),
    choice('action', 'action', actions),
    choice('outcome', 'outcome', outcomes),
    h('button', {}, 'Show'),
    kept.length > 0 &&
      h(
        'p.kept',
        {},
        kept.map((name) => [code(`${name}: ${wanted[name]}`), ' ']),
        link('#/trail', 'without'),
      ),
  );
}

/** @param {readonly any[]} lines */
export function trailLines(lines) {
  return h(
    'ol.trail',
    {},
    lines.map((line) =>
      h(
        'li',
        {},
        h(
          'details',
          { 'data-key': `line-${line.agent}-${line.seq}` },
          h(
            'summary',
            {},
            h('span.when', {}, moment(line.at)),
            h('span.grow', {}, h('strong', {}, line.agent), ' ', h('span.action', {}, line.action), ' ', about(line)),
            (line.outcome !== 'allowed' || asks.test(line.action)) &&
              badge(tones[line.outcome], line.code ?? line.outcome),
          ),
          more(line),
        ),
      ),
    ),
  );
}

/** @param {any} line */
function about({ what, agent, approver }) {
  const names = what.filter((name) => name !== agent);
  return [names.length > 0 && code(names.join(', ')), approver !== undefined && ` by ${approver}`];
}

/** What was revealed has an id that is nowhere but here. @param {string} id */
const approvalOf = (id) => (id.startsWith('a-') ? link(`#/approvals/${id}`, code(id)) : code(id));

/** @param {any} line */
function more(line) {
  return facts(
    line.reason !== undefined && ['reason', [claimed(line.reason), h('span.hint', {}, 'claimed')]],
    line.rule !== undefined && ['rule', code(line.rule)],
    line.approval !== undefined && ['approval', approvalOf(line.approval)],
    line.approver !== undefined && ['approver', line.approver],
    line.agentRun !== undefined && ['agent run', link(`#/agent-runs/${line.agentRun}`, code(line.agentRun))],
    line.run !== undefined && ['run', [claimed(line.run), h('span.hint', {}, 'claimed')]],
    line.source !== undefined && ['from', line.source],
    line.jti !== undefined && ['token', line.jti.map((each) => code(each))],
    line.detail !== undefined && ['detail', line.detail],
    line.address !== undefined && ['address', code(line.address)],
    ['request', link(`#/trail?request=${encodeURIComponent(line.request)}`, code(line.request))],
    ['line', [String(line.seq), ' ', h('span.hint', {}, line.at)]],
  );
}
