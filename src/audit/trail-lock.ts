import { closeSync, existsSync, openSync } from 'node:fs';
import { FlowError } from '../foundation/errors.ts';

/**
 * Makes this process the one that writes a trail. The lock is the operating system's, on an SQLite file beside it, so it
 * is free again however its holder ends.
 * @param patience milliseconds to wait for another process
 * @returns how to let it go
 * @throws FlowError refused where another process keeps it
 */
export async function ownTrail(
  file: string,
  { patience, sleep }: { readonly patience: number; readonly sleep: (milliseconds: number) => Promise<void> },
): Promise<() => void> {
  const { DatabaseSync } = await import('node:sqlite');
  const lock = `${file}.lock`;
  // SQLite would make it readable for others; one that is there is not opened, for closing it again would let go of a
  // lock that this process has on it
  if (!existsSync(lock)) closeSync(openSync(lock, 'a', 0o600));
  const database = new DatabaseSync(lock, { timeout: 0 });
  let waited = 0;
  for (;;) {
    try {
      database.exec('begin exclusive');
      return () => database.close();
    } catch (cause) {
      if (!isBusy(cause)) {
        database.close();
        throw new FlowError('unavailable', 'the audit trail cannot be locked', { cause, hint: 'see its folder' });
      }
      if (waited >= patience) {
        database.close();
        throw new FlowError('refused', 'another process writes this audit trail', {
          cause,
          hint: 'one broker writes one trail: stop the other, or give this one its own audit: { file: … }',
          place: { subject: file },
        });
      }
      const pause = Math.min(20, patience - waited);
      waited += pause;
      await sleep(pause);
    }
  }
}

/** SQLITE_BUSY (5), and its extended codes */
function isBusy(cause: unknown): boolean {
  return (
    cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number' && (cause.errcode & 255) === 5
  );
}
