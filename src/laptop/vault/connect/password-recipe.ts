import { randomInt } from 'node:crypto';
import { z } from 'zod';

const sets = {
  LETTERS: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
  DIGITS: '0123456789',
  SYMBOLS: '!@#$%^&*()-_=+[]{}',
} as const;

export const recipe = z.object({
  length: z.number().int().min(1).max(64).nullish(),
  characterSets: z.array(z.enum(['LETTERS', 'DIGITS', 'SYMBOLS'])).nullish(),
  excludeCharacters: z.string().nullish(),
});

/** A password as Connect's generator makes one: of each set that is wanted at least one character, where it is long enough. */
export function generatedPassword(wanted: z.output<typeof recipe> = {}): string {
  const { length, characterSets, excludeCharacters } = wanted;
  const names = characterSets ?? [];
  const chosen = (names.length === 0 ? (['LETTERS', 'DIGITS', 'SYMBOLS'] as const) : names).map((name) =>
    Array.from(sets[name]).filter((each) => !(excludeCharacters ?? '').includes(each)),
  );
  const all = chosen.flat();
  if (all.length === 0) return '';
  const most = length ?? 32;
  const pick = (from: readonly string[]) => from[randomInt(from.length)] ?? '';
  const characters = Array.from({ length: most }, (_, index) => {
    const own = chosen[index];
    return pick(own === undefined || own.length === 0 ? all : own);
  });
  for (let last = characters.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? '', characters[last] ?? ''];
  }
  return characters.join('');
}
