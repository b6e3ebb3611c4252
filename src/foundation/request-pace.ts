import { FlowError } from './errors.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface PaceOptions {
  /** how many run at once */
  readonly atOnce: number;
  /** milliseconds of a clock that nobody sets */
  readonly monotonic: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

const never = new AbortController().signal;

/** Runs work a few at a time, and work of one group no faster than so many a second. */
export function createPace(options: PaceOptions) {
  const waiting = new Set<() => void>();
  const due = new Map<string, number>();
  let running = 0;

  async function slot(signal: AbortSignal): Promise<void> {
    if (running < options.atOnce) {
      running += 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.add(resolve); // the one that ends hands its slot over
    try {
      await unlessAborted(promise, signal, () => stopped(signal));
    } finally {
      waiting.delete(resolve);
    }
  }

  function free(): void {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else waiting.delete(next);
    next?.();
  }

  /**
   * @param perSecond Infinity: as fast as it goes
   * @param signal ends the wait at once, for a slot as for the time
   */
  return async function paced<T>(
    group: string,
    perSecond: number,
    work: () => Promise<T>,
    signal: AbortSignal = never,
  ): Promise<T> {
    await slot(signal);
    try {
      signal.throwIfAborted();
      const at = Math.max(options.monotonic(), due.get(group) ?? 0);
      due.set(group, at + 1000 / perSecond);
      const wait = at - options.monotonic();
      if (wait > 0) await unlessAborted(options.sleep(wait), signal, () => stopped(signal));
      signal.throwIfAborted();
      return await work();
    } finally {
      free();
    }
  };
}

function stopped(signal: AbortSignal): FlowError {
  return new FlowError('aborted', 'stopped before it was sent', { cause: signal.reason });
}
