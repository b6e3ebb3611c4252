import { constants } from 'node:os';
import { Readable, type Writable } from 'node:stream';
import type { Masking } from '../../../foundation/masking/masking.ts';
import { copyMasked } from './masked-output.ts';
import type { Ending, Program } from './program.ts';

/** What is passed on; the keys of a terminal come as bytes. */
const forwarded = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT'] as const;

/** Our terminal. */
export interface OurTerminal {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly columns: number; readonly rows: number };
  /** what is typed and shown goes through as it is, or as before */
  setRaw(raw: boolean): void;
}

/**
 * Runs a program on a terminal of its own, which ours shows masked: it asks, colours and redraws as it would on ours.
 * @returns undefined where the package for it is not installed
 */
export async function runOnTerminal(
  program: Program,
  masking: Masking,
  { stdin, stdout, setRaw }: OurTerminal,
): Promise<Ending | undefined> {
  const pty = await loadPty();
  if (pty === undefined) return undefined;
  const size = () => [Math.max(stdout.columns, 1), Math.max(stdout.rows, 1)] as const;
  const [cols, rows] = size();
  const terminal = pty.spawn(program.path, [...program.args], {
    name: process.env['TERM'] ?? 'xterm',
    cols,
    rows,
    cwd: process.cwd(),
    env: { ...program.env },
    encoding: null,
  });
  const output = new Readable({
    read: () => terminal.resume(),
    destroy(error, done) {
      terminal.kill('SIGHUP');
      done(error);
    },
  });
  // the types say text; without an encoding it is bytes, both ways
  terminal.onData((data: string | Buffer) => {
    if (!output.push(data)) terminal.pause();
  });
  const ended = new Promise<Ending>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => {
      output.push(null);
      resolve({ code: exitCode, signal: signal === undefined ? null : nameOf(signal) });
    });
  });
  const keys = terminal as unknown as { write(data: Buffer): void };
  const typed = (data: Buffer) => keys.write(data);
  const resize = () => terminal.resize(...size());
  const restore = () => setRaw(false);
  const send = (signal: NodeJS.Signals) => terminal.kill(signal);
  setRaw(true);
  stdin.on('data', typed).resume();
  stdout.on('resize', resize);
  // however this process ends, the terminal is as it was
  process.on('exit', restore);
  for (const signal of forwarded) process.on(signal, send);
  try {
    await copyMasked(output, stdout, masking);
    return await ended;
  } finally {
    for (const signal of forwarded) process.off(signal, send);
    stdout.off('resize', resize);
    stdin.off('data', typed).pause();
    restore();
    process.off('exit', restore);
  }
}

async function loadPty() {
  try {
    return await import('@lydell/node-pty');
  } catch {
    return undefined;
  }
}

function nameOf(number: number): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, each]) => each === number);
  return found === undefined ? null : (found[0] as NodeJS.Signals);
}
