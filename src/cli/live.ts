import type { Output, Shown } from '../flow/output.ts';
import { outputLines } from './show.ts';
import type { Terminal } from './terminal.ts';

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
 * when they are over. Ends with any other key, or with Ctrl-C.
 */
export async function showLive(first: Entries, live: Live): Promise<void> {
  const { terminal, now } = live;
  let entries = first;
  let reveal = live.reveal;
  let drawn = 0;
  const draw = () => {
    const text = outputLines(entries, { reveal, now: now(), paint: terminal.paint });
    if (drawn > 0) terminal.out(`\u001b[${drawn}F\u001b[0J`);
    terminal.out(text);
    drawn = text.split('\n').length - 1;
  };
  draw();
  const codes = codesOf(entries).length > 0;
  if (!codes && (live.reveal || !hasHidden(entries) || !terminal.interactive)) return;
  terminal.err(
    terminal.paintErr('dim', `press r to ${reveal ? 'hide' : 'show'} what is hidden, any other key to end\n`),
  );
  drawn += terminal.errIsTerminal ? 1 : 0;

  const ended = Promise.withResolvers<void>();
  const stopKeys = terminal.keys((key) => {
    if (key === 'r') reveal = !reveal;
    else return ended.resolve();
    draw();
  });
  let renewing = false;
  const tick = async () => {
    if (renewing || codesOf(entries).length === 0) return;
    if (codesOf(entries).some((code) => code.validUntil <= now())) {
      renewing = true;
      try {
        const output = await live.renew();
        if (output.kind === 'mapping') entries = output.entries;
      } finally {
        renewing = false;
      }
    }
    draw();
  };
  const timer = setInterval(() => void tick().catch(ended.reject), 1_000);
  const onInterrupt = () => ended.resolve();
  process.once('SIGINT', onInterrupt);
  try {
    await ended.promise;
  } finally {
    clearInterval(timer);
    stopKeys();
    process.off('SIGINT', onInterrupt);
  }
}

function codesOf(entries: Entries) {
  return entries.flatMap(([, value]) => (value.as === 'one-time-code' ? [value] : []));
}

function hasHidden(entries: Entries): boolean {
  return entries.some(([, value]) => value.as === 'secret' || value.as === 'token');
}
