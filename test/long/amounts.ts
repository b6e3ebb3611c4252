import * as fc from 'fast-check';
import { inject } from 'vitest';
import { type Loop, type Much, loops } from './loops.ts';

const much: Much = inject('much');

/** How often a loop goes round in this run. */
export function amountOf(loop: Loop): number {
  return loops[loop][much];
}

/** As many of all cases as this run does of the loop: others in no order, but the same ones each time. */
export function someOf<T>(all: readonly T[], loop: Loop): readonly T[] {
  const count = Math.min(all.length, amountOf(loop));
  if (count === all.length) return all;
  const some = fc.shuffledSubarray([...all], { minLength: count, maxLength: count });
  return fc.sample(some, { numRuns: 1, seed: 20_261_122 })[0] ?? [];
}
