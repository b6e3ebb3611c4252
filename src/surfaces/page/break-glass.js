import { ask, tellingOf } from './api.js';
import { code, facts, h, listed, nothing } from './dom.js';
import { leaveFor } from './elsewhere.js';
import { signWithPasskey } from './passkeys.js';
import { duration } from './times.js';

/** milliseconds after which what is signed is made anew: it is good for two minutes */
const staleAfter = 100_000;

/** What came back from an issuer, until it is shown. @type {{ flow: string, answer: any } | undefined} */
let brought;

/** The code that a sign-in elsewhere was for. @param {string} flow @param {string} ticket @param {string} callback */
export async function revealBySignIn(flow, ticket, callback) {
  brought = { flow, answer: await ask('POST', `break-glass/${flow}/reveal`, { ticket, callback }) };
}

/** One-time codes for people whom policy names. Nothing of an answer is kept but what is on the screen, for as long as it is good. */
export const breakGlass = {
  title: 'Break-glass',
  // what is typed or shown here stays until it is over
  hears: () => false,
  load: () => ask('GET', 'break-glass'),
  /** @param {any} data @param {any} context */
  show({ flows }, context) {
    const mine = brought;
    brought = undefined;
    return h(
      'div',
      {},
      h('h1', {}, 'Break-glass'),
      h(
        'p.quiet',
        {},
        'A one-time code for an emergency, once, to whom policy names. People are told first, and it is on the trail. ',
        'The password stays in the vault.',
      ),
      flows.length === 0
        ? nothing(
            'Nothing here is for you.',
            `policy.yaml has no `,
            code('reveal:'),
            ` of ${context.person.name}, or what it names is not here.`,
          )
        : h(
            'ul.cards',
            {},
            flows.map((flow) =>
              h('li.card', {}, ...revealing(flow, context, mine?.flow === flow.name ? mine?.answer : undefined)),
            ),
          ),
    );
  },
};

/** @param {any} flow @param {{ person: any, signal: AbortSignal }} context @param {any} answer that is there already */
function revealing({ name, description, inputs, accounts, close }, { person, signal }, answer) {
  const step = h('div.step', {});
  const trouble = h('p.trouble', { role: 'alert' });
  /** ends what is to be signed, once the broker takes it no more */
  let stale;
  signal.addEventListener('abort', () => clearTimeout(stale));
  const fields = Object.entries(inputs.properties).map(([input, schema]) =>
    field(`${name}-input-${input}`, input, schema, inputs.required.includes(input)),
  );
  const reason = h('input', { id: `${name}-why`, required: true, maxlength: 200, autocomplete: 'off' });
  const go = h('button', { type: 'submit' }, 'Go on');
  const form = h(
    'form',
    { onsubmit: begin, autocomplete: 'off' },
    fields.map(({ element }) => element),
    h('p.field', {}, h('label', { for: `${name}-why` }, 'Why, in one line'), reason),
    h('div.buttons', {}, go),
  );

  /** @param {SubmitEvent} event */
  async function begin(event) {
    event.preventDefault();
    trouble.textContent = '';
    clearTimeout(stale);
    step.replaceChildren();
    go.disabled = true;
    try {
      const given = Object.fromEntries(
        fields.flatMap(({ input, value }) => {
          const text = value();
          return text === undefined ? [] : [[input, text]];
        }),
      );
      const body = { reason: reason.value, inputs: given };
      const challenge = await ask('POST', `break-glass/${name}/challenge`, body);
      if (!signal.aborted) sign(challenge);
    } catch (error) {
      trouble.textContent = tellingOf(error);
    } finally {
      go.disabled = false;
    }
  }

  /** @param {any} challenge */
  function sign({ ticket, statement, bound, options, authorize }) {
    const what = JSON.parse(bound);
    const { digest } = JSON.parse(statement);
    const main = h('button.main', { type: 'button' }, 'Prove it and reveal');
    main.addEventListener('click', async () => {
      clearTimeout(stale);
      main.disabled = true;
      trouble.textContent = '';
      if (authorize !== undefined) {
        leaveFor(authorize, { kind: 'reveal', id: name, ticket, back: location.hash });
        return;
      }
      try {
        // nothing is awaited between the click and this
        const assertion = await signWithPasskey(options);
        const given = await ask('POST', `break-glass/${name}/reveal`, { ticket, assertion });
        if (!signal.aborted) reveal(given);
      } catch (error) {
        step.replaceChildren();
        trouble.textContent = tellingOf(error);
      }
    });
    stale = setTimeout(() => {
      step.replaceChildren();
      trouble.textContent = 'That took too long: go on once more.';
    }, staleAfter);
    step.replaceChildren(
      h('h3', {}, 'You sign for this, and for nothing else'),
      facts(
        ['the code of', code(what.what[0].name)],
        what.accounts.length > 0 && ['account', listed(what.accounts)],
        Object.keys(what.inputs).length > 0 && ['with', JSON.stringify(what.inputs)],
        ['because', what.reason],
        ['in environment', what.environment],
        ['digest', h('code.fingerprint', {}, h('strong', {}, digest.slice(0, 8)), digest.slice(8))],
      ),
      person.by === 'oidc' && h('p.hint', {}, 'To prove it you sign in once more at your issuer.'),
      h('div.buttons', {}, main),
    );
    main.focus();
  }

  /** @param {any} given */
  function reveal(given) {
    reason.value = '';
    step.replaceChildren(revealed(name, given, close, signal));
    step.querySelector('h3')?.focus();
  }

  if (answer !== undefined) reveal(answer);
  return [
    h('h2', {}, code(name)),
    h('p', {}, description),
    accounts.length > 0 && h('p.hint', {}, `for ${listed(accounts)}`),
    form,
    trouble,
    step,
  ];
}

