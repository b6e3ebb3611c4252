import { ask, tellingOf } from './api.js';
import { h, listed } from './dom.js';
import { hostOf, leaveFor } from './elsewhere.js';
import { signWithPasskey } from './passkeys.js';
import { duration } from './times.js';
import { scopeText } from './waiting.js';

/** milliseconds after which a challenge is asked for anew: it is good for two minutes */
const renewAfter = 100_000;
const scopes = ['call', 'run', 'session'];
const scopeNames = { call: 'one call', run: 'this agent run', session: 'this session' };
/** seconds */
const usualTimes = [300, 900, 3_600, 4 * 3_600, 8 * 3_600];
/** the approval that somebody says no to after a yes: however often its view is made anew, they need not say so again */
let denying;

/**
 * How somebody answers, who may.
 * @param {any} approval @param {{ person: any, signal: AbortSignal, tell: (text: string) => void, refresh: () => void }} context
 */
export function answering(approval, context) {
  if (approval.state !== 'pending') return undefined;
  const { person } = context;
  const may = [...new Set(approval.rules.flatMap(({ by }) => by))];
  if (person.approver === undefined || !may.includes(person.approver))
    return h('p.note', {}, `You look as ${person.name}. ${listed(may, 'or')} may answer this.`);
  if (approval.answers.every(({ approver }) => approver !== person.approver)) return deciding(approval, context, false);
  // while it waits, that was a yes; what is signed for a no is fetched once somebody wants to say it
  const no = () => deciding(approval, context, true)[1];
  if (denying === approval.id) return no();
  const deny = () => {
    denying = approval.id;
    element.replaceWith(no());
  };
  const element = h(
    'div.answer',
    {},
    h('p.note', {}, 'You have answered. It waits for somebody else too.'),
    h('button.plain', { type: 'button', onclick: deny }, 'Say no after all'),
  );
  return element;
}

/**
 * Yes or no, each signed with the passkey, or proven by a sign-in that is made for it. What is signed is fetched before
 * anybody presses anything: Safari asks for no passkey after an awaited request.
 * @param {any} approval @param {Parameters<typeof answering>[1]} context @param {boolean} said they have said yes
 */
function deciding(approval, context, said) {
  const { person, signal } = context;
  const trouble = h('p.trouble', { role: 'alert' });
  const choice = choosing(approval, () => void prepare());
  const approve = h(
    'button.main',
    { type: 'button', disabled: true, onclick: () => void decide('approve') },
    'Approve',
  );
  const deny = h('button.no', { type: 'button', disabled: true, onclick: () => void decide('deny') }, 'Deny');
  const signs = h('p.hint', {}, '');
  /** @type {Record<string, any>} */
  let ready = {};
  let round = 0;
  /** an answer is on its way, or given: nothing is made ready any more */
  let answered = false;

  /** @param {boolean} [anew] what is ready says the same, and counts until this is: nobody's click is lost meanwhile */
  async function prepare(anew = false) {
    if (answered) return;
    const mine = (round += 1);
    if (!anew) {
      ready = {};
      approve.disabled = deny.disabled = true;
    }
    try {
      const path = `approvals/${approval.id}/challenge`;
      const [yes, no] = await Promise.all([
        // an owner of the agent may say no, and not yes
        said ? undefined : ask('POST', path, { decision: 'approve', ...choice.chosen() }).catch((error) => error),
        ask('POST', path, { decision: 'deny' }),
      ]);
      if (mine !== round) return;
      const refused = yes instanceof Error;
      ready = { approve: refused ? undefined : yes, deny: no };
      trouble.textContent = refused ? `${tellingOf(yes)} You may still deny it.` : '';
      signs.textContent =
        refused || said ? '' : `You sign: ${scopeText(JSON.parse(yes.statement))}.${proofText(person)}`;
      approve.disabled = refused;
      deny.disabled = false;
    } catch (error) {
      if (mine === round) trouble.textContent = tellingOf(error);
    }
  }

  /** @param {'approve' | 'deny'} decision */
  async function decide(decision) {
    const { ticket, options, authorize } = ready[decision];
    trouble.textContent = '';
    approve.disabled = deny.disabled = true;
    answered = true;
    round += 1;
    if (authorize !== undefined) {
      leaveFor(authorize, { kind: 'decision', id: approval.id, decision, ticket, back: location.hash });
      return;
    }
    try {
      // nothing is awaited between the click and this
      const assertion = await signWithPasskey(options);
      await ask('POST', `approvals/${approval.id}/decision`, { ticket, assertion });
      context.tell(doneText(decision));
      context.refresh();
    } catch (error) {
      const text = tellingOf(error);
      answered = false;
      await prepare();
      trouble.textContent = text;
    }
  }

  void prepare();
  const timer = setInterval(() => void prepare(true), renewAfter);
  signal.addEventListener('abort', () => {
    round += 1;
    clearInterval(timer);
  });
  // rights that are new are held for a moment: a passkey just made is among them
  addEventListener('rules', () => void prepare(true), { signal });
  return [
    choice.element,
    h(
      'div.answer',
      { role: 'group', 'aria-label': 'Your answer' },
      signs,
      h('div.buttons', {}, deny, !said && approve),
      trouble,
    ),
  ];
}

/** @param {'approve' | 'deny'} decision */
export function doneText(decision) {
  return decision === 'approve' ? 'Approved, and signed.' : 'Denied, and signed.';
}

/** A passkey needs no words: its device asks. @param {any} person */
function proofText({ place }) {
  if (place === undefined) return '';
  return ` To prove it you sign in once more at ${hostOf(place)}, which signs it, and not a passkey.`;
}

/** For less than was asked: never for more. @param {any} approval @param {() => void} changed */
function choosing(approval, changed) {
  const narrower = scopes.slice(0, scopes.indexOf(approval.scope) + 1).reverse();
  const times = [approval.lasts, ...usualTimes.filter((each) => each < approval.lasts).reverse()];
  const scope = select(
    'scope',
    'good for',
    narrower.map((each) => [each, scopeNames[each]]),
    changed,
  );
  const lasts = select(
    'lasts',
    'no longer than',
    times.map((each) => [String(each), duration(each)]),
    changed,
  );
  const useful = narrower.length > 1 || times.length > 1;
  return {
    element:
      useful &&
      h(
        'details.less',
        { 'data-key': 'less' },
        h('summary', {}, 'Approve for less'),
        h('div.fields', {}, narrower.length > 1 && scope.field, times.length > 1 && lasts.field),
      ),
    chosen: () => ({ scope: scope.input.value, lasts: Number(lasts.input.value) }),
  };
}

/** @param {string} id @param {string} label @param {readonly (readonly [string, string])[]} options @param {() => void} changed */
function select(id, label, options, changed) {
  const input = h(
    'select',
    { id, onchange: changed },
    options.map(([value, text]) => h('option', { value }, text)),
  );
  return { input, field: h('p.field', {}, h('label', { for: id }, label), input) };
}
