import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface ReplaceOptions {
  /** of the new file; default 0600 */
  readonly mode?: number | undefined;
  /** of the new file; default this process's */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** the new file outlives a power cut; default false */
  readonly durable?: boolean | undefined;
  /** asked when the new file is complete: what it throws leaves the old one as it is */
  readonly last?: (() => Promise<void>) | undefined;
}

/**
 * Puts a file in place of another, or where none was, in one step: whoever reads sees all of the one or all of the
 * other, whatever happens to this process. Killed in between it leaves a file beside: {@link isLeftover}.
 * @throws what the system says
 */
export async function replaceFile(file: string, text: string, options: ReplaceOptions = {}): Promise<void> {
  const { mode = 0o600, owner, durable = false, last } = options;
  const [folder, name] = [dirname(file), basename(file)];
  const beside = join(folder, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(beside, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      if (mode !== 0o600) await handle.chmod(mode);
      if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
      if (durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await last?.();
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  if (durable) await flushFolder(folder);
}

/** Whether a name in a file's folder is one that {@link replaceFile} left there when it was killed. */
export function isLeftover(name: string, file: string): boolean {
  const own = `.${basename(file)}.`;
  return name.startsWith(own) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(own.length));
}

/** So that the new name outlives a power cut; some file systems have no such thing. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().catch(() => undefined);
  await handle.close();
}
