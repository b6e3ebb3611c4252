import type { FlowError } from '../foundation/errors.ts';

/** Those who wait until lines are written, or on the disk. */
export interface Waiters {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: FlowError) => void;
  count: number;
}

export function newWaiters(): Waiters {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // whoever asked hears of it by the promise that record gave; nobody else has to
  promise.catch(() => undefined);
  return { promise, resolve, reject, count: 0 };
}

export function countOf(waiters: readonly Waiters[]): number {
  return waiters.reduce((sum, { count }) => sum + count, 0);
}
