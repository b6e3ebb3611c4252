import * as fc from 'fast-check';
import { type Loop, loops } from './loops.ts';

/** How often a loop goes round. */
export function amountOf(loop: Loop): number {
  return loops[loop];
}

/** As many of all cases as the loop goes round: others in no order, but the same ones each time. */
export function someOf<T>(all: readonly T[], loop: Loop): readonly T[] {
  const count = Math.min(all.length, amountOf(loop));
  if (count === all.length) return all;
  const some = fc.shuffledSubarray([...all], { minLength: count, maxLength: count });
  return fc.sample(some, { numRuns: 1, seed: 20_261_122 })[0] ?? [];
}
