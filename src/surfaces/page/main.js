import { agentRun, agentRuns } from './agent-runs.js';
import { doneText } from './answering.js';
import { ask, forgetSession, keepSession, listen, Refused, signedIn, tellingOf } from './api.js';
import { approval } from './approval.js';
import { breakGlass, revealBySignIn } from './break-glass.js';
import { h, link, nowhere } from './dom.js';
import { cameBack } from './elsewhere.js';
import { health } from './health.js';
import { policy } from './policy.js';
import { run, runs } from './runs.js';
import { enrolPage, linkPage, signInPage } from './sign-in.js';
import { moveTimes } from './times.js';
import { trail } from './trail.js';
import { waiting } from './waiting.js';

/** by the first part of the address; with a second part, the one thing that it names */
const views = {
  '': { all: waiting },
  approvals: { all: waiting, one: approval },
  'agent-runs': { all: agentRuns, one: agentRun },
  runs: { all: runs, one: run },
  policy: { all: policy },
  trail: { all: trail },
  'break-glass': { all: breakGlass },
  health: { all: health },
};
const places = [
  ['', 'Waiting'],
  ['agent-runs', 'Agent runs'],
  ['runs', 'Runs'],
  ['policy', 'Who may what'],
  ['trail', 'Trail'],
  ['break-glass', 'Break-glass'],
  ['health', 'Health'],
];

const [bar, main, told] = ['bar', 'main', 'told'].map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));
/** ends what the view that is shown has going on */
let leaving = new AbortController();
let listening;
let isLive = false;
/** the view that is shown, and what it was made of */
let shown = { hash: '', text: '' };

let telling;
/** @param {string} text */
function tell(text) {
  told.replaceChildren(h('p', {}, text));
  // what was told before takes nothing of this one's time
  clearTimeout(telling);
  telling = setTimeout(() => told.replaceChildren(), 6_000);
}

/** Where the address points to. A link is taken out of it, and stays in no history. */
function place() {
  const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { parts: path.split('/').map(decoded), filter: Object.fromEntries(new URLSearchParams(search)) };
}

/** A part of an address that somebody typed may be no code of anything: it is what stands there then. @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

let given;
function takeLink() {
  const { parts } = place();
  const [kind, first, second] = parts;
  if (kind === 'enrol' && second) given = { kind, name: first, link: second };
  else if (kind === 'page' && first) given = { kind, link: first };
  else return;
  history.replaceState(undefined, '', kind === 'enrol' ? `#/enrol/${encodeURIComponent(first)}` : '#/page');
}

/** What an issuer sent the browser back with. @returns {Promise<string | undefined>} what went wrong */
async function finishErrand() {
  const errand = cameBack();
  if (errand === undefined) return undefined;
  const { kind, id, decision, ticket, callback } = errand;
  try {
    if (kind === 'sign-in') keepSession(await ask('POST', 'login', { ticket, callback }));
    else if (kind === 'reveal') await revealBySignIn(id, ticket, callback);
    else {
      await ask('POST', `approvals/${id}/decision`, { ticket, callback });
      tell(doneText(decision));
    }
    return undefined;
  } catch (error) {
    return tellingOf(error);
  }
}

/** @param {string} [trouble] what is told where nobody is signed in */
async function show(trouble) {
  takeLink();
  leaving.abort();
  leaving = new AbortController();
  const { parts } = place();
  const session = signedIn();
  const context = { entered, signal: leaving.signal, trouble };
  if (given !== undefined && parts[0] === given.kind)
    return alone(given.kind === 'enrol' ? enrolPage(given.name, given.link, context) : linkPage(given.link, context));
  if (session === undefined) return alone(signInPage(context));
  chrome(session.person, parts[0]);
  listenOnce();
  return fill(true);
}

/** @param {HTMLElement} element */
function alone(element) {
  document.title = 'flows';
  bar.hidden = true;
  document.body.classList.remove('inside');
  main.replaceChildren(element);
  shown = { hash: '', text: '' };
}

