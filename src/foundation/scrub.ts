import { oneLine } from './errors.ts';
import { formsOf } from './value-forms.ts';

/** characters in a row that give a secret away; shorter secrets count whole */
const telling = 8;
/** characters that are looked at; fewer are shown */
const longest = 2000;

/**
 * A server's explanation as it may be shown: one line, bounded, and nothing at all where it repeats a part of a secret,
 * plain, URL-encoded, in hex, in base32, in base64 once or twice, in wide letters, escaped or turned by half an alphabet, from
 * either end, with whatever between its characters, or what looks like a JWT.
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
  const open = partsOf(texts);
  const close = partsOf(texts.map(letters));
  const reversed = Array.from(secret).toReversed().join('');
  const forms = [secret, reversed].flatMap(formsOf);
  // a few letters in disguise stand in any text
  if (secret.length >= telling) forms.push(...disguisesOf(secret));
  return forms.some((form) => {
    const needle = form.toLowerCase();
    // without what may stand between, a short secret would be found in any text
    return sharesPart(open, needle) || (letters(needle).length >= telling && sharesPart(close, letters(needle)));
  });
}

/** What only a server that wants to be understood in spite of a search would write. */
function disguisesOf(secret: string): readonly string[] {
  const once = Buffer.from(secret).toString('base64');
  return [...formsOf(once), ...formsOf(rot13(secret)), ...base32Forms(secret)];
}

function rot13(text: string): string {
  return text.replaceAll(/[a-z]/gi, (letter) => {
    const code = letter.charCodeAt(0);
    return String.fromCharCode((code & 31) > 13 ? code - 13 : code + 13);
  });
}

/** As base32 wherever in a text it starts, without the characters that its neighbours have a part in. */
function base32Forms(text: string): readonly string[] {
  const bits = Array.from(Buffer.from(text), (byte) => byte.toString(2).padStart(8, '0')).join('');
  return [0, 1, 2, 3, 4].map((skipped) => {
    const groups = bits.slice(skipped).match(/.{5}/g) ?? [];
    return groups.map((group) => 'abcdefghijklmnopqrstuvwxyz234567'.charAt(Number.parseInt(group, 2))).join('');
  });
}

interface Parts {
  readonly texts: readonly string[];
  /** every stretch of the texts that is long enough to tell */
  readonly telling: ReadonlySet<string>;
}

function partsOf(texts: readonly string[]): Parts {
  const found = new Set<string>();
  for (const text of texts) {
    for (let at = 0; at + telling <= text.length; at += 1) found.add(text.slice(at, at + telling));
  }
  return { texts, telling: found };
}

/** Whether a part of the needle that would tell stands in one of the texts, in either direction. */
function sharesPart(parts: Parts, needle: string): boolean {
  return [needle, Array.from(needle).toReversed().join(''), needle.split('').toReversed().join('')].some((way) => {
    if (way.length < telling) return parts.texts.some((text) => text.includes(way));
    for (let at = 0; at + telling <= way.length; at += 1) {
      if (parts.telling.has(way.slice(at, at + telling))) return true;
    }
    return false;
  });
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
