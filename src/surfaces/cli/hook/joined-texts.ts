import type { Stretch } from './own-values.ts';

/** characters that are looked through, of all the texts of a call; harnesses cut what tools give far before */
const most = 400_000;
/** bytes of JSON that the broker takes, but for what is around the text */
const largest = 1_000_000;

/** Texts as one: however many they are, and however long they become as JSON, they are looked through in one request. */
export function joined(texts: readonly string[]): { readonly text: string; readonly whole: boolean } {
  const all = texts.join('\n');
  let text = all.slice(0, most);
  for (;;) {
    const size = Buffer.byteLength(JSON.stringify(text));
    if (size <= largest) return { text, whole: text.length === all.length };
    text = text.slice(0, Math.floor((text.length * largest) / size));
  }
}

/** What was found in texts that were joined, by which of them it is in. */
export function apart<T extends Stretch>(
  found: readonly T[],
  texts: readonly string[],
): readonly (T & { readonly text: number })[] {
  if (found.length === 0) return [];
  let begin = 0;
  return texts.flatMap((each, text) => {
    const [start, end] = [begin, begin + Buffer.byteLength(each)];
    begin = end + 1;
    const within = start === end ? [] : found.filter(({ from, to }) => from < end && to > start);
    return within.map((one) => ({
      ...one,
      text,
      from: Math.max(one.from, start) - start,
      to: Math.min(one.to, end) - start,
    }));
  });
}
