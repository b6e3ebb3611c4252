import { type Folder, loadFolder } from '../folder/load-folder.ts';
import { adapters } from './all-adapters.ts';
import { stepKinds } from '../steps/index.ts';

/**
 * A folder of flows with every step kind there is, loaded and checked for every environment; nothing is contacted.
 * @throws FlowError usage, where there is no such folder or it cannot be read
 */
export function openFolder(
  dir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Folder> {
  return loadFolder({ dir, kinds: stepKinds, adapters, env });
}
