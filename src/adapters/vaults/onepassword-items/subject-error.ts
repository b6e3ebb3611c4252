import { type ErrorCode, FlowError } from '../../../foundation/errors.ts';

/** An error of our own about one vault or item. */
export function subjectError(code: ErrorCode, message: string, hint?: string, words?: string): FlowError {
  return new FlowError(code, message, {
    hint,
    about: 'subject',
    cause: words === undefined ? undefined : new Error(words),
  });
}
