import { oneLine } from '../../foundation/errors.ts';
import { byTimer, type Every } from './repeating-timer.ts';
import type { Outlet } from './outlet.ts';

/** What a terminal needs to be, to have a line that is written over. */
type Screen = Pick<Outlet, 'isTTY' | 'columns' | 'write'>;

/** The last line of a terminal, which says why nothing happens, and goes away. Elsewhere it is not there at all. */
export function createWaitLine(
  screen: Screen,
  paint: (line: string) => string,
  { now = () => performance.now(), every = byTimer }: { readonly now?: () => number; readonly every?: Every } = {},
) {
  const waits: { readonly why: string; readonly until: number }[] = [];
  let stop: (() => void) | undefined;
  let drawn = false;

  function draw(): void {
    const last = waits.at(-1);
    if (last === undefined) return;
    const text = `${oneLine(last.why)} (${Math.max(0, Math.ceil((last.until - now()) / 1000))} s)`;
    // one that is as wide as the screen would become two
    const room = (screen.columns || 80) - 1;
    screen.write(`\r\u001b[2K${paint(text.length > room ? `${text.slice(0, room - 1)}…` : text)}`);
    drawn = true;
  }

  function erase(): void {
    if (drawn) screen.write('\r\u001b[2K');
    drawn = false;
  }

  return {
    /** Before anything else is written; what still waits is there again within a second. */
    erase,
    /** @param milliseconds that it lasts at most @returns ends it */
    begin(why: string, milliseconds: number): () => void {
      if (!screen.isTTY) return () => undefined;
      const wait = { why, until: now() + milliseconds };
      waits.push(wait);
      draw();
      stop ??= every(1_000, draw);
      return () => {
        const at = waits.indexOf(wait);
        if (at === -1) return;
        waits.splice(at, 1);
        erase();
        draw();
        if (waits.length > 0) return;
        stop?.();
        stop = undefined;
      };
    },
  };
}
