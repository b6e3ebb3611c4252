/** Our own credentials, which are known by their form alone: without a broker too. */
const forms: readonly (readonly [RegExp, string])[] = [
  [/\bflows_[0-9A-Za-z]{38}\b/g, 'agent token'],
  [/\bops_[A-Za-z0-9+/_=-]{60,}/g, '1Password token'],
];

/** A stretch of a text, in bytes of its UTF-8, and what it is. */
export interface Stretch {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export function ownValuesIn(text: string): readonly Stretch[] {
  return forms.flatMap(([form, name]) =>
    [...text.matchAll(form)].map((match) => {
      const from = Buffer.byteLength(text.slice(0, match.index));
      return { name, from, to: from + match[0].length };
    }),
  );
}

/** A text with names where values stood. */
export function masked(text: string, stretches: readonly Stretch[]): string {
  if (stretches.length === 0) return text;
  const bytes = Buffer.from(text);
  const parts: string[] = [];
  let done = 0;
  for (const { name, from, to } of stretches.toSorted((one, other) => one.from - other.from)) {
    if (to <= done) continue;
    parts.push(bytes.toString('utf8', done, Math.max(done, from)), `[${name}]`);
    done = to;
  }
  return parts.join('') + bytes.toString('utf8', done);
}
