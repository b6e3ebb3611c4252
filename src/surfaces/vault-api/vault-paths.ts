import { longestName } from '../../folder/policy/name-pattern.ts';
import { type Registry, usualVaultKey } from '../../folder/registry.ts';
import { safeLine } from '../../foundation/safe-line.ts';
import { nameForm } from '../../foundation/wire.ts';

/** By path, with its mount: the names that are its keys. */
type Paths = ReadonlyMap<string, ReadonlyMap<string, string>>;

const indexes = new WeakMap<Registry, Paths>();

function pathsOf(registry: Registry): Paths {
  const before = indexes.get(registry);
  if (before !== undefined) return before;
  const paths = new Map<string, Map<string, string>>();
  for (const { name, vaultPath } of registry.secrets.values()) {
    if (vaultPath === undefined) continue;
    const { path, key } = vaultPath;
    paths.set(path, (paths.get(path) ?? new Map<string, string>()).set(key, name));
  }
  indexes.set(registry, paths);
  return paths;
}

/**
 * The names that a path stands for, by key: a path of registry.yaml, else a name as it is. What is neither is asked for
 * all the same, so that it is refused as any other.
 */
export function keysAt(registry: Registry, mount: string, path: string): ReadonlyMap<string, string> {
  return pathsOf(registry).get(`${mount}/${path}`) ?? new Map([[usualVaultKey, nameIn(path)]]);
}

/** The name that a path is; where no name could be so, a text for the trail that is none. */
export function nameIn(path: string): string {
  return nameForm.test(path) && path.length <= longestName ? path : `${safeLine(path).slice(0, 100)}…`;
}

/**
 * What stands below a path, as Vault lists it: in the order of the alphabet, with a slash at what goes on.
 * @param names that are told; all of a path's keys must be among them
 */
export function namesBelow(
  registry: Registry,
  mount: string,
  path: string,
  names: readonly string[],
): readonly string[] {
  const told = new Set(names);
  const paths = [...pathsOf(registry)].flatMap(([each, keys]) =>
    each.startsWith(`${mount}/`) && [...keys.values()].every((name) => told.has(name))
      ? [each.slice(mount.length + 1)]
      : [],
  );
  const prefix = path === '' ? '' : `${path}/`;
  const found = [...names, ...paths].flatMap((each) => {
    const rest = each.startsWith(prefix) ? each.slice(prefix.length) : '';
    const slash = rest.indexOf('/');
    return rest === '' ? [] : [slash === -1 ? rest : rest.slice(0, slash + 1)];
  });
  return [...new Set(found)].toSorted();
}
