import { oneLine } from '../../../foundation/errors.ts';
import { sleepUntilAborted } from '../../../foundation/sleep.ts';
import { approvalStates, operatorPaths, pathOf } from '../../../foundation/wire.ts';
import { type Card, cardText, scopeText } from '../approvals/card-text.ts';
import { idIn } from '../approvals/approval-id.ts';
import { noticeText, tellDesktop } from '../approvals/tell-desktop.ts';
import { commonArguments } from '../arguments.ts';
import { askBroker } from '../ask-broker.ts';
import { commandTable } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';
import { wordOption } from '../list-options.ts';
import { columns } from '../terminal.ts';
import { withApp } from '../with-app.ts';

/** milliseconds between looks, where it watches */
const lookEvery = 2_000;

/** `flows approvals`: what waits for people; `--watch`: as it comes. */
export async function approvals(invocation: Invocation): Promise<number> {
  const { values } = commonArguments(invocation.argv, commandTable.approvals.options);
  const { terminal, signal } = invocation;
  const state = wordOption('state', String(values['state'] ?? 'pending'), approvalStates);
  return withApp(invocation, async (app) => {
    const look = async () => {
      const path = `${operatorPaths.approvals}?state=${state}`;
      return (await askBroker(app, { method: 'GET', path, signal }))['approvals'] as readonly Card[];
    };
    const show = (cards: readonly Card[]) =>
      terminal.out(
        values['json'] === true ? cards.map((card) => `${JSON.stringify(card)}\n`).join('') : columns(cards.map(cells)),
      );
    if (values['watch'] !== true) {
      const found = await look();
      if (found.length === 0 && values['json'] !== true) terminal.note('nothing waits for a person', 'dim');
      else show(found);
      return 0;
    }
    const sleep = sleepUntilAborted(signal);
    let seen = new Set<string>();
    while (!signal.aborted) {
      const found = await look();
      const fresh = found.filter(({ id }) => !seen.has(id)).toReversed();
      show(fresh);
      if (state === 'pending' && fresh.length > 0) tellDesktop(noticeText(fresh), terminal);
      seen = new Set(found.map(({ id }) => id));
      await sleep(lookEvery).catch(() => undefined);
    }
    return 0;
  });
}

function cells(card: Card): readonly string[] {
  const { id, agent, names, until, asked, answers } = card;
  const yes = answers.length === 0 ? '' : ` (answered by ${answers.map(({ approver }) => approver).join(', ')})`;
  const reason = asked.reason === undefined ? '' : `reason: ${asked.reason}`;
  return [id, oneLine(agent), scopeText(card), oneLine(names.join(', '), 60), `until ${until}${yes}`, oneLine(reason)];
}

/** `flows approve ID`: all that a yes is bound to, and where a person says it. The command itself can say none. */
export async function approve(invocation: Invocation): Promise<number> {
  const { positionals, values } = commonArguments(invocation.argv, commandTable.approve.options, 2);
  const { terminal, signal } = invocation;
  const id = idIn(positionals);
  return withApp(invocation, async (app) => {
    const path = pathOf(operatorPaths.approval, id);
    const about = `approval "${id}"`;
    const card = (await askBroker(app, { method: 'GET', path, about, signal })) as unknown as Card;
    if (values['json'] === true) {
      terminal.out(`${JSON.stringify(card)}\n`);
      return 0;
    }
    terminal.out(cardText(card, terminal.paint));
    if (card.state !== 'pending') terminal.note(`it is ${card.state}: there is nothing to answer`, 'dim');
    else if (card.url === undefined)
      terminal.tell(
        'warning',
        'no page is served, and nobody can approve without: server: { page: true } in service.yaml',
      );
    else {
      terminal.note('compare the first characters of the digest with those on the page, and answer there:', 'dim');
      terminal.out(`${card.url}\n`);
    }
    return 0;
  });
}

/** `flows deny ID`: no, from a terminal; also takes back a yes. */
export async function deny(invocation: Invocation): Promise<number> {
  const { positionals } = commonArguments(invocation.argv, commandTable.deny.options, 2);
  const { terminal, signal } = invocation;
  const id = idIn(positionals);
  return withApp(invocation, async (app) => {
    const path = pathOf(operatorPaths.denyApproval, id);
    const { state } = await askBroker(app, { method: 'POST', path, about: `approval "${id}"`, signal });
    terminal.tell('done', state === 'revoked' ? `${id}: the yes is taken back` : `${id}: denied`);
    return 0;
  });
}
