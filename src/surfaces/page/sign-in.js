import { ask, keepSession, signedIn, tellingOf } from './api.js';
import { code, h } from './dom.js';
import { hostOf, leaveFor } from './elsewhere.js';
import { makePasskey, signWithPasskey } from './passkeys.js';

/** milliseconds after which a challenge is asked for anew: it is good for two minutes */
const renewAfter = 100_000;

/** One thing on an empty page. @param {string} title @param {...any} children */
function alone(title, ...children) {
  return h(
    'div.alone',
    {},
    h('img', { src: '/page/icon.svg', alt: '', width: 44, height: 44 }),
    h('h1', {}, title),
    ...children,
  );
}

/**
 * A button that does one thing at a time, and what went wrong under it.
 * @param {string} text @param {() => Promise<void>} act @param {Record<string, any>} [attributes]
 */
function acting(text, act, attributes = {}) {
  const trouble = h('p.trouble', { role: 'alert' });
  const button = h(
    'button.main',
    {
      type: 'button',
      ...attributes,
      async onclick() {
        trouble.textContent = '';
        button.disabled = true;
        try {
          await act();
        } catch (error) {
          trouble.textContent = tellingOf(error);
        } finally {
          button.disabled = false;
        }
      },
    },
    text,
  );
  return { button, trouble };
}

/** @param {{ entered: () => void, signal: AbortSignal, trouble?: string }} context */
export function signInPage({ entered, signal, trouble }) {
  let ready;
  const { button, trouble: failed } = acting(
    'Sign in with a passkey',
    async () => {
      const { ticket, options } = ready;
      // nothing is awaited between the click and this
      const answer = signWithPasskey(options).finally(() => void prepare());
      keepSession(await ask('POST', 'login', { ticket, assertion: await answer }));
      entered();
    },
    { disabled: true },
  );

  async function prepare() {
    try {
      ready = await ask('POST', 'login-options');
      button.disabled = false;
      if (elsewhere.childElementCount === 0) elsewhere.replaceChildren(...ready.places.map(signInAt).flat());
    } catch (error) {
      failed.textContent = tellingOf(error);
    }
  }
  const timer = setInterval(() => void prepare(), renewAfter);
  signal.addEventListener('abort', () => clearInterval(timer));
  const elsewhere = h('div.elsewhere');
  void prepare();
  return alone(
    'Sign in',
    h('p.quiet', {}, 'See what waits for a person, and answer it.'),
    button,
    failed,
    elsewhere,
    h('p.trouble', { role: 'alert' }, trouble),
    h(
      'p.hint.first',
      {},
      'Here for the first time? The operator makes you a link: ',
      code('flows approvers add NAME'),
      ' for your passkey, ',
      code('flows page'),
      ' for a look.',
    ),
  );
}

/** A button that leads to an issuer. @param {{ issuer: string, client: string }} place */
function signInAt(place) {
  const { button, trouble } = acting(
    `Sign in at ${hostOf(place)}`,
    async () => {
      const { ticket, authorize } = await ask('POST', 'authorize', place);
      leaveFor(authorize, { kind: 'sign-in', ticket, back: location.hash });
    },
    // the passkey comes first
    { class: '' },
  );
  return [button, trouble];
}

/** A link of `flows page`: it counts once, and only when somebody presses the button. @param {string} given @param {any} context */
export function linkPage(given, { entered }) {
  const { button, trouble } = acting('Open the page', async () => {
    keepSession(await ask('POST', 'login', { link: given }));
    entered();
  });
  return alone(
    'Have a look',
    h('p.quiet', {}, 'This link opens the page once, to look. Whoever answers approvals signs in by themselves.'),
    button,
    trouble,
  );
}

/** A link of `flows approvers add`. @param {string} name @param {string} given @param {any} context */
export function enrolPage(name, given, { entered }) {
  const page = alone(`A passkey for ${name}`);
  const other = signedIn()?.person.name;
  const begin = acting('I am the one: begin', async () => {
    const { ticket, options } = await ask('POST', 'enrol-options', { approver: name, link: given });
    const make = acting('Make the passkey', async () => {
      const registration = await makePasskey(options);
      keepSession(await ask('POST', 'enrol', { ticket, registration }));
      entered();
    });
    steps.replaceChildren(
      h('p', {}, 'Your device asks for your finger, your face or a PIN. Nothing of that leaves it.'),
      make.button,
      make.trouble,
    );
    make.button.focus();
  });
  const steps = h('div.steps', {}, begin.button, begin.trouble);
  page.append(
    h(
      'p.quiet',
      {},
      'With it you approve what agents ask for. Go on only if you are ',
      h('strong', {}, name),
      ', and got this link from the operator yourself. It counts once.',
    ),
    other !== undefined && other !== name ? h('p.hint', {}, `You are signed in as ${other}.`) : '',
    steps,
  );
  return page;
}
