import { randomBytes } from 'node:crypto';
import { convert, movedFields, printOf, samePrint } from './item-of-secret.ts';
import { lookAt, originOf } from './moved-items.ts';
import { absences, byVault, type MigrationParts, readSecret } from './run-migration.ts';

/** Whether an item holds what Vault holds now. */
export interface Comparison {
  readonly path: string;
  readonly to: string;
  readonly match: boolean;
  /** of Vault; absent where none was read */
  readonly version?: number | undefined;
  /** where they do not match */
  readonly why?: string | undefined;
}

/**
 * Reads both sides of each secret that has a place, and compares HMACs of them under a key of this call alone.
 * @returns in the order of the file, without those that Vault does not have any more @throws FlowError
 */
export async function verifyMigration({
  migration,
  source,
  items,
  keys,
  progress,
}: Pick<MigrationParts, 'migration' | 'source' | 'items' | 'keys' | 'progress'>): Promise<readonly Comparison[]> {
  const key = randomBytes(32);
  const { kv } = await source.mounts();
  const compared: Comparison[] = [];
  for (const [vault, wanted] of byVault(migration)) {
    const there = await lookAt(vault, items, keys, await items.list(vault));
    const ofVault = wanted.map(async ({ path, to, keys: labels }): Promise<Comparison | undefined> => {
      const at = { path, to: to.toString() };
      const found = await readSecret(path, kv, source);
      if (found.kind === 'denied' || found.kind === 'inexact')
        return { ...at, match: false, why: absences[found.kind].why };
      if (found.kind !== 'found') return undefined;
      const { version } = found;
      const [item, ...others] = there.madeOf(path);
      if (item === undefined) return { ...at, version, match: false, why: 'no item was made of it' };
      if (others.length > 0) return { ...at, version, match: false, why: `${others.length + 1} items were made of it` };
      const { fields } = await convert(found.data, labels);
      const [one, other] = [fields, movedFields(item)].map((each) => printOf(key, path, each));
      if (samePrint(one ?? '', other ?? '-')) return { ...at, version, match: true };
      const was = originOf(item, path, keys);
      const why = was.isUntouched ? `version ${was.version} was moved` : 'it was changed in 1Password';
      return { ...at, version, match: false, why };
    });
    compared.push(...(await Promise.all(ofVault)).filter((each) => each !== undefined));
    progress(`${vault}: ${wanted.length} compared`);
  }
  return compared;
}
