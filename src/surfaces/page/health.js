import { ask } from './api.js';
import { badge, code, counted, facts, h, link, section } from './dom.js';
import { ago } from './times.js';

const asked = { vault: 'vaults', token: 'token issuers' };

/** How the broker and what it stands on are. */
export const health = {
  title: 'Health',
  hears: (/** @type {string} */ event) => event === 'trail',
  load: async () => ({
    ...(await ask('GET', 'overview')),
    troubles: (await ask('GET', 'trail?outcome=failed')).lines.slice(0, 5),
  }),
  /** @param {any} data */
  show({ environment, policy, checks, wrong, quotas, breakGlass, requests, failures, refusals, troubles }) {
    const { accounts, troubles: owed } = breakGlass;
    const well = Object.values(checks).every(Boolean) && wrong.length === 0 && owed.length === 0;
    return h(
      'div',
      {},
      h('h1', {}, well ? 'All is well' : 'Something needs a look'),
      h('p.quiet', {}, 'Environment ', h('strong', {}, environment), ', rules ', code(policy)),
      h(
        'ul.checks',
        {},
        Object.entries(checks).map(([name, good]) =>
          h('li', {}, badge(good ? 'good' : 'bad', good ? 'ready' : 'not ready'), name),
        ),
      ),
      wrong.length > 0 &&
        section(
          'Files that are wrong',
          h('p.quiet', {}, 'What they said before is in force.'),
          h(
            'ul.lines',
            {},
            wrong.map((each) => h('li', {}, code(each))),
          ),
        ),
      section(
        'Break-glass',
        accounts.length + owed.length === 0
          ? h('p.quiet', {}, 'The folder has no flow for it.')
          : h('ul.lines', {}, accounts.map(accountLine), owed.map(owedLine)),
      ),
      section(
        'What vaults may still be asked',
        quotas.length === 0 ? h('p.quiet', {}, 'Nothing was asked yet.') : quotas.map(quotaPart),
      ),
      section(
        'Services since the start',
        facts(
          ...Object.entries(requests).map(
            ([name, count]) => /** @type {[string, any]} */ ([asked[name] ?? name, counted(Number(count), 'request')]),
          ),
          ['failures', counts(failures)],
          ['refusals', counts(refusals)],
        ),
        troubles.length > 0 && [
          h('h3', {}, 'Failed last'),
          h(
            'ul.lines',
            {},
            troubles.map((line) =>
              h(
                'li',
                {},
                h('span.grow', {}, code(line.what.join(', ') || line.action), h('span.hint', {}, line.code ?? '')),
                ago(line.at),
              ),
            ),
          ),
          link('#/trail?outcome=failed', 'On the trail'),
        ],
      ),
    );
  },
};

/** @param {Record<string, number>} found */
function counts(found) {
  const all = Object.entries(found);
  return all.length === 0 ? 'none' : all.map(([name, count]) => h('div', {}, code(name), ` ${count}`));
}

/** @param {any} account */
function accountLine({ username, drill, proven, failed }) {
  const [tone, word] =
    failed !== undefined ? ['bad', 'failed'] : proven === undefined ? ['bad', 'never'] : ['good', 'proven'];
  return h(
    'li',
    {},
    badge(/** @type {any} */ (tone), word),
    h('span.grow', {}, code(username), h('span.hint', {}, drill)),
    h(
      'span.quiet',
      {},
      failed !== undefined ? ago(failed) : proven === undefined ? 'no drill on the trail' : ago(proven),
    ),
  );
}

/** @param {any} trouble */
function owedLine({ subject, why, hint }) {
  return h('li', {}, badge('bad', 'see to it'), h('span.grow', {}, code(subject), ` ${why}`, h('span.hint', {}, hint)));
}

/** @param {any} quota */
function quotaPart({ entry, used, limits, reserve, circuit }) {
  return h(
    'div.quota',
    {},
    h(
      'h3',
      {},
      `Vault ${entry} `,
      circuit !== 'closed' && badge('bad', circuit === 'open' ? 'left alone' : 'tried again'),
    ),
    Object.entries({ hour: 'reads in an hour', hourWrites: 'writes in an hour', day: 'requests in a day' }).map(
      ([key, label]) => bar(label, used[key], limits?.[key], reserve),
    ),
  );
}

/** @param {string} label @param {number} used @param {number | undefined} limit @param {number} reserve */
function bar(label, used, limit, reserve) {
  if (limit === undefined) return h('p.bar', {}, h('span', {}, label), h('span.quiet', {}, String(used)));
  const share = Math.min(1, used / limit);
  const fill = h('span.fill', {});
  fill.style.width = `${share * 100}%`;
  const kept = h('span.kept', { title: 'kept for break-glass' });
  kept.style.width = `${reserve * 100}%`;
  const tone = share >= 1 - reserve ? 'bad' : share > 0.7 ? 'wait' : 'good';
  return h(
    'div.bar',
    {},
    h('span', {}, label),
    h('span.quiet', {}, `${used} of ${limit}`),
    h(`span.track.${tone}`, { 'aria-hidden': true }, fill, kept),
  );
}
