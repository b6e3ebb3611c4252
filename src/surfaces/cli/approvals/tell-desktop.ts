import { spawn } from 'node:child_process';
import { oneLine } from '../../../foundation/errors.ts';
import type { Terminal } from '../terminal.ts';
import type { Card } from './card-text.ts';

/** What of an approval is told beside the terminal: who asks for which names, never what an agent says of itself. */
export function noticeText(cards: readonly Pick<Card, 'agent' | 'names'>[]): string {
  const [card, ...more] = cards;
  if (card === undefined || more.length > 0) return `${cards.length} approvals wait for a person`;
  return `${oneLine(card.agent)} waits for an approval: ${oneLine(card.names.join(', '), 100)}`;
}

/**
 * Tells whoever is at this machine, whatever window they look at: by `notify-send` on a Linux desktop, else by the
 * terminal, where it takes OSC 9 or 777. Nothing waits for it, and nothing fails where neither is there.
 */
export function tellDesktop(text: string, terminal: Pick<Terminal, 'err' | 'errIsTerminal'>): void {
  const byTerminal = (): void => {
    if (terminal.errIsTerminal) terminal.err(sequenceOf(text));
  };
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if ((DISPLAY ?? '') === '' && (WAYLAND_DISPLAY ?? '') === '') {
    byTerminal();
    return;
  }
  // all in the summary: the body is markup
  const child = spawn('notify-send', ['--app-name=flows', '--', text], { stdio: 'ignore' });
  child.once('error', byTerminal).once('exit', (code) => (code === 0 ? undefined : byTerminal()));
  child.unref();
}

/** Terminals that know both show it twice where both are sent. */
function sequenceOf(text: string): string {
  const { TERM = '', VTE_VERSION } = process.env;
  const by777 = VTE_VERSION !== undefined || /^(?:rxvt|foot)/.test(TERM);
  return by777 ? `\u001b]777;notify;flows;${text.replaceAll(';', ',')}\u001b\\` : `\u001b]9;${text}\u001b\\`;
}
