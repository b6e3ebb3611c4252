import type { Output, Shown } from '../../../engine/output.ts';
import { byTimer, type Every } from '../repeating-timer.ts';
import { createLiveEntries, type Entries } from './live-entries.ts';
import { bare, outputLines } from './output-text.ts';
import { rowsOf, type Terminal } from '../terminal.ts';

export interface Live {
  readonly terminal: Terminal;
  readonly reveal: boolean;
  readonly now: () => number;
  /** asks for everything again, where a code does not tell those that come after it */
  renew(): Promise<Output>;
  readonly every?: Every;
}

/** minutes: what is shown for longer is looked at by nobody, or by somebody else */
const sitting = 10;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A mapping on a terminal. Secrets are hidden until `r` is pressed; a one-time code counts its seconds and is renewed
 * when they are over; `c` and `p` copy code and password. Ends with any other key, with Ctrl-C, or by itself after some
 * minutes; what a key has shown is hidden again then. While a service is away, what is there stays.
 */
export async function showLive(first: Entries, live: Live): Promise<void> {
  const { terminal, now, every = byTimer } = live;
  const entries = createLiveEntries(first, () => live.renew(), now);
  const ends = now() + sitting * 60_000;
  let reveal = live.reveal;
  let news: string | undefined;
  let drawn = 0;
  let noted = 0;
  const draw = (hint: string) => {
    const text = outputLines(entries.all(), { reveal, now: now(), paint: terminal.paint });
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
    const [trouble, left] = [entries.trouble(), Math.max(1, Math.ceil((ends - now()) / 60_000))];
    const failed = trouble === undefined ? undefined : `no new code, tried again soon: ${trouble}`;
    const by = terminal.interactive ? keysOf(entries.all(), reveal) : 'Ctrl-C ends';
    return `${[failed, news].flatMap((each) => (each === undefined ? [] : `${each}\n`)).join('')}${by} (by itself in ${left} min)`;
  };
  const lasting =
    codeIn(first) !== undefined || (terminal.interactive && !live.reveal && secretIn(first) !== undefined);
  if (!lasting) return draw('');

  const ended = Promise.withResolvers<'asked' | 'over'>();
  const end = () => ended.resolve('asked');
  const stopKeys = terminal.keys((key) => {
    const entry = key === 'c' ? codeIn(entries.all()) : key === 'p' ? secretIn(entries.all()) : undefined;
    if (entry === undefined && key !== 'r') return end();
    if (entry === undefined) reveal = !reveal;
    else terminal.out(toClipboard(bare(entry[1])));
    news = entry === undefined ? undefined : `${entry[0]} is copied, where this terminal takes OSC 52`;
    draw(hint());
  });
  const tick = async () => {
    if (now() >= ends) return ended.resolve('over');
    await entries.renew();
    draw(hint());
  };
  const stop = every(1_000, () => void tick().catch(ended.reject));
  for (const signal of signals) process.once(signal, end);
  let over = false;
  try {
    draw(hint());
    over = (await ended.promise) === 'over';
  } finally {
    stop();
    stopKeys();
    for (const signal of signals) process.off(signal, end);
    reveal = live.reveal;
    draw('');
    if (over) terminal.note(`ended after ${sitting} min: run it again`, 'dim');
  }
}

function keysOf(entries: Entries, reveal: boolean): string {
  const [code, secret] = [codeIn(entries), secretIn(entries)];
  const keys = [
    ...(secret === undefined ? [] : [`r to ${reveal ? 'hide' : 'show'} secrets`]),
    ...(code === undefined ? [] : [`c to copy ${code[0]}`]),
    ...(secret === undefined ? [] : [`p to copy ${secret[0]}`]),
  ];
  return keys.length === 0 ? 'any key ends' : `press ${keys.join(', ')}; any other key ends`;
}

/** OSC 52: a terminal that takes it puts the text into the clipboard of whoever sits before it, over SSH too. */
function toClipboard(text: string): string {
  return `\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`;
}

function codeIn(entries: Entries): readonly [string, Shown] | undefined {
  return entries.find(([, { as }]) => as === 'one-time-code');
}

/** The first one: a password, where there is one. */
function secretIn(entries: Entries): readonly [string, Shown] | undefined {
  const secrets = entries.filter(([, { as }]) => as === 'secret' || as === 'token');
  return secrets.find(([name]) => name === 'password') ?? secrets[0];
}
