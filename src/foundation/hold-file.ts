import { closeSync, existsSync, openSync } from 'node:fs';

/**
 * Makes this process the only one that holds a file. The lock is the operating system's, on an SQLite file of that name,
 * so it is free again however its holder ends.
 * @param patience milliseconds to wait for another process
 * @returns how to let it go; undefined where another process keeps it
 * @throws Error where the file cannot be used
 */
export async function holdFile(
  file: string,
  { patience, sleep }: { readonly patience: number; readonly sleep: (milliseconds: number) => Promise<void> },
): Promise<(() => void) | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  // SQLite would make it readable for others; one that is there is not opened, for closing it again would let go of a
  // lock that this process has on it
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file, { timeout: 0 });
  let waited = 0;
  for (;;) {
    try {
      database.exec('begin exclusive');
      return () => database.close();
    } catch (cause) {
      if (!isBusy(cause) || waited >= patience) {
        database.close();
        if (isBusy(cause)) return undefined;
        throw cause;
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
