import { sameName } from '../../../foundation/names.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import type { Folder } from '../../../folder/load-folder.ts';
import type { Uses } from '../../../folder/flows/flow-uses.ts';
import type { Environment, VaultEntry } from '../../../folder/service/settings.ts';
import { usesIn } from '../../../folder/folder-uses.ts';
import { pushesTo } from './pushed-names.ts';
import { itemsOf } from './vault-items.ts';
import type { Terminal } from '../terminal.ts';

/** `flows check --setup`: what the tokens of each environment must be allowed, and the least policy for its pushes. */
export function setup(folder: Folder, wanted: unknown, terminal: Terminal): number {
  const { settings } = folder;
  const { registry } = loadBrokerFiles(folder);
  for (const environment of settings.environments.values()) {
    if (typeof wanted === 'string' && environment.name !== wanted) continue;
    terminal.out(`# environment ${environment.name}\n`);
    if (environment.laptop) {
      terminal.out('# the laptop stack needs nothing: flows dev\n\n');
      continue;
    }
    const uses = usesIn(folder, registry, environment);
    terminal.out(
      `${vaults(environment, uses)}\n${providers(environment)}${policies(environment, uses)}${channels(environment)}`,
    );
  }
  return 0;
}

/** What each entry of `vault:` must be allowed, and the items that it must hold, in its service's own words. */
function vaults(environment: Environment, uses: readonly Uses[]): string {
  const read = new Set([
    ...uses.flatMap((use) => use.references.map(({ reference }) => reference.vault)),
    ...environment.references.map(({ vault }) => vault),
  ]);
  const written = new Set([
    ...uses.flatMap((use) => use.vaultsWritten),
    ...uses.flatMap((use) =>
      use.references.filter(({ access }) => access === 'write').map(({ reference }) => reference.vault),
    ),
  ]);
  const names = [...new Set([...read, ...written])].toSorted();
  const all = itemsOf(environment, uses);
  const types = [...new Set(environment.vaults.map(({ type }) => type))];
  const told = types.flatMap((type) => {
    const adapter = environment.adapters.vaults.get(type)?.setup;
    if (adapter === undefined) return [];
    const mine = environment.vaults.flatMap((entry, index) =>
      entry.type === type ? [{ ...entry, number: index + 1 }] : [],
    );
    const serving = (vault: string) => mine.some((entry) => serves(entry, vault, environment.vaults));
    const access = mine.map(({ number, settings, ...entry }) =>
      adapter.access({
        number,
        environment: environment.name,
        settings,
        vaults: names
          .filter((vault) => serves(entry, vault, environment.vaults))
          .map((name) => ({ name, writes: written.has(name) })),
      }),
    );
    const items = all.filter(({ reference }) => serving(reference.vault)).map((each) => adapter.item(each));
    return [
      [`${adapter.accessNote}\n`, ...access],
      [`${adapter.itemsNote}\n`, ...items],
    ];
  });
  return told.map((lines) => lines.join('')).join('\n');
}

type Serving = Pick<VaultEntry, 'vaults'>;

function serves(entry: Serving, vault: string, all: readonly Serving[]): boolean {
  const names = (each: Serving) => each.vaults?.some((name) => sameName(name, vault)) ?? false;
  return names(entry) || (entry.vaults === undefined && !all.some(names));
}

/** What the token of each identity provider must be allowed. */
function providers({ connections, adapters }: Environment): string {
  return [...connections['identity-providers']]
    .flatMap(([name, settings]) => adapters['identity-providers'].get(settings.type)?.setup?.(name, settings) ?? [])
    .map((text) => `${text}\n`)
    .join('');
}

/** What each store must allow for what flows push there. */
function policies(environment: Environment, uses: readonly Uses[]): string {
  return [...environment.connections.stores]
    .map(([name, settings]) => {
      const pushes = uses.flatMap((use) => pushesTo(use, name));
      const names = new Set(pushes.flatMap((push) => push.names));
      if (names.size === 0) return `# store ${name}: no flow pushes there\n`;
      const duties = new Set(pushes.flatMap(({ does }) => [...does]));
      return environment.adapters.stores.get(settings.type)?.setup?.(name, settings, [...names], duties) ?? '';
    })
    .join('');
}

/** What a person makes for each channel, and where it goes. */
function channels({ notify, adapters }: Environment): string {
  return [...notify]
    .map(([name, settings]) => adapters.channels.get(settings.type)?.setup(name, settings) ?? '')
    .join('');
}
