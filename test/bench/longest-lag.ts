import { readFileSync } from 'node:fs';

/**
 * Milliseconds that a timer of 1 ms was late at most while the work went on; and the same less what the thread was ready
 * to run and other threads and processes had the processors.
 */
export async function longestLag(
  work: () => Promise<unknown>,
): Promise<{ readonly lag: number; readonly own: number }> {
  let [lag, own] = [0, 0];
  let last = { at: performance.now(), waited: waited() };
  const look = () => {
    const now = { at: performance.now(), waited: waited() };
    const late = now.at - last.at - 1;
    lag = Math.max(lag, late);
    own = Math.max(own, late - (now.waited - last.waited));
    last = now;
  };
  const timer = setInterval(look, 1);
  try {
    await work();
    look();
  } finally {
    clearInterval(timer);
  }
  return { lag, own };
}

/** Milliseconds that this thread has waited in the scheduler's queue since its start; 0 where that is not known. */
function waited(): number {
  try {
    const [, nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch {
    return 0;
  }
}