function entered() {
  given = undefined;
  listening?.abort();
  listening = undefined;
  // a change of the address shows what it leads to
  if (/^#\/(?:enrol|page)/.test(location.hash)) location.hash = '#/';
  else void show();
}

function signOut() {
  listening?.abort();
  listening = undefined;
  forgetSession();
  void show();
}

/** The view of the address, from what the broker says now; what did not change stays. @param {boolean} fresh */
async function fill(fresh) {
  const { parts, filter } = place();
  const { hash } = location;
  const [first, id] = parts;
  const found = views[first];
  const view = id ? found?.one : found?.all;
  const session = signedIn();
  if (session === undefined) return;
  if (view === undefined) {
    main.replaceChildren(nowhere('There is nothing here.', link('#/', 'What waits')));
    return;
  }
  if (fresh) main.setAttribute('aria-busy', 'true');
  const isHere = () => location.hash === hash;
  // the first look opens the database of approvals and runs
  const slow = setTimeout(() => {
    if (fresh && isHere()) main.replaceChildren(h('h1', {}, 'Looking…'));
  }, 600);
  let data;
  try {
    data = await view.load(parts.slice(1), filter);
    const text = JSON.stringify(data) ?? '';
    if (!isHere() || (shown.hash === hash && shown.text === text && !fresh)) return;
    leaving.abort();
    leaving = new AbortController();
    const context = { person: session.person, signal: leaving.signal, tell, refresh: () => void fill(false) };
    put(view.show(data, context), shown.hash === hash);
    shown = { hash, text };
    document.title = `${view.title} · flows`;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return signOut();
    if (fresh && isHere()) main.replaceChildren(nowhere('This cannot be shown now.', tellingOf(error)));
  } finally {
    clearTimeout(slow);
    if (isHere()) lookAgain(view.again?.(data));
    main.removeAttribute('aria-busy');
  }
}

/** Puts a view in the place of the one before; where it is the same one, what was open and in focus stays so. @param {HTMLElement} element @param {boolean} same */
function put(element, same) {
  const open = same
    ? [...main.querySelectorAll('details[open][data-key]')].map((each) => each.getAttribute('data-key'))
    : [];
  const before = document.activeElement;
  const focus =
    same && before !== null && main.contains(before) ? [...main.querySelectorAll(focusable)].indexOf(before) : -1;
  const typed = same ? new Map([...main.querySelectorAll('form [id]')].map((each) => [each.id, each])) : new Map();
  main.replaceChildren(element);
  for (const each of main.querySelectorAll('details[data-key]'))
    if (open.includes(each.getAttribute('data-key'))) each.setAttribute('open', '');
  for (const each of main.querySelectorAll('form [id]')) {
    const old = typed.get(each.id);
    if (old !== undefined) /** @type {any} */ (each).value = old.value;
  }
  if (focus !== -1) /** @type {any} */ (main.querySelectorAll(focusable)[focus])?.focus({ preventScroll: true });
  if (!same) scrollTo(0, 0);
}
const focusable = 'a[href], button, summary, input, select, pre[tabindex]';

/** @param {{ name: string, approver?: string }} person @param {string} [here] */
function chrome(person, here = '') {
  document.body.classList.add('inside');
  bar.hidden = false;
  const current = here === 'approvals' ? '' : here;
  bar.replaceChildren(
    h('a.mark', { href: '#/' }, h('img', { src: '/page/icon.svg', alt: '', width: 28, height: 28 }), 'flows'),
    h(
      'nav',
      { 'aria-label': 'Views' },
      places.map(([path, text]) =>
        h(
          'a',
          { href: `#/${path}`, 'aria-current': path === current ? 'page' : undefined },
          text,
          path === '' && h('span.count', { id: 'count', hidden: true }),
        ),
      ),
    ),
    h(
      'div.person',
      {},
      h(`span.live${isLive ? '.on' : ''}`, { id: 'live', role: 'img', 'aria-label': isLive ? 'live' : 'connecting' }),
      h('span.name', {}, person.name),
      h('button.plain', { type: 'button', onclick: leave }, 'Sign out'),
    ),
  );
  bar.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  void count();
}

/** At once: in a session that ends nothing more is asked. */
function leave() {
  void ask('POST', 'logout').catch(() => undefined);
  signOut();
}

/** How many wait, where somebody sees it from any view. */
async function count() {
  const element = document.getElementById('count');
  const found = await ask('GET', 'approvals?state=pending').catch(() => undefined);
  if (element === null || found === undefined) return;
  const number = found.approvals.length;
  element.hidden = number === 0;
  element.textContent = String(number);
  element.setAttribute('aria-label', `${number} waiting`);
}

/** What nothing tells of is looked at now and then. @param {number} [milliseconds] */
function lookAgain(milliseconds = quietLook) {
  clearTimeout(soon);
  soon = setTimeout(() => void fill(false), milliseconds);
}

/** milliseconds: what another broker on the same database does is on its own trail */
const quietLook = 30_000;
let soon;
/** One look for many events. */
function lookSoon() {
  lookAgain(250);
}

function listenOnce() {
  if (listening !== undefined) return;
  listening = new AbortController();
  void listen(
    (event, data) => {
      if (event === 'signed-out') return signOut();
      const { parts } = place();
      const view = parts[1] ? views[parts[0]]?.one : views[parts[0]]?.all;
      if (data.actions?.includes('policy.reload')) dispatchEvent(new Event('rules'));
      if (event === 'approval' || data.actions?.length === 0) void count();
      if (view?.hears(event, data, parts.slice(1)) || data.actions?.length === 0) lookSoon();
    },
    (live) => {
      isLive = live;
      const element = document.getElementById('live');
      element?.classList.toggle('on', live);
      element?.setAttribute('aria-label', live ? 'live' : 'not connected');
    },
    listening.signal,
  );
}

addEventListener('hashchange', () => {
  if (/^#(?:\/|$)/.test(location.hash) || location.hash === '') void show();
});
setInterval(moveTimes, 5_000);
void finishErrand().then((trouble) => {
  if (trouble !== undefined && signedIn() !== undefined) tell(trouble);
  return show(trouble);
});
