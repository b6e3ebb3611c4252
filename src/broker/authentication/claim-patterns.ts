import type { Trust } from '../../folder/policy/policy.ts';

type Claims = Readonly<Record<string, unknown>>;

/** no issuer's claims that policies name come near it; also bounds what matching costs */
const longestClaim = 2_048;

/**
 * What a trust asks of a token's claims: the whole value of each, in which `*` stands for any characters, also none.
 * A list or an object fits nothing: what of it would count is anyone's guess.
 * @returns the first claim that does not fit, or undefined
 */
export function compileClaims({ claims }: Pick<Trust, 'claims'>): (held: Claims) => string | undefined {
  const wanted = Object.entries(claims).map(([name, pattern]) => [name, compileGlob(pattern)] as const);
  return (held) => wanted.find(([name, fits]) => !fits(textOf(held, name)))?.[0];
}

function textOf(claims: Claims, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  const text = String(value);
  return text.length > longestClaim ? undefined : text;
}

/** Parts are looked for from left to right, each once: the first place that fits leaves the most for the others. */
function compileGlob(pattern: string): (text: string | undefined) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text === pattern;
  const middle = rest.filter((part) => part !== '');
  return (text) => {
    if (text === undefined || text.length < first.length + last.length) return false;
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
