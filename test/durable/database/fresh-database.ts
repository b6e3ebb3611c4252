import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SchemaStep } from '../../../src/durable/database/contract.ts';
import { openDatabase } from '../../../src/durable/database/open-database.ts';
import { unpackDatabase } from '../../../src/durable/database/empty-database.ts';
import { createValueGuard } from '../../../src/durable/database/value-guard.ts';

/** A new database in a folder of its own, closed and removed when the test ends. */
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
  await unpackDatabase(join(folder, 'data'));
  return folder;
}
