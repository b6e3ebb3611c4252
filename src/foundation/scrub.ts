import { oneLine } from './errors.ts';
import { formsOf } from './value-forms.ts';

/** characters in a row that give a secret away; shorter secrets count whole */
const telling = 8;
/** characters that are looked at; fewer are shown */
const longest = 2000;

/**
 * A server's explanation as it may be shown: one line, bounded, and nothing at all where it repeats a part of a secret,
 * plain, URL-encoded, in hex, in base64, in wide letters or escaped, from either end, with whatever between its characters, or what looks
 * like a JWT.
 * @param shown values that may be left out on their own, like a client id that came from a vault
 */
export function scrub(text: string, secrets: readonly string[], shown: readonly string[] = []): string | undefined {
  const start = text.slice(0, longest);
  const line = oneLine(start);
  if (/eyJ[\w-]*\./.test(start)) return undefined;
  const looked = new Set([start, line, unescaped(start), start.normalize('NFKC')].map((each) => each.toLowerCase()));
  for (const secret of secrets) if (repeats([...looked], secret)) return undefined;
  let clean = line;
  for (const value of shown) {
    for (const form of formsOf(value)) clean = clean.replaceAll(form, '[client-id]');
  }
  return clean === '' ? undefined : clean;
}

function repeats(texts: readonly string[], secret: string): boolean {
  const close = texts.map(letters);
  const reversed = Array.from(secret).toReversed().join('');
  return [secret, reversed].flatMap(formsOf).some((form) => {
    const needle = form.toLowerCase();
    // without what may stand between, a short secret would be found in any text
    return sharesPart(texts, needle) || (letters(needle).length >= telling && sharesPart(close, letters(needle)));
  });
}

/** Whether a part of the needle that would tell stands in one of the texts, in either direction. */
function sharesPart(texts: readonly string[], needle: string): boolean {
  const width = Math.min(telling, needle.length);
  for (const way of [needle, Array.from(needle).toReversed().join(''), needle.split('').toReversed().join('')]) {
    for (let at = 0; at + width <= way.length; at += 1) {
      const part = way.slice(at, at + width);
      if (texts.some((text) => text.includes(part))) return true;
    }
  }
  return false;
}

function letters(text: string): string {
  return text.replace(/[^\p{L}\p{N}]+/gu, '');
}

/** What single characters are that percent-encoding, JavaScript, HTML and C write otherwise. */
export function unescaped(text: string): string {
  return text.replace(
    /%([0-9a-f]{2})|\\(?:x([0-9a-f]{2})|u([0-9a-f]{4}))|&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));|\\([0-7]{2,3})/gi,
    (_, ...found: (string | undefined)[]) => {
      const at = found.findIndex((digits) => digits !== undefined);
      const code = Number.parseInt(found[at] ?? '', [16, 16, 16, 16, 10, 8][at]);
      return code <= 0x10ffff ? String.fromCodePoint(code) : ' ';
    },
  );
}
