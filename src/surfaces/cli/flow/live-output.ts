import type { Output, Shown } from '../../../engine/output.ts';
import { outputLines } from './output-text.ts';
import { rowsOf, type Terminal } from '../terminal.ts';

export interface Live {
  readonly terminal: Terminal;
  readonly reveal: boolean;
  readonly now: () => number;
  /** runs the flow again for the next code */
  renew(): Promise<Output>;
}

type Entries = readonly (readonly [string, Shown])[];

/**
 * A mapping on a terminal. Secrets are hidden until `r` is pressed; a one-time code counts its seconds and is renewed
 * when they are over. Ends with any other key, or with Ctrl-C; what a key has shown is hidden again then.
 */
export async function showLive(first: Entries, live: Live): Promise<void> {
  const { terminal, now } = live;
  let entries = first;
  let reveal = live.reveal;
  let drawn = 0;
  let noted = 0;
  const draw = (hint: string) => {
    const text = outputLines(entries, { reveal, now: now(), paint: terminal.paint });
    // with what a renewal has told below the former one
    const above = drawn === 0 ? 0 : drawn + terminal.noted() - noted;
    terminal.out(`${above > 0 ? `\u001b[${above}F\u001b[0J` : ''}${text}`);
    noted = terminal.noted();
    drawn = rowsOf(text, terminal.width);
    if (hint === '' || !terminal.errIsTerminal) return;
    terminal.err(`${terminal.paintErr('dim', hint)}\n`);
    drawn += rowsOf(`${hint}\n`, terminal.width);
  };
  const hint = () => {
    if (!terminal.interactive) return 'Ctrl-C ends';
    return hasHidden(entries) ? `press r to ${reveal ? 'hide' : 'show'} secrets, any other key to end` : 'any key ends';
  };
  const lasting = hasCode(entries) || (terminal.interactive && !live.reveal && hasHidden(entries));
  if (!lasting) return draw('');

  const ended = Promise.withResolvers<void>();
  const end = () => ended.resolve();
  const stopKeys = terminal.keys((key) => {
    if (key !== 'r') return end();
    reveal = !reveal;
    draw(hint());
  });
  let renewing = false;
  const tick = async () => {
    if (renewing || !hasCode(entries)) return;
    if (hasCode(entries, now())) {
      renewing = true;
      try {
        const output = await live.renew();
        if (output.kind === 'mapping') entries = output.entries;
      } finally {
        renewing = false;
      }
    }
    draw(hint());
  };
  const timer = setInterval(() => void tick().catch(ended.reject), 1_000);
  process.once('SIGINT', end);
  try {
    draw(hint());
    await ended.promise;
  } finally {
    clearInterval(timer);
    stopKeys();
    process.off('SIGINT', end);
    reveal = live.reveal;
    draw('');
  }
}

/** Whether there is a one-time code, or one that is over at a time. */
function hasCode(entries: Entries, over = Infinity): boolean {
  return entries.some(([, value]) => value.as === 'one-time-code' && value.validUntil <= over);
}

function hasHidden(entries: Entries): boolean {
  return entries.some(([, value]) => value.as === 'secret' || value.as === 'token');
}
