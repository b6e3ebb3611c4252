/** characters of a text from outside that are shown */
const longest = 120;

/**
 * A value from outside as a message may quote it: on one line, cut, with what cannot be seen written as `\u{…}`, since
 * it is often the very difference. Never for what may be a secret.
 */
export function quoted(value: unknown): string {
  if (value === undefined) return 'none';
  if (Array.isArray(value)) {
    const shown = value.slice(0, 5).map(quoted).join(', ');
    return `[${shown}${value.length > 5 ? ', …' : ''}]`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return JSON.stringify(value);
  const cut = value.length > longest ? `${value.slice(0, longest).toWellFormed()}…` : value.toWellFormed();
  return `"${cut.replace(/["\\]/g, '\\$&').replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`)}"`;
}
