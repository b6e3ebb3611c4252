import { setTimeout as timer } from 'node:timers/promises';

/** Sleeps, and wakes up early once the signal comes: a timer that nobody waits for any more keeps the process alive. */
export function sleepUntilAborted(signal: AbortSignal): (milliseconds: number) => Promise<void> {
  return (milliseconds) => timer(milliseconds, undefined, { signal }).catch(() => undefined);
}
