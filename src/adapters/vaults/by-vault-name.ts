import { folded } from '../../foundation/names.ts';
import { FlowError } from '../../foundation/errors.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { NamedVault, Vault, VaultItems } from './contract.ts';
import { writableItems } from './writable-items.ts';

/** One entry of `vault:` in service.yaml. */
export interface VaultEntry {
  /** the vaults that it serves, by name or id; absent: all that no other entry names */
  readonly vaults?: readonly string[] | undefined;
  readonly vault: Vault;
}

/** Several entries as one vault: a reference goes to the entry that names its vault, else to the one that names none. */
export function createVaults(entries: readonly VaultEntry[]): Vault {
  const byName = new Map<string, Vault>();
  const rest = entries.filter((entry) => entry.vaults === undefined);
  if (rest.length > 1) throw new TypeError('more than one entry names no vaults');
  for (const entry of entries) {
    for (const name of entry.vaults ?? []) {
      const key = folded(name);
      if (byName.has(key)) throw new TypeError(`two entries name the vault "${name}"`);
      byName.set(key, entry.vault);
    }
  }
  const all = [...new Set(entries.map((entry) => entry.vault))];
  const served = entries.flatMap((entry) => entry.vaults ?? []);

  const vaultFor = (name: string): Vault => {
    const vault = byName.get(folded(name)) ?? rest[0]?.vault;
    if (vault !== undefined) return vault;
    throw new FlowError('not-found', `no entry of vault: in service.yaml serves the vault "${name}"`, {
      hint: served.length === 0 ? 'add an entry' : `served are: ${served.join(', ')}`,
    });
  };
  const itemsFor = (name: string): VaultItems => writableItems(vaultFor(name));

  /** An entry is asked for its own by the names that it has for them. */
  async function vaultsOf({ vaults: names, vault }: VaultEntry): Promise<readonly NamedVault[]> {
    const found = (await vault.items?.vaults()) ?? [];
    if (names === undefined) return found;
    return found.flatMap((each) => {
      const name = names.find((one) => one === each.id || folded(one) === folded(each.title));
      return name === undefined ? [] : [{ ...each, name }];
    });
  }

  return {
    get address() {
      return all.map((vault) => vault.address).join(', ');
    },
    async read(references) {
      const values = new Map<string, Secret | FlowError>();
      const groups = new Map<Vault, Reference[]>();
      for (const reference of references) {
        try {
          const vault = vaultFor(reference.vault);
          groups.set(vault, [...(groups.get(vault) ?? []), reference]);
        } catch (error) {
          if (!(error instanceof FlowError)) throw error;
          values.set(reference.toString(), error.at({ subject: reference.toString() }));
        }
      }
      const reading = [...groups].map(([vault, group]) => readGroup(vault, group, groups.size > 1));
      for (const part of await Promise.all(reading)) for (const [key, value] of part) values.set(key, value);
      return values;
    },
    parts(references) {
      const groups = Map.groupBy(references, ({ vault }) => vaultFor(vault));
      return [...groups].map(([vault, group]) => ({ vault, references: group }));
    },
    items: {
      get: async (item) => itemsFor(item.vault).get(item),
      find: async (vault, tag) => itemsFor(vault).find(vault, tag),
      async vaults() {
        // by an entry that names it, where another sees it too
        const naming = entries.toSorted((one, other) => Number(!one.vaults) - Number(!other.vaults));
        const found = (await Promise.all(naming.map(vaultsOf))).flat();
        return found.filter(({ id }, index) => found.findIndex((each) => each.id === id) === index);
      },
      list: async (vault) => itemsFor(vault).list(vault),
      createAll: async (vault, made) => itemsFor(vault).createAll(vault, made),
      createLogin: async (login) => itemsFor(login.vault).createLogin(login),
      setOneTimePassword: async (item, seed, how) => itemsFor(item.vault).setOneTimePassword(item, seed, how),
      setFields: async (item, fields, options) => itemsFor(item.vault).setFields(item, fields, options),
      archive: async (item) => itemsFor(item.vault).archive(item),
    },
    requests: () => all.reduce((sum, vault) => sum + vault.requests(), 0),
    async close() {
      await Promise.all(all.map((vault) => vault.close()));
    },
  };
}

/** Of several entries, the failure of one concerns only its own references. */
async function readGroup(
  vault: Vault,
  group: readonly Reference[],
  apart: boolean,
): Promise<ReadonlyMap<string, Secret | FlowError>> {
  try {
    return await vault.read(group);
  } catch (error) {
    if (!apart || !(error instanceof FlowError)) throw error;
    return new Map(group.map((reference) => [reference.toString(), error.at({ subject: reference.toString() })]));
  }
}
