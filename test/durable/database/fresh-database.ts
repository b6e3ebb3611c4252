import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SchemaStep } from '../../../src/durable/database/contract.ts';
import { openDatabase } from '../../../src/durable/database/open-database.ts';
import { createValueGuard } from '../../../src/durable/database/value-guard.ts';

/** A new database in a folder of its own, closed and removed when the test ends: a copy of an empty one, a fifth of a second. */
export async function freshDatabase(schema: readonly SchemaStep[] = []) {
  const folder = await freshDatabaseFolder();
  const guard = createValueGuard();
  const database = await openDatabase({ address: undefined, folder, schema, guard });
  onTestFinished(async () => {
    await database.close().catch(() => undefined);
    guard.close();
  });
  return database;
}

/** A folder with an empty database in it that nobody has open, removed when the test ends. */
export async function freshDatabaseFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'database-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await copyEmptyDatabase(folder);
  return folder;
}

/** Puts an empty database into a folder, so that nobody waits for one to be made: that takes seconds. */
export async function copyEmptyDatabase(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await cp(await emptyDatabase(), join(folder, 'data'), { recursive: true });
}

/** Made once on a machine for each version of PGlite, whichever test needs it first. */
async function emptyDatabase(): Promise<string> {
  const { version } = JSON.parse(
    await readFile(new URL('../../../node_modules/@electric-sql/pglite/package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const made = join(tmpdir(), `auth-chain-pglite-${version}`);
  if (await isThere(made)) return made;
  const { PGlite } = await import('@electric-sql/pglite');
  const making = await mkdtemp(`${made}-`);
  const database = await PGlite.create({ dataDir: making });
  await database.close();
  // another worker may have been first: then it is his
  await rename(making, made).catch(() => rm(making, { recursive: true, force: true }));
  return made;
}

async function isThere(folder: string): Promise<boolean> {
  return readFile(join(folder, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}
