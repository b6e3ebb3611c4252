import { type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ownTrail } from './trail-lock.ts';
import { laptopTrails } from './find-trails.ts';

/** Milliseconds that a trail stays after its last line: its key is gone with its stack, so nobody can verify it. */
const kept = 7 * 86_400_000;

/**
 * Removes the laptop's trails to which nothing was added for a week, and whatever stands beside them for their sake.
 * Those of other environments are in another folder; one that a process writes stays, and so does what is no file.
 */
export async function sweepLaptopTrails(stateFolder: string, now: number): Promise<void> {
  const folder = laptopTrails(stateFolder);
  for (const [trail, files] of byTrail(folder)) {
    const isOld = () => files.every(({ name }) => now - modified(join(folder, name)) > kept);
    if (!files.every((file) => file.isFile()) || !isOld()) continue;
    const release = await ownTrail(join(folder, trail), { patience: 0, sleep: () => Promise.resolve() }).catch(
      () => undefined,
    );
    if (release === undefined) continue;
    // again, now that nobody else may write: a command may have come between
    try {
      if (isOld())
        for (const name of [...files.map((file) => file.name), `${trail}.lock`])
          rmSync(join(folder, name), { force: true });
    } catch {
      // what cannot be removed stays
    } finally {
      release();
    }
  }
}

function byTrail(folder: string): ReadonlyMap<string, readonly Dirent[]> {
  const found = new Map<string, Dirent[]>();
  for (const file of list(folder)) {
    const trail =
      /^((?:broker-development|local-[^@]+@development)-(?:[0-9a-f]{16}|none)\.jsonl)(?:\.[1-9]\d*|\.torn-[\d-]+|\.lock|\.causes(?:\.old)?)?$/.exec(
        file.name,
      )?.[1];
    if (trail !== undefined) found.set(trail, [...(found.get(trail) ?? []), file]);
  }
  return found;
}

function list(folder: string): readonly Dirent[] {
  try {
    // a link in its place leads to what others keep
    return lstatSync(folder).isDirectory() ? readdirSync(folder, { withFileTypes: true }) : [];
  } catch {
    return [];
  }
}

/** Epoch milliseconds; what is not there any more was removed just now. */
function modified(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
}
