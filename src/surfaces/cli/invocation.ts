import type { TakenEnvironment } from '../../foundation/environment-variables.ts';
import type { Terminal } from './terminal.ts';

/** What every command gets. */
export interface Invocation {
  /** all words, the command's own too */
  readonly argv: readonly string[];
  readonly terminal: Terminal;
  readonly taken: TakenEnvironment;
  readonly signal: AbortSignal;
  /** From now on signals are the command's own: the program that it runs is to have them. */
  leaveSignals(): void;
}

/** A command: what it answers is on stdout; its result is the exit code. */
export type Command = (invocation: Invocation) => Promise<number>;
