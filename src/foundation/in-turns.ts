import { setImmediate } from 'node:timers/promises';
import { systemClock } from './clocks.ts';

/** Work that can be put down wherever it yields, so that others are served meanwhile. */
export type InTurns<T> = Generator<undefined, T, undefined>;

/** Does all of it now. */
export function atOnce<T>(work: InTurns<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** milliseconds after which a turn ends, where the work yields */
const longest = 4;

/** Does it in turns of the event loop. */
export async function inTurns<T>(work: InTurns<T>): Promise<T> {
  const { monotonic } = systemClock;
  for (let began = monotonic(); ;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (monotonic() - began < longest) continue;
    await setImmediate();
    began = monotonic();
  }
}
