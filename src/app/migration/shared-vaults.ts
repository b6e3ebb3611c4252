import { folded } from '../../foundation/names.ts';
import type { Reader } from './audit-readers.ts';

/** A path that is read in Vault, and becomes an item of a vault whose other items somebody else reads. */
export interface WiderPath {
  readonly path: string;
  /** 1Password's, that it lands in */
  readonly vault: string;
  /** who reads it in Vault */
  readonly readers: readonly string[];
  /** who could read it besides, once each of them reads their own in 1Password */
  readonly others: readonly string[];
}

/**
 * Where paths of different readers land in one vault: in Vault rights belong to a path, in 1Password to a vault.
 * @param targets paths, and the vaults that they land in
 */
export function widerPaths(
  targets: readonly { readonly path: string; readonly vault: string }[],
  reads: readonly Pick<Reader, 'path' | 'reader' | 'reads'>[],
): readonly WiderPath[] {
  const readersOf = new Map<string, Set<string>>();
  for (const { path, reader, reads: count } of reads)
    if (count > 0) readersOf.set(path, (readersOf.get(path) ?? new Set()).add(reader));
  const vaults = Map.groupBy(targets, ({ vault }) => folded(vault));
  return [...vaults.values()].flatMap((landing) => {
    const all = new Set(landing.flatMap(({ path }) => [...(readersOf.get(path) ?? [])]));
    return landing.flatMap(({ path, vault }): readonly WiderPath[] => {
      const readers = readersOf.get(path) ?? new Set();
      const others = all.difference(readers);
      // what nobody read in that time may be read by anybody: it is not told
      if (readers.size === 0 || others.size === 0) return [];
      return [{ path, vault, readers: [...readers].toSorted(), others: [...others].toSorted() }];
    });
  });
}
