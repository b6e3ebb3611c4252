import { type Folder, loadFolder } from '../folder/load-folder.ts';
import type { Environment } from '../folder/service/settings.ts';
import { FlowError } from '../foundation/errors.ts';
import { suggest } from '../language/nearest-name.ts';
import type { YamlReader } from '../language/yaml.ts';
import { parts, type Parts } from './parts.ts';

/**
 * A folder of flows with every step kind there is, loaded and checked for every environment; nothing is contacted.
 * @throws FlowError usage, where there is no such folder or it cannot be read
 */
export function openFolder(
  dir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  { kinds, adapters }: Parts = parts,
  read?: YamlReader,
): Promise<Folder> {
  return loadFolder({ dir, kinds, adapters, env, read });
}

/**
 * The environment of a folder that is asked for by name, as an option or by FLOWS_ENVIRONMENT.
 * @returns undefined where none is asked for @throws FlowError usage, where there is none of that name
 */
export function namedEnvironment(
  { settings: { environments } }: Folder,
  option: unknown,
  variables: Readonly<Record<string, string | undefined>> = process.env,
): Environment | undefined {
  const name = typeof option === 'string' ? option : variables['FLOWS_ENVIRONMENT'] || undefined;
  if (name === undefined) return undefined;
  const found = environments.get(name);
  if (found !== undefined) return found;
  throw new FlowError('usage', `unknown environment "${name}"`, { hint: suggest(name, environments.keys()) });
}
