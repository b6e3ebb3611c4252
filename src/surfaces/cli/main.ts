import type { TakenEnvironment } from '../../foundation/environment-variables.ts';
import { detailOf } from '../../foundation/safe-error-text.ts';
import { asFlowError, endings, errorCodes, FlowError } from '../../foundation/errors.ts';
import { ownWords, wordsOf } from './arguments.ts';
import { commandOf } from './load-command.ts';
import { processTerminal, type Terminal } from './terminal.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the command line; the one place where a failure becomes a line and an exit code. */
export async function main(words: readonly string[], taken: TakenEnvironment): Promise<number> {
  const own = ownWords(words).map((word) => (word === '-h' ? '--help' : word));
  const argv = [...own, ...words.slice(own.length)];
  const interruption = new AbortController();
  const terminal = processTerminal(colorOf(own), ({ code = 'unknown' }) => {
    // whoever reads no more still gets the code of the work
    if (code === 'EPIPE') return;
    const hint = 'see what stands behind stdout, and the space on its disk';
    process.exit(
      fail(new FlowError('unavailable', `the answer cannot be written: ${code}`, { hint }), terminal, false),
    );
  });
  let interrupted = 0;
  const interrupt = () => {
    // npm passes on the Ctrl-C that the terminal has sent already: only a later one is a second wish
    if (interruption.signal.aborted && performance.now() - interrupted > 1_000) process.exit(endings.interrupted.exit);
    if (interruption.signal.aborted) return;
    interrupted = performance.now();
    interruption.abort(new FlowError('aborted', 'interrupted'));
  };
  // to the very end: a signal that comes twice must not cut it short
  for (const signal of signals) process.on(signal, interrupt);
  // else it opens Node's inspector, and with it the whole memory, to whoever may signal this process
  process.on('SIGUSR1', () => undefined);
  // what nobody waited for is told as every failure is: in one line, without a stack
  process.on('uncaughtException', (error) => process.exit(fail(error, terminal, own.includes('--debug'))));
  try {
    const command = await commandOf(wordsOf(argv)[0], argv);
    const leaveSignals = () => {
      for (const signal of signals) process.off(signal, interrupt);
    };
    return await command({ argv, terminal, taken, signal: interruption.signal, leaveSignals });
  } catch (error) {
    if (interruption.signal.aborted) return endings.interrupted.exit;
    return fail(error, terminal, own.includes('--debug'));
  }
}

function fail(error: unknown, terminal: Terminal, debug: boolean): number {
  const failure = asFlowError(error);
  terminal.tell('error', failure.line());
  if (debug) terminal.err(detailOf(failure));
  return errorCodes[failure.code].exit;
}

/** Colour is decided before the command line is checked, so that its errors have it. */
function colorOf(argv: readonly string[]): boolean | undefined {
  if (argv.includes('--no-color')) return false;
  return argv.includes('--color') ? true : undefined;
}
