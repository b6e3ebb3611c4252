import { oneLine } from '../foundation/errors.ts';
import { safeColumns } from '../foundation/safe-line.ts';
import { longestLine, withoutSecrets } from './hidden-text.ts';

/** One thing that is wrong in a file, and where. */
export interface Problem {
  readonly file: string;
  /** from 1 */
  readonly line: number;
  /** from 1, in UTF-16 units */
  readonly column: number;
  readonly message: string;
  readonly hint?: string | undefined;
  /** the line as it stands in the file, secrets masked */
  readonly source: string;
  /** how many characters of the line it is about, at least 1 */
  readonly length: number;
  /** it keeps nothing from being used */
  readonly warning?: true;
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
  /** what keeps nothing from being used */
  readonly warnings: Problem[];
  readonly report: Report;
  readonly warn: Report;
  /** what may be a secret: no problem repeats it, whether it was told before or comes later */
  readonly hidden: Range[];
  /** `file:line:column` */
  location(range: Range): string;
}

/** More than this in one file helps nobody. */
export const mostProblems = 100;

export function createSource(file: string, text: string): Source {
  const [problems, warnings]: [Problem[], Problem[]] = [[], []];
  const hidden: Range[] = [];
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
    warnings,
    location(range) {
      const { line, column } = position(range.start);
      return `${file}:${line}:${column}`;
    },
    hidden,
    report: (...about) => tell(problems, ...about),
    warn: (...about) => tell(warnings, ...about),
  };

  function tell(all: Problem[], range: Range, message: string, hint?: string): void {
    if (all.length >= mostProblems) return;
    const { line, column, start } = position(range.start);
    const stop = text.slice(start, start + longestLine).search(/[\r\n]/);
    const lineRange = { start, end: Math.min(text.length, start + (stop === -1 ? longestLine : stop)) };
    const length = Math.max(1, Math.min(range.end - range.start, lineRange.end - start - column + 1));
    const last = all.length === mostProblems - 1;
    const shown = () => withoutSecrets(text, lineRange, hidden);
    /** Words of a message in quotes come from the file. */
    const told = (words: string) =>
      oneLine(words).replace(/"([^"]{4,})"/g, (quoted, inner: string) => (isHidden(inner) ? '"…"' : quoted));
    const isHidden = (inner: string) => {
      const about = hidden.filter((each) => each.start < range.end && each.end > range.start);
      const found = [lineRange, ...about].some((each) => text.slice(each.start, each.end).includes(inner));
      return found && !shown().includes(inner);
    };
    all.push({
      file,
      line,
      column,
      get message() {
        return last ? 'too many problems in this file; the others are not shown' : told(message);
      },
      get hint() {
        return hint === undefined || last ? undefined : told(hint);
      },
      get source() {
        return shown();
      },
      length,
      ...(all === warnings ? { warning: true } : {}),
    });
  }
}

/** A problem of a file as a whole: it cannot be read, its name is taken. */
export function fileProblem(file: string, message: string, hint?: string, warning?: true): Problem {
  const [told, remedy] = [message, hint].map((text) => (text === undefined ? text : oneLine(text)));
  return {
    file,
    line: 1,
    column: 1,
    message: told ?? '',
    hint: remedy,
    source: '',
    length: 1,
    ...(warning === undefined ? {} : { warning }),
  };
}

/** `file:line:column: message (hint)`, and the line with a caret under it. */
export function formatProblem(problem: Problem, options: { readonly color?: boolean } = {}): string {
  const paint = (code: number, text: string) => (options.color === true ? `\u001b[${code}m${text}\u001b[0m` : text);
  const place = `${oneLine(problem.file)}:${problem.line}:${problem.column}`;
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  const color = problem.warning === true ? 33 : 31;
  const word = problem.warning === true ? 'warning: ' : '';
  const head = `${paint(1, place)}: ${word}${paint(color, problem.message)}${hint}`;
  if (problem.source.trim() === '') return head;
  const shown = safeColumns(problem.source);
  const indent = problem.source.slice(0, problem.column - 1).replace(/[^\t]/g, ' ');
  const number = String(problem.line);
  const blank = ' '.repeat(number.length);
  const caret = paint(color, '^'.repeat(Math.max(1, Math.min(problem.length, 120))));
  return `${head}\n  ${number} | ${shown}\n  ${blank} | ${indent}${caret}`;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
