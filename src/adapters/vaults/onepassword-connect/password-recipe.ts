import type { Recipe } from '../onepassword-items/operations.ts';
import { subjectError } from '../onepassword-items/subject-error.ts';

/** As Connect's generator takes it. */
export interface ConnectRecipe {
  readonly length: number;
  readonly characterSets: readonly string[];
}

/** characters of a password that it makes */
const longest = 64;

/** @throws FlowError usage where the generator makes none so long */
export function connectRecipe({ length, digits, symbols }: Recipe): ConnectRecipe {
  if (length <= longest)
    return { length, characterSets: ['LETTERS', ...(digits ? ['DIGITS'] : []), ...(symbols ? ['SYMBOLS'] : [])] };
  const hint = `write length: ${longest}, or less`;
  throw subjectError('usage', `Connect makes passwords of at most ${longest} characters`, hint);
}
