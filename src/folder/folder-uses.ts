import type { Folder } from './load-folder.ts';
import { type Uses, usesOf } from './flows/flow-uses.ts';
import { type Registry, usesOfRegistry } from './registry.ts';
import type { Environment } from './service/settings.ts';

/** What everything in a folder touches in one environment: each flow that may run there, and the names of registry.yaml. */
export function usesIn(folder: Pick<Folder, 'flows'>, registry: Registry, environment: Environment): readonly Uses[] {
  const flows = [...folder.flows.values()].filter((flow) => flow.environments?.includes(environment.name) ?? true);
  return [...flows.map((flow) => usesOf(flow, environment)), usesOfRegistry(registry, environment)];
}
