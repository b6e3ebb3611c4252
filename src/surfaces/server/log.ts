import { pino, type Logger } from 'pino';
import { asFlowError, FlowError, framesOf } from '../../foundation/errors.ts';
import { Secret } from '../../foundation/secret.ts';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const unloggable = /authorization|cookie|token|secret|password|credential|body|headers/i;

/**
 * JSON lines on stderr. What is logged is named field by field; should a value get among them all the same, a secret
 * prints as `[secret]`, as does any field whose name says that it holds one, and of an error its code, its line and
 * its stack without the message, which is text from anywhere.
 */
export function createLogger(level: LogLevel, destination: string | number = 2): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => loggable(fields) },
      serializers: { error: loggableError, err: loggableError },
    },
    // what was logged before a crash is there after it
    pino.destination({ dest: destination, sync: true }),
  );
}

function loggable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, isUnloggable(name, value) ? '[secret]' : value]),
  );
}

function isUnloggable(name: string, value: unknown): boolean {
  return value instanceof Secret || unloggable.test(name);
}

function loggableError(error: unknown): Readonly<Record<string, unknown>> {
  const failure = asFlowError(error);
  const cause = error instanceof FlowError ? undefined : error;
  return { code: failure.code, line: failure.line(), ...(cause instanceof Error ? { thrown: thrown(cause) } : {}) };
}

function thrown(error: Error): Readonly<Record<string, unknown>> {
  return {
    name: error.name,
    at: framesOf(error)
      .map((line) => line.trim())
      .slice(0, 12),
  };
}
