import { oneLine } from '../foundation/errors.ts';

/** One thing that is wrong in a file, and where. */
export interface Problem {
  readonly file: string;
  /** from 1 */
  readonly line: number;
  /** from 1, in UTF-16 units */
  readonly column: number;
  readonly message: string;
  readonly hint?: string | undefined;
  /** the line as it stands in the file, tokens masked */
  readonly source: string;
  /** how many characters of the line it is about, at least 1 */
  readonly length: number;
}

/** Offsets into a file's text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export type Report = (range: Range, message: string, hint?: string) => void;

/** A file's text with what was found wrong in it. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly problems: Problem[];
  readonly report: Report;
  /** `file:line:column` */
  location(range: Range): string;
}

/** More than this in one file helps nobody. */
export const mostProblems = 100;
const longestLine = 300;

export function createSource(file: string, text: string): Source {
  const problems: Problem[] = [];
  let starts: number[] | undefined;
  const position = (offset: number): { line: number; column: number; start: number } => {
    starts ??= lineStarts(text);
    const at = Math.min(Math.max(offset, 0), text.length);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    const start = starts[low] ?? 0;
    return { line: low + 1, column: at - start + 1, start };
  };
  return {
    file,
    text,
    problems,
    location(range) {
      const { line, column } = position(range.start);
      return `${file}:${line}:${column}`;
    },
    report(range, message, hint) {
      if (problems.length >= mostProblems) return;
      const { line, column, start } = position(range.start);
      const stop = text.slice(start, start + longestLine).search(/[\r\n]/);
      const source = text.slice(start, start + (stop === -1 ? longestLine : stop));
      const length = Math.max(1, Math.min(range.end - range.start, source.length - column + 1));
      const last = problems.length === mostProblems - 1;
      problems.push({
        file,
        line,
        column,
        message: last ? 'too many problems in this file; the others are not shown' : oneLine(message),
        hint: hint === undefined || last ? undefined : oneLine(hint),
        source: masked(source),
        length,
      });
    },
  };
}

/** A problem of a file as a whole: it cannot be read, its name is taken. */
export function fileProblem(file: string, message: string, hint?: string): Problem {
  return { file, line: 1, column: 1, message, hint, source: '', length: 1 };
}

/** `file:line:column: message (hint)`, and the line with a caret under it. */
export function formatProblem(problem: Problem, options: { readonly color?: boolean } = {}): string {
  const paint = (code: number, text: string) => (options.color === true ? `\u001b[${code}m${text}\u001b[0m` : text);
  const place = `${oneLine(problem.file)}:${problem.line}:${problem.column}`;
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  const head = `${paint(1, place)}: ${paint(31, problem.message)}${hint}`;
  if (problem.source.trim() === '') return head;
  const shown = printable(problem.source);
  const indent = problem.source.slice(0, problem.column - 1).replace(/[^\t]/g, ' ');
  const number = String(problem.line);
  const blank = ' '.repeat(number.length);
  const caret = paint(31, '^'.repeat(Math.max(1, Math.min(problem.length, 120))));
  return `${head}\n  ${number} | ${shown}\n  ${blank} | ${indent}${caret}`;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** A token that someone wrote into a file is not repeated in an error about it; columns stay. */
function masked(line: string): string {
  const starred = (text: string) => '*'.repeat(text.length);
  return line
    .replace(/\b(?:ops_|flows_|eyJ)[A-Za-z0-9_.=-]{8,}/g, starred)
    .replace(/(?<=\btoken\s*:\s*)(?![\s{$]|["']\$\{\{)[^\s,}#]+/g, starred);
}

/** Control and format characters would let a file speak to the terminal. */
function printable(line: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  return line.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '·');
}
