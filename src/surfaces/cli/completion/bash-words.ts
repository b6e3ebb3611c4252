import type { Line } from './answer.ts';

/** What must be quoted, by the quote that is open. */
const special = {
  '': /[^\w@%+=:,./-]/g,
  '"': /[\\"$`]/g,
  "'": /'/g,
} as const;

/**
 * A line as bash gives it, which is not yet split: its own words end where COMP_WORDBREAKS says, in `op://…` and
 * `--region=eu` too. Nothing in it is expanded. What is answered replaces only what bash takes for the word.
 * @param breaks COMP_WORDBREAKS
 */
export function bashWords(
  line: string,
  breaks: string,
): Line & { readonly quoted: (value: string) => string | undefined } {
  const words: string[] = [];
  let word: string | undefined;
  let open: keyof typeof special = '';
  /** how much of the current word stays as it is written */
  let kept = 0;
  let expanded = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (open === "'" ? char === "'" : open === '"' && char === '"') {
      open = '';
    } else if (open === '' && (char === "'" || char === '"')) {
      open = char;
      word ??= '';
      kept = word.length;
    } else if (char === '\\' && open !== "'" && at + 1 < line.length) {
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else if (open === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      kept = 0;
      expanded = false;
    } else {
      word = (word ?? '') + char;
      expanded ||= open !== "'" && (char === '$' || char === '`');
      if (open === '' && breaks.includes(char)) kept = word.length;
    }
  }
  const current = word ?? '';
  const quote = open;
  return {
    before: words.slice(1),
    current,
    quoted(value) {
      // what bash will make of the word is not known, and `!` cannot be written between such quotes
      if (expanded || (quote === '"' && value.includes('!'))) return undefined;
      if (!value.startsWith(current.slice(0, kept))) return undefined;
      return value.slice(kept).replace(special[quote], quote === "'" ? `'\\''` : '\\$&');
    },
  };
}
