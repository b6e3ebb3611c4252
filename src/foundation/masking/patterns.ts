import type { Secret } from '../secret.ts';
import { formsOf } from '../value-forms.ts';

/** A value that is not to be seen, and what it is called where it stood. */
export interface NamedValue {
  readonly name: string;
  readonly value: Secret;
}

/** Bytes to look for. */
export interface Pattern {
  readonly bytes: Buffer;
  readonly name: string;
  /** found between token borders only: it is so short that it stands in other words */
  readonly short: boolean;
}

/** What is looked for, in the order of its bytes, each once. */
export interface Patterns {
  readonly all: readonly Pattern[];
  /** names of the values that are not looked for: too short, or a common word */
  readonly left: readonly string[];
}

/** bytes of a value that is found wherever it stands, and of all its other forms */
const telling = 8;
/** bytes of a value that is found between token borders */
const shortest = 4;

/** What stands in any output, whoever may have kept it as a secret: to mask it would show where it is. */
const common: ReadonlySet<string> = new Set(
  `true false null none undefined default enabled disabled localhost 127.0.0.1 0.0.0.0 test tests testing example
  development staging production info debug warn warning error username user password secret token admin root postgres
  mysql redis docker main master`.split(/\s+/),
);

function isCommon(text: string): boolean {
  return common.has(text.toLowerCase());
}

/**
 * All forms of the values: of one of eight bytes and more everywhere, of a shorter one itself between token borders.
 * @param insist also what is shorter than four bytes, or a common word
 */
export function patternsOf(values: readonly NamedValue[], insist: boolean): Patterns {
  const found = new Map<string, Pattern>();
  const left: string[] = [];
  for (const { name, value } of values) {
    // a line break at the end is the file's that it was in
    const text = value.reveal().replace(/[\r\n]+$/, '');
    const size = Buffer.byteLength(text);
    if (size === 0) continue;
    if (text.trim() === '' || (!insist && (size < shortest || isCommon(text)))) left.push(name);
    else if (size < telling) add(found, text, name, true);
    else for (const form of [...formsOf(text), ...linesOf(text)]) add(found, form, name, false);
  }
  const all = [...found.values()].toSorted((one, other) => Buffer.compare(one.bytes, other.bytes));
  return { all, left };
}

function add(found: Map<string, Pattern>, text: string, name: string, short: boolean): void {
  const bytes = Buffer.from(text);
  if (!short && bytes.length < telling) return;
  const known = found.get(text);
  // of two names for the same bytes the first is told
  if (known === undefined) found.set(text, { bytes, name, short });
}

/** A text of several lines is often shown line by line; those that frame a key are the same in every key. */
function linesOf(text: string): readonly string[] {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  return lines.length === 1 ? [] : lines.filter((line) => !line.startsWith('-----') && !isCommon(line));
}

/** bytes before a short value that tell whether a token begins there */
export const sight = 32;

/** Letters, digits and `_`; whatever is beyond ASCII may be a letter. */
function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x5f ||
    byte >= 0x80
  );
}

/** Whether a token begins here: after nothing, no letter, or one that ends a colour, an escape or a percent-code. */
export function beginsToken(data: Buffer, at: number): boolean {
  if (at === 0 || !isWordByte(data[at - 1] ?? 0)) return true;
  const before = data.toString('latin1', Math.max(0, at - sight), at);
  // oxlint-disable-next-line no-control-regex -- colours are control sequences
  return /(?:(?:\x1b|\\(?:u001b|x1b|033|e))\[[\d;:]*m|\\[nrt]|%[\da-f]{2})$/i.test(before);
}

export function endsToken(data: Buffer, end: number): boolean {
  return end === data.length || !isWordByte(data[end] ?? 0);
}
