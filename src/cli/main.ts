import type { TakenEnvironment } from '../environment.ts';
import { asFlowError, errorCodes, FlowError } from '../errors.ts';
import { type OptionTable, commonOptions, parseArguments, wordsOf } from './arguments.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** What every command gets. */
export interface Invocation {
  /** all words, the command's own too */
  readonly argv: readonly string[];
  readonly terminal: Terminal;
  readonly taken: TakenEnvironment;
  readonly signal: AbortSignal;
}

/** A command: what it answers is on stdout; its result is the exit code. */
type Command = (invocation: Invocation) => Promise<number>;

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import('./check.ts')).check,
  dev: async () => (await import('./dev.ts')).dev,
  help: async () => (await import('./help.ts')).help,
  init: async () => (await import('./init.ts')).init,
  read: async () => (await import('./read.ts')).read,
  run: async () => (await import('./flow.ts')).runNamed,
  version: async () => (await import('./version.ts')).version,
};

/** Runs the command line; the one place where a failure becomes a line and an exit code. */
export async function main(argv: readonly string[], taken: TakenEnvironment): Promise<number> {
  const interruption = new AbortController();
  const terminal = processTerminal(colorOf(argv));
  const interrupt = () => {
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort(new FlowError('aborted', 'interrupted'));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    const command = await chosen(argv);
    return await command({ argv: argv.filter((word) => word !== '-h'), terminal, taken, signal: interruption.signal });
  } catch (error) {
    if (interruption.signal.aborted) return 130;
    return fail(error, terminal, argv.includes('--debug'));
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

async function chosen(argv: readonly string[]): Promise<Command> {
  const [name] = wordsOf(argv);
  if (argv.includes('--version') && name === undefined) return commands['version']?.() ?? notThere();
  if (name === undefined) {
    if (argv.includes('--help') || argv.includes('-h')) return commands['help']?.() ?? notThere();
    return (await import('./list.ts')).list;
  }
  if (Object.hasOwn(commands, name)) return commands[name]?.() ?? notThere();
  return (await import('./flow.ts')).runFlowByName;
}

function notThere(): never {
  throw new TypeError('a command is missing from the table');
}

function fail(error: unknown, terminal: Terminal, debug: boolean): number {
  const failure = asFlowError(error);
  terminal.note(`${terminal.paintErr('red', 'error')}: ${failure.line()}`);
  if (debug && failure.code === 'internal' && failure.cause instanceof Error) {
    // the stack without its message, which is text from anywhere
    const frames = (failure.cause.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
    terminal.err(`${failure.cause.name}\n${frames.join('\n')}\n`);
  }
  return errorCodes[failure.code].exit;
}

/** Colour is decided before the command line is checked, so that its errors have it. */
function colorOf(argv: readonly string[]): boolean | undefined {
  if (argv.includes('--no-color')) return false;
  return argv.includes('--color') ? true : undefined;
}

/** The common options of a command that has no flow. */
export function commonArguments(argv: readonly string[], own: OptionTable = {}) {
  return parseArguments(argv, { ...commonOptions, ...own });
}
