import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { OpenDatabase, SchemaStep } from '../../../src/durable/database/contract.ts';
import { unpackDatabase } from '../../../src/durable/database/empty-database.ts';
import { openDatabase } from '../../../src/durable/database/open-database.ts';
import { applySchema } from '../../../src/durable/database/schema.ts';
import { createValueGuard } from '../../../src/durable/database/value-guard.ts';
import { madeOnce } from '../../../src/foundation/made-once.ts';

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

/** Knows the values of one test: those of the others in this process are words of this one. */
let guard = createValueGuard();
let made: readonly SchemaStep[] | undefined;

const shared = madeOnce(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'database-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const own = { check: (parameters: readonly unknown[]) => guard.check(parameters), close: () => guard.close() };
  return openDatabase({ address: undefined, folder, schema: [], guard: own });
});

/**
 * The database of this process, with these tables and the engine's, and nothing in them: to open one takes longer than
 * most tests. It stays open, and whoever had it before has it no more.
 */
export async function emptiedDatabase(schema: readonly SchemaStep[]): Promise<OpenDatabase> {
  const database = await shared.get();
  guard.close();
  guard = createValueGuard();
  const known = made?.length === schema.length && schema.every((step, index) => step === made?.[index]);
  if (!known) {
    await database.query('drop schema public cascade; create schema public');
    await applySchema(database, schema);
    made = schema;
  }
  const tables = await database.query<{ name: string }>(
    `select schemaname || '.' || tablename as name from pg_tables
     where schemaname in ('public', 'dbos') and tablename not in ('flows_schema_steps', 'dbos_migrations')
       and pg_relation_size(format('%I.%I', schemaname, tablename)::regclass) > 0`,
  );
  // of those that have something: each table that is emptied has new files, as have its indexes
  if (tables.length > 0) await database.query(`truncate ${tables.map(({ name }) => name).join(', ')} cascade`);
  return { ...database, close: () => Promise.resolve() };
}
