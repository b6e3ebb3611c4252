import { join } from 'node:path';
import type { Adapters } from '../../adapters/adapters.ts';
import { readText } from '../../language/file-text.ts';
import { createSource } from '../../language/problems.ts';
import type { Node, YamlReader } from '../../language/yaml.ts';
import type { Settings } from '../service/settings.ts';

/** A type that development.yaml chooses. */
interface ChosenType {
  readonly kind: 'vaults' | 'identity-providers';
  /** of an identity provider */
  readonly name: string;
  /** what stands there, and where */
  readonly node: Node | undefined;
}

/** All that development.yaml chooses, right or wrong. */
export function chosenTypes(root: Node | undefined): readonly ChosenType[] {
  const providers = under(root, 'identity-providers');
  return [
    { kind: 'vaults', name: '', node: under(under(root, 'vault'), 'type') },
    ...(providers?.kind === 'mapping' ? providers.entries : []).map(
      ({ key, value }) => ({ kind: 'identity-providers', name: key, node: under(value, 'type') }) as const,
    ),
  ];
}

/**
 * The laptop's environment with the types that development.yaml chooses: flows are checked against what those can do.
 * Only what is right there counts; what is wrong is told where the file is read as a whole.
 */
export function withPlayedTypes(dir: string, settings: Settings, read: YamlReader): Settings {
  const laptop = [...settings.environments.values()].find((each) => each.laptop);
  const text = laptop === undefined ? undefined : readText(join(dir, 'development.yaml'));
  if (laptop === undefined || typeof text !== 'string' || !/\b(?:vault|identity-providers)\b/.test(text))
    return settings;
  const right = chosenTypes(read(createSource('development.yaml', text))).flatMap(({ kind, name, node }) => {
    const type = node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : '';
    return playedTypes(laptop.adapters, kind).includes(type) ? [{ kind, name, type }] : [];
  });
  const played = {
    vault: right.find(({ kind }) => kind === 'vaults')?.type,
    'identity-providers': new Map(
      right.flatMap(({ kind, name, type }) => (kind === 'vaults' ? [] : [[name, type] as const])),
    ),
  };
  return { ...settings, environments: new Map([...settings.environments, [laptop.name, { ...laptop, played }]]) };
}

/** Types of a kind that the laptop plays. */
export function playedTypes(adapters: Adapters | undefined, kind: ChosenType['kind']): readonly string[] {
  const all = [...(adapters?.[kind].values() ?? [])];
  return all.filter(({ laptop }) => laptop !== undefined).map(({ type }) => type);
}

function under(node: Node | undefined, key: string): Node | undefined {
  return node?.kind === 'mapping' ? node.entries.find((entry) => entry.key === key)?.value : undefined;
}
