import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../foundation/errors.ts';
import type { Environment } from '../folder/service/settings.ts';

/** The laptop's are apart, for only they are ever removed; and its environment has a name that others may have too. */
export function trailFolder({ laptop }: Environment, stateFolder: string): string {
  return laptop ? laptopTrails(stateFolder) : join(stateFolder, 'audit');
}

export function laptopTrails(stateFolder: string): string {
  return join(stateFolder, 'audit', 'laptop');
}

/**
 * The trails of an environment that are there: the broker's, and those of commands of whoever shares the state folder.
 * @throws the system's error where one may not look: what may be there is not told as nothing
 */
export function trailsOf(environment: Environment, stateFolder: string): readonly string[] {
  const { name, audit } = environment;
  const folder = trailFolder(environment, stateFolder);
  const ours = new RegExp(
    `^(?:broker-${name}(?:-(?:[0-9a-f]{16}|none))?|local-[^@]+@${name}-(?:[0-9a-f]{16}|none))\\.jsonl(?:\\.\\d+)?$`,
  );
  const found = new Set(
    list(folder).flatMap((file) => (ours.test(file) ? [join(folder, file.replace(/\.\d+$/, ''))] : [])),
  );
  return [...(audit.file === undefined ? [] : [audit.file]), ...[...found].toSorted()];
}

/** The id of the key that a trail's name says it is under; undefined where it says none. */
export function keyIdIn(file: string): string | undefined {
  return /-([0-9a-f]{16}|none)\.jsonl$/.exec(file)?.[1];
}

/** Whether a trail is one of commands, which write no checkpoints. */
export function isLocal(file: string): boolean {
  return /(?:^|\/)local-[^/]+\.jsonl$/.test(file);
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return [];
    throw error;
  }
}
