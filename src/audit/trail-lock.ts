import { FlowError } from '../foundation/errors.ts';
import { holdFile } from '../foundation/hold-file.ts';

/**
 * Makes this process the one that writes a trail.
 * @param patience milliseconds to wait for another process
 * @returns how to let it go
 * @throws FlowError refused where another process keeps it
 */
export async function ownTrail(
  file: string,
  waiting: { readonly patience: number; readonly sleep: (milliseconds: number) => Promise<void> },
): Promise<() => void> {
  const release = await holdFile(`${file}.lock`, waiting).catch((cause: unknown) => {
    throw new FlowError('unavailable', 'the audit trail cannot be locked', {
      cause,
      hint: 'see the space on its disk and the rights of its folder',
      place: { subject: file },
    });
  });
  if (release !== undefined) return release;
  throw new FlowError('refused', 'another process writes this audit trail', {
    hint: 'one broker writes one trail: stop the other, or give this one its own audit: { file: … }',
    place: { subject: file },
  });
}
