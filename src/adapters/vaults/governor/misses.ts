import type { FlowError } from '../../../foundation/errors.ts';

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
const most = 1_000;

export function createMisses(now: () => number): Misses {
  const missed = new Map<string, { readonly error: FlowError; readonly at: number; readonly kept: number }>();
  return {
    get(reference) {
      const miss = missed.get(reference);
      return miss !== undefined && Math.abs(now() - miss.at) < miss.kept ? miss.error : undefined;
    },
    set(reference, error) {
      if (error.code !== 'not-found' && error.code !== 'ambiguous') return;
      const before = missed.get(reference)?.kept;
      missed.delete(reference);
      const [oldest] = missed.keys();
      if (missed.size >= most && oldest !== undefined) missed.delete(oldest);
      const length = before === undefined ? kept.first : Math.min(before * 2, kept.longest);
      missed.set(reference, { error, at: now(), kept: length });
    },
    delete: (reference) => void missed.delete(reference),
    clear: () => missed.clear(),
  };
}
