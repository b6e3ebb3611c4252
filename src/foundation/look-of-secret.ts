import type { Secret } from './secret.ts';

/** What a value looks like that was pasted with more than itself; the first that fits is told. */
const looks: readonly (readonly [RegExp, string])[] = [
  [/^\uFEFF/, 'begins with a byte order mark'],
  [/[\r\n]+$/, 'ends with a line break'],
  [/^[\r\n]+/, 'begins with a line break'],
  [/\p{Default_Ignorable_Code_Point}/u, 'holds a character without width'],
  [/[\u00A0\u202F\u2007]/, 'holds a no-break space'],
  [/[^\P{Z} ]/u, 'holds a space of another kind'],
  [/^(["'`]).*\1$|^[“”„«‘’].*[“”»‘’]$/s, 'is in quotes'],
  [/\s$/, 'ends with a space'],
  [/^\s/, 'begins with a space'],
  [/(?!\s)\p{Cc}/u, 'holds a control character'],
];

/** For a hint when a value was refused: what it looks like, never the value; undefined where nothing is odd. */
export function lookOf(secret: Secret): string | undefined {
  const text = secret.reveal();
  return looks.find(([form]) => form.test(text))?.[1];
}