/**
 * A code, for as long as it is good, or until the view is left.
 * @param {string} name @param {any} answer @param {string | undefined} close @param {AbortSignal} signal
 */
function revealed(name, { output, as }, close, signal) {
  const parts =
    typeof as === 'string' ? [[name, as, output]] : Object.entries(as).map(([key, kind]) => [key, kind, output[key]]);
  const codes = parts.filter(([, kind]) => kind === 'one-time-code');
  const ends = Date.now() + Math.min(...codes.map(([, , value]) => value.valid_for)) * 1_000;
  const left = h('span', {});
  const told = h('p.left', {}, 'good for ', left);
  const values = facts(
    ...parts.map(
      ([key, kind, value]) =>
        /** @type {[string, any]} */ ([
          key,
          kind === 'one-time-code' ? h('code.revealed', {}, value.code) : h('bdi', {}, String(value)),
        ]),
    ),
  );
  const element = h('div.shown', {}, h('h3', { tabindex: -1 }, 'Here it is, once'), values, told);

  function over() {
    clearInterval(timer);
    values.remove();
    told.textContent = 'The code is over, and is nowhere any more.';
  }
  function tick() {
    const seconds = Math.ceil((ends - Date.now()) / 1_000);
    if (seconds <= 0) over();
    else left.textContent = duration(seconds);
  }
  const timer = setInterval(tick, 250);
  tick();
  signal.addEventListener('abort', over);
  // a page that is left may be kept as it was, and a hidden one runs its timers late
  addEventListener('pagehide', over, { signal });
  document.addEventListener('visibilitychange', tick, { signal });
  if (close !== undefined)
    element.append(h('p.hint', {}, 'This use owes something: ', code(`flows ${name} close`), ', at a terminal.'));
  return element;
}

/** @param {string} id @param {string} input @param {any} schema @param {boolean} required */
function field(id, input, { type, enum: choices, description, default: usual, maxLength }, required) {
  const element =
    choices !== undefined
      ? h(
          'select',
          { id },
          choices.map((each) => h('option', { value: each, selected: each === usual }, each)),
        )
      : type === 'boolean'
        ? h('input', { id, type: 'checkbox', checked: usual === true })
        : h('input', { id, required, maxlength: maxLength, value: usual, autocomplete: 'off' });
  const text = () =>
    element.value === '' ? undefined : type === 'string' || choices ? element.value : Number(element.value);
  return {
    input,
    value: type === 'boolean' ? () => element.checked : text,
    element: h('p.field', {}, h('label', { for: id }, `${input}: ${description}`), element),
  };
}
