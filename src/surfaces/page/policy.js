import { ask } from './api.js';
import { badge, code, counted, h, listed, nothing, section } from './dom.js';
import { duration } from './times.js';

/** Who may what, as the rules are in force: each with the line that says so. */
export const policy = {
  title: 'Who may what',
  hears: (/** @type {string} */ event, /** @type {any} */ { actions = [] }) =>
    event === 'trail' &&
    (actions.length === 0 || actions.some((each) => each.startsWith('policy.') || each.startsWith('approver.'))),
  load: () => ask('GET', 'policy'),
  /** @param {any} data */
  show({ version, agents, approvers }) {
    return h(
      'div',
      {},
      h('h1', {}, 'Who may what'),
      h('p.quiet', {}, 'What is not allowed here is not given. In force: ', code(version)),
      agents.length === 0 && nothing('No agent may have anything.', 'policy.yaml names none.'),
      agents.map(agentPart),
      approvers.length > 0 && section('People who approve', h('ul.cards', {}, approvers.map(approverPart))),
    );
  },
};

/** @param {any} agent */
function agentPart(agent) {
  const { name, allow, flows, vaultPaths, deny, approve, tokens, trust, rate, maxTtl, requireReason, requireRun } =
    agent;
  const limits = [
    rate !== undefined && `${rate.count} requests in ${duration(rate.per)}`,
    maxTtl !== undefined && `tokens of ${duration(maxTtl)} at most`,
    requireReason && 'must say why',
    requireRun && 'only in a proven agent run',
  ].filter(Boolean);
  return h(
    'section.agent',
    {},
    h('h2', {}, name),
    h(
      'p.quiet',
      {},
      listed([...proofs(tokens), ...trust.map(({ issuer }) => `sign-ins of ${issuer}`)]) ||
        'Nothing proves it: it gets nothing.',
    ),
    limits.length > 0 && h('p.quiet', {}, `${limits.join('; ')}.`),
    rules('good', 'may have', allow),
    rules('good', 'may run', flows),
    rules('good', 'as a client of Vault', vaultPaths),
    approve.length > 0 && h('ul.lines', {}, approve.map(approvePart)),
    rules('bad', 'never', deny),
  );
}

/** @param {readonly any[]} tokens */
function proofs(tokens) {
  const live = tokens.filter(({ expires }) => expires === undefined || expires > Date.now());
  const ends = live.flatMap(({ expires }) => expires ?? []);
  const until = ends.length === 0 ? '' : `, the first until ${new Date(Math.min(...ends)).toLocaleDateString()}`;
  return live.length === 0 ? [] : [`${counted(live.length, 'bearer token')}${until}`];
}

/** @param {'good' | 'bad'} tone @param {string} word @param {readonly any[]} lines */
function rules(tone, word, lines) {
  return (
    lines.length > 0 &&
    h(
      'ul.lines',
      {},
      lines.map(({ text, at }) => h('li', {}, badge(tone, word), h('span.grow', {}, code(text)), code(at))),
    )
  );
}

/** @param {any} rule */
function approvePart({ what, scope, by, needs, expires, uses, self, at }) {
  const who = `${needs > 1 ? `${needs} of ` : ''}${listed(by, needs > 1 ? 'and' : 'or')}`;
  const often = uses === undefined ? '' : `, ${counted(uses, 'use')}`;
  return h(
    'li',
    {},
    badge('wait', 'asks first'),
    h(
      'span.grow',
      {},
      what.map((each) => [code(each), ' ']),
      h('span.hint', {}, `${who}; for one ${scope}${often}, ${duration(expires)}${self ? '; owners too' : ''}`),
    ),
    code(at),
  );
}

/** @param {any} approver */
function approverPart({ name, passkeys, trust, ownerOf, reveal }) {
  return h(
    'li.card',
    {},
    h('p.head', {}, h('strong', {}, name)),
    passkeys.length === 0 && trust.length === 0 && h('p.quiet', {}, 'No passkey yet: cannot answer.'),
    h(
      'ul.lines',
      {},
      passkeys.map(({ id, algorithm, synced, added, software }) =>
        h(
          'li',
          {},
          h(
            'span.grow',
            {},
            code(`${id}…`),
            h(
              'span.hint',
              {},
              software
                ? 'a software key of this laptop: it proves nobody'
                : `${algorithm}, ${synced ? 'synced' : 'on one device'}`,
            ),
          ),
          added !== undefined && h('span.quiet', {}, `since ${added}`),
        ),
      ),
      trust.map((issuer) => h('li', {}, h('span.grow', {}, `sign-ins of ${issuer}`))),
    ),
    rules('good', 'may reveal', reveal),
    ownerOf.length > 0 && h('p.hint', {}, `owns ${listed(ownerOf)}`),
  );
}
