import { FlowError } from '../../../foundation/errors.ts';
import { awake, systemClock } from '../../../foundation/clocks.ts';
import { createMemory, doubled } from '../../../foundation/expiring-memory.ts';

/** References that were not there lately: asking for them over and over is what uses quotas up. */
export interface Misses {
  get(reference: string): FlowError | undefined;
  set(reference: string, error: FlowError): void;
  /** It was there. */
  delete(reference: string): void;
  /** Something was written: anything may be there now. */
  clear(): void;
}

/** milliseconds: at first, and at most; doubled each time */
const kept = { first: 5_000, longest: 60_000 };

/** @param now the wall clock, epoch milliseconds: setting it back makes no miss last longer */
export function createMisses(now: () => number): Misses {
  const missed = createMemory<never>({
    clock: awake({ now, monotonic: systemClock.monotonic }),
    capacity: 1_000,
    failures: { time: (_, count) => doubled(kept.first, count, kept.longest), row: Infinity },
  });
  return {
    get(reference) {
      const miss = missed.failure(reference);
      return miss instanceof FlowError ? miss : undefined;
    },
    set(reference, error) {
      if (error.code === 'not-found' || error.code === 'ambiguous') missed.fail(reference, error);
    },
    delete: missed.forget,
    clear: () => void missed.forget(() => true),
  };
}
