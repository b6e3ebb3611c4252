import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SchemaStep } from '../../../src/durable/database/contract.ts';
import { openDatabase } from '../../../src/durable/database/open-database.ts';
import { createValueGuard } from '../../../src/durable/database/value-guard.ts';
import { emptyDatabase } from './empty-database.ts';

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
