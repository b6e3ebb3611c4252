import { codeOf, FlowError } from '../foundation/errors.ts';

/** What is told wherever a trail cannot be written. */
export class UnwritableTrail extends FlowError {
  constructor(file: string, cause: unknown) {
    super('unavailable', 'the audit trail cannot be written, so nothing is given out', {
      cause,
      hint: 'see the space on its disk and the rights of its file',
      place: { subject: file },
    });
  }
}

/** The system's name of an error, else our own words. */
export function faultIn(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : 'unknown');
}
