import { FlowError } from '../../foundation/errors.ts';
import { unlessAborted } from '../../foundation/unless-aborted.ts';
import type { StepContext } from '../contract.ts';

/**
 * Waits until the clock shows `at` (epoch milliseconds), or has been set back meanwhile, or the run is stopped.
 * @param why for whoever looks on
 * @throws FlowError aborted
 */
export async function waitUntil(
  context: Pick<StepContext, 'now' | 'sleep' | 'signal' | 'waiting'>,
  at: number,
  why: string,
): Promise<void> {
  if (context.now() >= at) return;
  const { signal } = context;
  const stopped = () =>
    signal.reason instanceof FlowError
      ? signal.reason
      : new FlowError('aborted', 'stopped while waiting', { cause: signal.reason });
  const over = context.waiting(why, at - context.now());
  try {
    // a timer may fire a little early, and a laptop that slept wakes up late
    for (let left = at - context.now(), before = Infinity; left > 0 && left < before;) {
      await unlessAborted(context.sleep(left), signal, stopped);
      [before, left] = [left, at - context.now()];
    }
  } finally {
    over();
  }
}
