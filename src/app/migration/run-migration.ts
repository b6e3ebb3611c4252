import type { Item, NamedItem, NewItem, VaultItems } from '../../adapters/vaults/contract.ts';
import { asFlowError, FlowError } from '../../foundation/errors.ts';
import { sameName } from '../../foundation/names.ts';
import type { Reference } from '../../foundation/reference.ts';
import { createBirths } from './births.ts';
import { convert } from './item-of-secret.ts';
import type { Found, KvMount, KvSecret, KvSource } from './kv-source.ts';
import type { Migration } from './migration-file.ts';
import { itemOf, lookAt, type MigrationKeys, type MovedItems, originOf } from './moved-items.ts';
import { mountOf } from './plan-migration.ts';
import type { VaultLock } from './vault-lock.ts';
import type { Line, MigrationReport } from './report.ts';

export interface MigrationParts {
  readonly migration: Migration;
  readonly source: KvSource;
  readonly items: VaultItems;
  readonly lock: VaultLock;
  readonly keys: MigrationKeys;
  /** requests made to 1Password so far */
  readonly requests: () => number;
  /** told how far it is */
  readonly progress: (message: string) => void;
  readonly signal: AbortSignal;
}

export interface MigrationEnd {
  readonly report: MigrationReport;
  /** what ended it before all were looked at */
  readonly failure: FlowError | undefined;
}

/** A secret with a place to go to. */
interface Wanted {
  readonly path: string;
  readonly to: Reference;
  readonly keys: Readonly<Record<string, string>> | undefined;
}

/** as many as one request makes */
const batch = 100;
/** requests, where anything is written: to look who else goes on and to say that it does, to look again, to say so no more */
const locking = { reads: 5, writes: 2 };

/**
 * Moves secrets into items, each once: what was made before is known by its mark, so a run that was ended anywhere is
 * completed by the next one. Nothing is changed in Vault, and nothing that people changed in 1Password.
 */
export async function runMigration(parts: MigrationParts): Promise<MigrationEnd> {
  const { migration, source, requests, signal } = parts;
  const began = { vault: requests(), source: source.requests() };
  const lines = new Map<string, Line>();
  const tell = (line: Line) => void lines.set(line.path, line);
  let least = 0;
  let notMoved: MigrationReport['notMoved'] = [];
  let failure: FlowError | undefined;

  for (const { path, to, skip } of migration.secrets) {
    if (to === undefined) tell({ path, outcome: 'skipped', why: skip });
    else tell({ path, to: to.toString(), outcome: 'not reached' });
  }
  try {
    const mounts = await source.mounts();
    notMoved = mounts.others;
    for (const [vault, wanted] of byVault(migration)) {
      const { made, held } = await moveInto(vault, wanted, mounts.kv, parts, tell);
      least += 1 + (held ? locking.reads + locking.writes : 0) + 2 * Math.ceil(made / batch);
    }
  } catch (error) {
    failure = signal.aborted ? new FlowError('aborted', 'stopped; run it again to go on') : asFlowError(error);
  }
  const asked = { vault: requests() - began.vault, least, source: source.requests() - began.source };
  return { report: { lines: [...lines.values()], notMoved, requests: asked }, failure };
}

/**
 * Moves the secrets of one vault. Where nothing is to be written nothing is; before the first write the vault is taken, so
 * that no other machine writes meanwhile, and what is decided is decided anew.
 */
async function moveInto(
  vault: string,
  wanted: readonly Wanted[],
  mounts: readonly KvMount[],
  parts: MigrationParts,
  tell: (line: Line) => void,
): Promise<{ readonly made: number; readonly held: boolean }> {
  const { items, lock, keys, progress, signal } = parts;
  const births = createBirths(items);
  let listed: readonly NamedItem[] = await items.list(vault);
  let there = await lookAt(vault, items, keys, listed);
  let held = false;
  let made = 0;
  try {
    for (let from = 0; from < wanted.length; from += batch) {
      signal.throwIfAborted();
      const now = await Promise.all(
        wanted
          .slice(from, from + batch)
          .map(async (each) => ({ ...each, found: await readSecret(each.path, mounts, parts.source) })),
      );
      const decideAll = async () => Promise.all(now.map(async (each) => decide(each, there, parts)));
      let decisions = await decideAll();
      if (!held && decisions.some(({ item }) => item !== undefined)) {
        listed = await lock.take(vault);
        held = true;
        there = await lookAt(vault, items, keys, listed);
        decisions = await decideAll();
      }
      for (const { line, replaced } of decisions) {
        if (line.outcome !== 'moved') tell(line);
        // archived before it is made anew: killed in between, the next run finds none, and makes it
        else for (const item of replaced) await items.archive(item);
      }
      const wantedItems = decisions.flatMap(({ line, item }) => (item === undefined ? [] : [{ line, item }]));
      await births.bear(vault, wantedItems, tell);
      made += wantedItems.length;
      progress(`${vault}: ${Math.min(from + batch, wanted.length)} of ${wanted.length}`);
    }
  } finally {
    // where it cannot be told now, the next run of this machine finds it, and goes on
    await lock.release(vault, listed).catch(() => undefined);
  }
  return { made, held };
}

