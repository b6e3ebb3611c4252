import { type Folder, loadFolder } from '../folder/load-folder.ts';
import { parts, type Parts } from './parts.ts';

/**
 * A folder of flows with every step kind there is, loaded and checked for every environment; nothing is contacted.
 * @throws FlowError usage, where there is no such folder or it cannot be read
 */
export function openFolder(
  dir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  { kinds, adapters }: Parts = parts,
): Promise<Folder> {
  return loadFolder({ dir, kinds, adapters, env });
}
