/**
 * What the work comes to, or this error as soon as the signal ends. The work itself goes on: others may wait for it,
 * or it may not listen.
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, error: () => Error): Promise<T> {
  const gate = Promise.withResolvers<never>();
  const stop = () => gate.reject(error());
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    // the gate first: once stopped, what is done already is not gone on with either
    return await Promise.race([gate.promise, work]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
