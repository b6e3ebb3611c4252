import { FlowError } from '../errors.ts';
import type { Operation } from './onepassword-messages.ts';
import type { SdkThread } from './onepassword-thread.ts';

const writes: ReadonlySet<Operation> = new Set<Operation>(['create', 'setOneTimePassword', 'archive']);

/** where the service does not say how long to wait, and the longest that its word is taken for: milliseconds */
const pause = { unsaid: 30_000, longest: 600_000 };

/**
 * Remembers that a quota is used up: further calls of the same sort fail at once instead of asking again. Reads and
 * writes have quotas of their own; a refused read stops both, since every write reads first.
 */
export function createBreaker(thread: SdkThread, now: () => number): SdkThread {
  const open: { read?: Stop; write?: Stop } = {};

  return {
    ...thread,
    async call(operation, asks) {
      const isWrite = writes.has(operation);
      for (const stop of isWrite ? [open.read, open.write] : [open.read]) {
        if (stop !== undefined && now() < stop.until) throw again(stop, now());
      }
      try {
        return await thread.call(operation, asks);
      } catch (error) {
        if (error instanceof FlowError && error.code === 'rate-limited') {
          const wait = Math.min((error.retryAfter ?? 0) * 1000 || pause.unsaid, pause.longest);
          open[isWrite ? 'write' : 'read'] = { until: now() + wait, error };
        }
        throw error;
      }
    },
  };
}

interface Stop {
  /** epoch milliseconds */
  readonly until: number;
  readonly error: FlowError;
}

function again({ until, error }: Stop, now: number): FlowError {
  return new FlowError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryAfter: Math.ceil((until - now) / 1000),
    cause: error,
  });
}
