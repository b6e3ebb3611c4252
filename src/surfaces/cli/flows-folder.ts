import { lstatSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FlowError } from '../../foundation/errors.ts';

/**
 * The folder of flows that a command works in: `--dir`, else FLOWS_DIR, else `flows` here or in the nearest folder above
 * that has one with a service.yaml.
 * @param option the value of `--dir`, whatever was given
 * @throws FlowError refused, where the one above is another user's: what stands in it says which programs are run
 */
export function flowsFolder(option: unknown): string {
  return fromHere(chosen(option));
}

/** A path of a user; a relative one wants a working folder that was not deleted, and Node tells of one that was. */
export function fromHere(path: string): string {
  resolve(path);
  return path;
}

function chosen(option: unknown): string {
  if (typeof option === 'string') return option;
  const named = process.env['FLOWS_DIR'];
  if (named !== undefined && named !== '') return named;
  if (statSync('flows', { throwIfNoEntry: false }) !== undefined) return 'flows';
  for (let above = '..'; ; above = join(above, '..')) {
    const dir = join(above, 'flows');
    const service = factsOf(join(dir, 'service.yaml'));
    if (service?.isFile() === true) return ofOurs(dir, [service.uid, statSync(dir).uid, lstatSync(dir).uid]);
    if (resolve(above) === resolve(above, '..')) return 'flows';
  }
}

function ofOurs(dir: string, owners: readonly number[]): string {
  const mine = process.getuid?.();
  if (mine === undefined || owners.every((owner) => owner === mine || owner === 0)) return dir;
  throw new FlowError('refused', `the folder ${dir} belongs to another user`, {
    hint: `name it where you trust it: --dir ${dir}, or FLOWS_DIR`,
  });
}

/** What cannot be looked at is not there. */
function factsOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
