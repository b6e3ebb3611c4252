import type { NamedItem } from '../onepassword-items/operations.ts';

/** milliseconds after which Connect's word is taken again, whatever was written through it */
const window = 60_000;

/** An item of a list, and which version of it. */
export interface Listed {
  readonly item: NamedItem;
  readonly version: number;
}

/**
 * What was written through Connect and was not seen in its answers since: it answers from a copy, in which a write is
 * only once its sync has come. Names and versions are kept, never a value.
 */
export interface RecentWrites {
  wrote(vault: string, item: NamedItem, version: number): void;
  deleted(vault: string, id: string): void;
  /** The version that an item has at least; Infinity: it is gone; 0: nothing is known of it. */
  leastVersion(vault: string, id: string): number;
  /** It was there, in this version. */
  saw(vault: string, id: string, version: number): void;
  /** A list as it is, however old the copy that it came from. */
  completed(vault: string, listed: readonly Listed[]): readonly NamedItem[];
}

interface Written {
  readonly vault: string;
  /** of a deletion undefined */
  readonly item: NamedItem | undefined;
  readonly version: number;
  readonly at: number;
}

/** @param now epoch milliseconds */
export function createRecentWrites(now: () => number): RecentWrites {
  const unseen = new Map<string, Written>();
  const keyOf = (vault: string, id: string) => `${vault}/${id}`;
  const remember = (vault: string, id: string, item: NamedItem | undefined, version: number) =>
    void unseen.set(keyOf(vault, id), { vault, item, version, at: now() });
  const forgetOld = () => {
    for (const [key, { at }] of unseen) if (Math.abs(now() - at) > window) unseen.delete(key);
  };
  const leastVersion = (vault: string, id: string) => unseen.get(keyOf(vault, id))?.version ?? 0;
  const saw = (vault: string, id: string, version: number) => {
    if (version >= leastVersion(vault, id)) unseen.delete(keyOf(vault, id));
  };

  return {
    wrote: (vault, item, version) => remember(vault, item.id, item, version),
    deleted: (vault, id) => remember(vault, id, undefined, Infinity),
    leastVersion(vault, id) {
      forgetOld();
      return leastVersion(vault, id);
    },
    saw,
    completed(vault, listed) {
      forgetOld();
      for (const { item, version } of listed) saw(vault, item.id, version);
      const written = [...unseen.values()].flatMap((each) => (each.vault === vault ? (each.item ?? []) : []));
      const rest = listed.filter(({ item }) => !unseen.has(keyOf(vault, item.id)));
      return [...rest.map(({ item }) => item), ...written];
    },
  };
}
