import { form } from '../../language/forms.ts';

/** Longer names and patterns are nobody's. */
export const longestName = 128;

/** What a name or a pattern may be. */
export const patternSyntax = /^(?:[a-z0-9_-]|\*\*?(?!\*))+(?:\.(?:[a-z0-9_-]|\*\*?(?!\*))+)*$/;

/** A name or pattern in policy.yaml. */
export const patternForm = form.text({
  pattern: patternSyntax,
  expects:
    'a name in lower case, in which `*` stands for anything within a dotted part and `**` for anything across parts',
});

export function isWildcard(pattern: string): boolean {
  return pattern.includes('*');
}

/**
 * What a pattern matches: `*` any characters but a dot, `**` any characters, each also none; everything else is itself.
 * The time it takes is bounded by the lengths of pattern and name multiplied, whatever they are.
 */
export function compilePattern(pattern: string): (name: string) => boolean {
  if (!isWildcard(pattern)) return (name) => name === pattern;
  const [prefix = '', ...others] = pattern.split(/\*+/);
  const suffix = others.at(-1) ?? '';
  const shortest = prefix.length + suffix.length;
  const mayMatch = (name: string) =>
    name.length <= longestName && name.length >= shortest && name.startsWith(prefix) && name.endsWith(suffix);
  if (others.length === 1) {
    if (pattern.includes('**')) return mayMatch;
    return (name) => mayMatch(name) && !name.slice(prefix.length, name.length - suffix.length).includes('.');
  }
  const tokens = pattern.slice(prefix.length).match(/\*\*|[^]/g) ?? [];
  return (name) => mayMatch(name) && matches(tokens, name, prefix.length);
}

/** All ways through the pattern are followed side by side, so none is gone twice. */
function matches(tokens: readonly string[], name: string, from: number): boolean {
  let here = new Uint8Array(tokens.length + 1);
  reach(here, 0, tokens);
  for (let at = from; at < name.length; at += 1) {
    const next = new Uint8Array(tokens.length + 1);
    const character = name[at];
    for (const [index, token] of tokens.entries()) {
      if (here[index] !== 1) continue;
      if (token === '**' || (token === '*' && character !== '.')) reach(next, index, tokens);
      else if (token !== '*' && token === character) reach(next, index + 1, tokens);
    }
    here = next;
  }
  return here[tokens.length] === 1;
}

/** A wildcard may stand for nothing: what comes after it is reached with it. */
function reach(states: Uint8Array, index: number, tokens: readonly string[]): void {
  for (let at = index; at <= tokens.length; at += 1) {
    states[at] = 1;
    if (tokens[at] !== '*' && tokens[at] !== '**') return;
  }
}
