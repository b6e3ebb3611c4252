import { stripVTControlCharacters } from 'node:util';
import { longestLine, oneLine } from '../../foundation/errors.ts';
import type { Secret } from '../../foundation/secret.ts';
import { hiddenLine } from './hidden-line.ts';
import { createOutlet, isTerminal } from './outlet.ts';
import { createWaitLine } from './wait-line.ts';

/** The command's three streams. Answers go to stdout; everything else to stderr. */
export interface Terminal {
  /** stdout, as it is */
  out(text: string): void;
  /** one line on stderr, without control characters in the text */
  note(line: string, style?: Style): void;
  /** the same, after a word that says what it is */
  tell(what: keyof typeof labels, line: string): void;
  /** rows of the screen that notes have taken so far */
  noted(): number;
  /** stderr, as it is */
  err(text: string): void;
  /** stdout or stderr, for what is copied there */
  stream(of: 'out' | 'err'): NodeJS.WriteStream;
  /**
   * Why nothing happens for so many milliseconds at most: on one line of the terminal, which counts down, makes way for
   * whatever else is written, and is gone when what is returned is called.
   */
  waits(why: string, milliseconds: number): () => void;
  /** a question on stderr; undefined where nobody can answer */
  ask(question: string): Promise<string | undefined>;
  /** the same for what nobody may see: nothing is shown of it; undefined where nobody can answer, or Ctrl-C is pressed */
  askHidden(question: string): Promise<Secret | undefined>;
  /** each key pressed, until the function that it returns is called; Ctrl-C is the key `\\u0003` meanwhile */
  keys(onKey: (key: string) => void): () => void;
  readonly interactive: boolean;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** columns of stdout's terminal, 0 or undefined where nobody knows */
  readonly width: number | undefined;
  readonly paint: Paint;
  readonly paintErr: Paint;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

const codes: Record<Style, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

const labels = { error: 'red', warning: 'yellow', done: 'green' } as const satisfies Record<string, Style>;

const plain: Paint = (_, text) => text;
const coloured: Paint = (style, text) => `\u001b[${codes[style][0]}m${text}\u001b[${codes[style][1]}m`;

type Broken = (error: NodeJS.ErrnoException) => void;
const ignore: Broken = () => undefined;

/** The process's own streams. Colour only on a terminal, never with NO_COLOR (https://no-color.org), always with FORCE_COLOR.
 * @param broken is told what stdout does not take; where stderr takes nothing, nobody can be told */
export function processTerminal(color: boolean | undefined, broken: Broken = ignore): Terminal {
  const { env } = process;
  const [stdout, stderr] = [createOutlet(1, broken), createOutlet(2, ignore)];
  const painted = (isTerminal: boolean) => {
    if (color !== undefined) return color ? coloured : plain;
    if ((env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return plain;
    const forced = env['FORCE_COLOR'] ?? '';
    if (/^(?:0|false|no|off)$/i.test(forced)) return plain;
    return isTerminal || forced !== '' ? coloured : plain;
  };
  // process.stdin is not touched before it is read from: only to look at it opens it, which takes 3 ms
  const stdinIsTerminal = isTerminal(0);
  const [paint, paintErr] = [painted(stdout.isTTY), painted(stderr.isTTY)];
  let noted = 0;
  const waiting = createWaitLine(stderr, (line) => paintErr('dim', line));
  const put = (line: string) => {
    waiting.erase();
    noted += stderr.isTTY ? rowsOf(`${line}\n`, stderr.columns) : 0;
    stderr.write(`${line}\n`);
  };
  const keysOf: Terminal['keys'] = (onKey) => {
    if (!stdinIsTerminal) return () => undefined;
    const { stdin } = process;
    const listen = (data: Buffer) => onKey(data.toString('utf8'));
    stdin.setRawMode(true).on('data', listen).resume();
    return () => void stdin.setRawMode(false).off('data', listen).pause();
  };
  return {
    out(text) {
      waiting.erase();
      stdout.write(text);
    },
    note: (line, style) => put(style === undefined ? oneLine(line) : paintErr(style, oneLine(line))),
    tell: (what, line) => put(`${paintErr(labels[what], what)}: ${oneLine(line, longestLine)}`),
    noted: () => noted,
    err(text) {
      waiting.erase();
      stderr.write(text);
    },
    stream: (of) => (of === 'out' ? stdout : stderr).stream(),
    waits: waiting.begin,
    async ask(question) {
      if (!stdinIsTerminal || !stderr.isTTY) return undefined;
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: process.stdin, output: stderr.stream() });
      const answer = lines.question(question);
      const closed = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
      try {
        const given = await Promise.race([answer, closed]);
        if (given === undefined) stderr.write('\n');
        return given;
      } finally {
        lines.close();
      }
    },
    async askHidden(question) {
      if (!stdinIsTerminal || !stderr.isTTY) return undefined;
      waiting.erase();
      const given = await new Promise<Secret | undefined>((resolve) => {
        const end = keysOf(
          hiddenLine((value) => {
            end();
            resolve(value);
          }),
        );
        // asked for once the terminal shows no keys any more: who is quick would see theirs
        stderr.write(question);
      });
      stderr.write('\n');
      return given;
    },
    keys: keysOf,
    interactive: stdinIsTerminal && stderr.isTTY,
    outIsTerminal: stdout.isTTY,
    errIsTerminal: stderr.isTTY,
    get width() {
      return stdout.columns;
    },
    paint,
    paintErr,
  };
}

/** `1 flow`, `2 flows` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/**
 * Rows as columns, two spaces apart; the last column is not padded. Colours take no room. @param widest of a column: a
 * longer cell moves what follows on its own line, and no other
 */
export function columns(rows: readonly (readonly string[])[], widest = Infinity): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.slice(0, -1).entries()) {
      if (width(cell) <= widest) widths[index] = Math.max(widths[index] ?? 0, width(cell));
    }
  }
  const padded = (cell: string, index: number) => cell + ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(cell)));
  return rows
    .map((row) => `${row.map((cell, index) => (index === row.length - 1 ? cell : padded(cell, index))).join('  ')}\n`)
    .join('');
}

/** Rows that whole lines take on a terminal of some columns. */
export function rowsOf(text: string, columns = 80): number {
  const lines = text.split('\n').slice(0, -1);
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(width(line) / (columns > 0 ? columns : 80))), 0);
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
