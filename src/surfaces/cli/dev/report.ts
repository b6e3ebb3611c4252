import { asFlowError } from '../../../foundation/errors.ts';
import { detailOf } from '../../../foundation/safe-error-text.ts';
import type { Terminal } from '../terminal.ts';

/** Does one thing and tells of it on a line: whether it held, how long it took, and in a few words what came of it. */
export type Line = (name: string, what: () => Promise<string>) => Promise<void>;

export interface Report {
  readonly line: Line;
  /** for what is not done, and why */
  skip(name: string, why: string): void;
  /** how many lines did not hold */
  readonly failed: () => number;
  /** how it went, in a few words: `All lines held in 3.2 s` */
  readonly summary: () => string;
}

export interface ReportOptions {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** what failed is told in detail, as `--debug` says */
  readonly debug?: boolean;
}

/** A line for each thing that is tried; what fails is told and does not stop the next. */
export function createReport({ terminal, signal, debug = false }: ReportOptions): Report {
  const started = performance.now();
  let failed = 0;
  let count = 0;
  return {
    async line(name, what) {
      signal.throwIfAborted();
      count += 1;
      const from = performance.now();
      const time = () => terminal.paint('dim', `${Math.round(performance.now() - from)} ms`.padStart(9));
      try {
        const text = await what();
        const gap = text.startsWith('\n') ? '' : '  ';
        terminal.out(`${terminal.paint('green', 'ok')}    ${name.padEnd(28)}${time()}${gap}${text}\n`);
      } catch (error) {
        signal.throwIfAborted();
        failed += 1;
        const failure = asFlowError(error);
        terminal.out(`${terminal.paint('red', 'FAIL')}  ${name.padEnd(28)}${time()}  ${failure.line()}\n`);
        if (debug) terminal.err(detailOf(failure));
      }
    },
    skip(name, why) {
      terminal.out(`${terminal.paint('yellow', 'skip')}  ${name.padEnd(28)}${''.padStart(9)}  ${why}\n`);
    },
    failed: () => failed,
    summary() {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      return `${failed === 0 ? 'All lines held' : `${failed} of ${count} lines did not hold`} in ${seconds} s`;
    },
  };
}