/** The secrets that have a place, by the vault that they go to. */
export function byVault({ secrets }: Migration): ReadonlyMap<string, readonly Wanted[]> {
  const wanted = secrets.flatMap(({ path, to, keys }) => (to === undefined ? [] : [{ path, to, keys }]));
  return Map.groupBy(wanted, ({ to }) => to.vault);
}

/** What a secret is in Vault. @throws FlowError what concerns every secret */
export async function readSecret(
  path: string,
  mounts: readonly KvMount[],
  source: KvSource,
): Promise<Found<KvSecret> & { readonly why?: string }> {
  const mount = mountOf(path, mounts);
  if (mount === undefined) return { kind: 'missing', why: 'no KV mount has this path' };
  return source.read(mount, path.slice(mount.path.length));
}

/** Of what is not there, what became of it. */
export const absences = {
  deleted: { outcome: 'deleted', why: 'its newest version was deleted in Vault' },
  missing: { outcome: 'deleted', why: 'Vault does not have it' },
  denied: { outcome: 'denied', why: 'Vault does not let this token read it' },
  inexact: { outcome: 'failed', why: 'a number in it has more digits than are kept here: write it in Vault as text' },
} as const;

interface Decision {
  readonly line: Line;
  /** made now, where it is moved */
  readonly item?: NewItem;
  /** made before, of an older version, and archived now */
  readonly replaced: readonly Item[];
}

async function decide(
  wanted: Wanted & { readonly found: Awaited<ReturnType<typeof readSecret>> },
  there: MovedItems,
  parts: MigrationParts,
): Promise<Decision> {
  const { path, to, found } = wanted;
  const at = { path, to: to.toString() };
  if (found.kind !== 'found') {
    const { outcome, why } = absences[found.kind];
    return { line: { ...at, outcome, why: found.why ?? why }, replaced: [] };
  }
  const converted = await convert(found.data, wanted.keys);
  const { version } = found;
  const kept = (outcome: Line['outcome'], why?: string): Decision => ({
    line: { ...at, version, outcome, why },
    replaced: [],
  });
  const item = itemOf(path, to.item, version, converted, parts.keys);
  const moved: Decision = { line: { ...at, version, outcome: 'moved', told: converted.told }, item, replaced: [] };

  const [made, [other]] = [there.madeOf(path), there.named(to.item, path)];
  const [one] = made;
  if (other !== undefined) return kept('conflict', `an item of this title is there already: ${other.id}`);
  if (one === undefined) return moved;
  if (made.length > 1) {
    const ids = made.map(({ id }) => id).join(', ');
    return kept('conflict', `${made.length} items were made of it: keep one of ${ids}`);
  }
  if (!sameName(one.title, to.item)) return kept('conflict', `it was moved already, and is called "${one.title}"`);
  const origin = originOf(one, path, parts.keys);
  const isSame = origin.isMadeWith(converted.fields);
  if (origin.isUntouched) return isSame ? kept('same') : { ...moved, replaced: [one] };
  if (isSame) return kept('skipped', 'it was changed in 1Password since it was moved, and stays');
  return kept('conflict', 'it was changed in Vault and in 1Password since it was moved');
}

/** What a run costs where nothing was moved yet. */
export function forecastOf(migration: Migration) {
  const vaults = byVault(migration);
  const batches = [...vaults.values()].reduce((sum, wanted) => sum + Math.ceil(wanted.length / batch), 0);
  const secrets = [...vaults.values()].reduce((sum, wanted) => sum + wanted.length, 0);
  return {
    secrets,
    vaults: [...vaults.keys()],
    reads: vaults.size * (1 + locking.reads) + batches,
    writes: vaults.size * locking.writes + batches,
  };
}
