import type { Output, Shown } from '../../../engine/output.ts';
import { secondsLeft } from '../../../engine/output-json.ts';
import { columns, type Paint } from '../terminal.ts';

/**
 * The answer for a program or a pipe: a scalar bare, a mapping as `name: value` lines, everything once.
 * @param onTerminal a plain scalar, which a service may have written (a user's id, a claim), is made harmless
 */
export function outputText(output: Output, onTerminal = false): string {
  if (output.kind === 'none') return '';
  if (output.kind === 'scalar') {
    const text = bare(output.value);
    return `${onTerminal && output.value.as === 'plain' ? printable(lineOf(text)) : text}\n`;
  }
  return output.entries.map(([name, value]) => `${name}: ${lineOf(bare(value))}\n`).join('');
}

/** `Authorization: Bearer …`, for `curl -H @-`. */
export function headerLine(output: Output): string | undefined {
  if (output.kind !== 'scalar' || output.value.as !== 'token') return undefined;
  const { tokenType, accessToken } = output.value.token;
  return `Authorization: ${tokenType} ${accessToken.reveal()}\n`;
}

/** The answer for a person: aligned lines, secrets hidden unless they are to be seen, a code with its seconds. */
export function outputLines(
  entries: readonly (readonly [string, Shown])[],
  options: { readonly reveal: boolean; readonly now: number; readonly paint: Paint },
): string {
  const { reveal, now, paint } = options;
  return columns(
    entries.flatMap(([name, value]): string[][] => {
      if (value.as === 'plain' && typeof value.value === 'object' && value.value !== null) {
        const lines = (Array.isArray(value.value) ? value.value : [value.value]).map(plainLine);
        return (lines.length === 0 ? ['none'] : lines).map((line, index) => [index === 0 ? name : '', printable(line)]);
      }
      if (value.as === 'one-time-code') {
        const left = secondsLeft(value.validUntil, now);
        const code = paint('bold', grouped(value.code.reveal()));
        return [[name, `${code}  ${paint(left <= 5 ? 'red' : 'dim', `valid for ${left} s`)}`]];
      }
      const hidden = (value.as === 'secret' || value.as === 'token') && !reveal;
      return [[name, hidden ? paint('dim', '••••••••') : printable(lineOf(bare(value)))]];
    }),
  );
}

/** One element of a list, or a mapping: `name: value` pairs where that says it all. */
function plainLine(value: unknown): string {
  if (typeof value === 'string') return lineOf(value);
  const isFlat =
    typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each !== 'object');
  if (!isFlat || Array.isArray(value)) return JSON.stringify(value) ?? '';
  const pairs = Object.entries(value).map(([name, each]) => `${name}: ${lineOf(String(each))}`);
  return pairs.join(', ');
}

/** The value itself, with its secret. */
export function bare(value: Shown): string {
  switch (value.as) {
    case 'plain':
      return typeof value.value === 'string' ? value.value : (JSON.stringify(value.value) ?? '');
    case 'reference':
      return value.value.toString();
    case 'secret':
      return value.value.reveal();
    case 'token':
      return value.token.accessToken.reveal();
    case 'one-time-code':
      return value.code.reveal();
  }
}

/** A value of several lines stays on one, as JSON writes it. */
function lineOf(text: string): string {
  return /[\r\n]/.test(text) ? JSON.stringify(text) : text;
}

/** Control characters would speak to the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, '·');
}

/** 123456 → 123 456: easier to type from. */
function grouped(code: string): string {
  const half = Math.ceil(code.length / 2);
  return `${code.slice(0, half)} ${code.slice(half)}`;
}
