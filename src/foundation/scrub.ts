import { oneLine } from './errors.ts';

/** characters in a row that give a secret away; shorter secrets count whole */
const telling = 8;
/** characters that are looked at; fewer are shown */
const longest = 2000;

/**
 * A server's explanation as it may be shown: one line, bounded, and nothing at all where it repeats a part of a secret,
 * plain, URL-encoded, in hex, in base64 or escaped as JSON, or what looks like a JWT.
 * @param shown values that may be left out on their own, like a client id that came from a vault
 */
export function scrub(text: string, secrets: readonly string[], shown: readonly string[] = []): string | undefined {
  const start = text.slice(0, longest);
  const line = oneLine(start);
  if (/eyJ[\w-]*\./.test(start)) return undefined;
  for (const secret of secrets) if (repeats(start, secret) || repeats(line, secret)) return undefined;
  let clean = line;
  for (const value of shown) {
    for (const form of forms(value)) clean = clean.replaceAll(form, '[client-id]');
  }
  return clean === '' ? undefined : clean;
}

function repeats(text: string, secret: string): boolean {
  const haystack = text.toLowerCase();
  for (const form of forms(secret)) {
    const needle = form.toLowerCase();
    const width = Math.min(telling, needle.length);
    for (let at = 0; at + width <= needle.length; at += 1) {
      if (haystack.includes(needle.slice(at, at + width))) return true;
    }
  }
  return false;
}

/** The ways in which a value travels. */
function forms(value: string): readonly string[] {
  if (value === '') return [];
  const bytes = Buffer.from(value);
  const found = new Set([
    value,
    encodeURIComponent(value.toWellFormed()),
    new URLSearchParams({ v: value }).toString().slice(2),
    JSON.stringify(value).slice(1, -1),
    bytes.toString('hex'),
  ]);
  // base64 depends on where the value starts within its three bytes; the characters at both ends mix with neighbours
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const whole = padded.subarray(0, padded.length - (padded.length % 3));
    for (const encoding of ['base64', 'base64url'] as const) {
      const text = whole.toString(encoding).slice(before === 0 ? 0 : 4);
      if (text.length >= 4) found.add(text);
    }
  }
  return [...found].filter((form) => form !== '');
}
