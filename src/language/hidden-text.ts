/** Offsets into a file's text. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** keys by whose name a secret stands after them, whoever reads the file */
const key = String.raw`["']?(?:[\w.]+-)*[\w.]*(?:[a-z0-9][-_.]?secret|password|passwd|passphrase|token|credential|seed|(?:private|client|api|access)[-_.]?key)["']?[ \t]*:[ \t]*`;
/** a reference, an expression */
const pointer = String.raw`(?:op:\/\/|\$\{\{)`;
/** in quotes it is one as long as nothing else stands behind them */
const end = String.raw`(?=[ \t]*(?:[,}\]]|$)|[ \t]+#)`;
/** what is no secret there: one of these, keys that say where it is */
const shown = String.raw`(?!"${pointer}[^"]*(?:"${end}|$)|'${pointer}[^']*(?:'${end}|$)|${pointer}|\{|#(?:\s|$)|\s|$)`;
/** in a line of its own a value goes on to the end; among others in braces it ends with a quote or a comma */
const alone = new RegExp(`^([ \\t]*(?:- +)*${key})${shown}(.*)$`, 'i');
const among = new RegExp(`([\\s{,[]${key})${shown}((?:"(?:[^"\\\\]|\\\\.)*"?|'[^']*'?)?[^,}\\]]*)`, 'gi');
const opened = new RegExp(
  `^[ \\t]*(?:- +)*${key}(?:[|>][-+0-9]*[ \\t]*$|["'](?!op:|\\$)|[^\\s{#[&*!|>"'-](?!p:\\/\\/))`,
  'i',
);
/** who signs in at an address; it may have a password */
const signIn = /(?<=\/\/)\S+(?=@)/g;
const tokens = /\b(?:ops_|flows_|eyJ)[A-Za-z0-9_.=-]{8,}/g;

/** lines; a private key has fewer */
const longestValue = 200;
/** characters of a line that are shown */
export const longestLine = 300;

/**
 * A line of a file in which no secret stands that someone wrote where a reference belongs; columns stay.
 * @param hidden what the keys' own forms say is not to be shown
 */
export function withoutSecrets(text: string, line: Stretch, hidden: readonly Stretch[]): string {
  const { start, end } = line;
  let found = text.slice(start, end).replace(tokens, starred).replace(signIn, starred);
  for (const range of hidden) {
    const [from, to] = [Math.max(range.start, start) - start, Math.min(range.end, end) - start];
    if (to > from) found = found.slice(0, from) + starred(found.slice(from, to)) + found.slice(to);
  }
  if (goesOn(text, start)) return starred(found);
  found = found.replace(alone, (_, before: string, value: string) => `${before}${starred(value)}`);
  return found.replace(among, (_, before: string, value: string) => `${before}${starred(value)}`);
}

/** Whether a line is part of a value that began in a line above it, after a key of a secret. */
function goesOn(text: string, start: number): boolean {
  // a tab among the spaces is no end of a value
  const tabbed = /^ *\t/.test(text.slice(start, start + longestLine));
  const indent = tabbed ? Infinity : indentOf(text, start);
  let at = start;
  for (let lines = 0; at > 0 && lines < longestValue; lines += 1) {
    const end = at - 1;
    at = text.lastIndexOf('\n', end - 1) + 1;
    const line = text.slice(at, Math.min(end, at + longestLine));
    if (line.trim() !== '' && indentOf(line, 0) < indent) return opened.test(line) || (tabbed && goesOn(text, at));
  }
  return false;
}

function indentOf(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at - start;
}

function starred(text: string): string {
  return '*'.repeat(text.length);
}
