import { join } from 'node:path';
import type { Adapters } from '../../adapters/adapters.ts';
import { readText } from '../../language/file-text.ts';
import { createSource } from '../../language/problems.ts';
import type { Node, YamlReader } from '../../language/yaml.ts';
import type { Settings } from '../service/settings.ts';

/**
 * The laptop's environment with the types of identity providers that development.yaml chooses: flows are checked
 * against what those can do. Only what is right there counts; what is wrong is told where the file is read as a whole.
 */
export function withPlayedProviders(dir: string, settings: Settings, read: YamlReader): Settings {
  const laptop = [...settings.environments.values()].find((each) => each.laptop);
  const text = laptop === undefined ? undefined : readText(join(dir, 'development.yaml'));
  if (laptop === undefined || typeof text !== 'string' || !text.includes('identity-providers')) return settings;
  const chosen = under(read(createSource('development.yaml', text)), 'identity-providers');
  const played = new Map(
    (chosen?.kind === 'mapping' ? chosen.entries : []).flatMap(({ key, value }) => {
      const type = under(value, 'type');
      const name = type?.kind === 'scalar' && typeof type.value === 'string' ? type.value : '';
      return playedTypes(laptop.adapters).includes(name) ? [[key, name] as const] : [];
    }),
  );
  return { ...settings, environments: new Map([...settings.environments, [laptop.name, { ...laptop, played }]]) };
}

/** Types of identity providers that the laptop plays. */
export function playedTypes(adapters: Adapters | undefined): readonly string[] {
  const all = [...(adapters?.['identity-providers'].values() ?? [])];
  return all.filter(({ laptop }) => laptop !== undefined).map(({ type }) => type);
}

function under(node: Node | undefined, key: string): Node | undefined {
  return node?.kind === 'mapping' ? node.entries.find((entry) => entry.key === key)?.value : undefined;
}
