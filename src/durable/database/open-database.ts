import type { Secret } from '../../foundation/secret.ts';
import type { OpenDatabase, SchemaStep } from './contract.ts';
import { applySchema, type DatabaseOwner, keepOwn } from './schema.ts';
import type { ValueGuard } from './value-guard.ts';

export interface DatabaseOptions {
  /** of a PostgreSQL; undefined: a database in this process, in the folder */
  readonly address: Secret | undefined;
  readonly folder: string;
  /** whose it is: the laptop's runs end with its stack; undefined: whoever asks may have it */
  readonly owner?: DatabaseOwner | undefined;
  /** the tables of every room, in their order */
  readonly schema: readonly SchemaStep[];
  readonly guard: ValueGuard;
}

/**
 * Opens the database of runs, and makes the tables that it does not have yet.
 * @throws FlowError refused where another broker has the folder, or another environment the database, unavailable or denied where it cannot be used
 * @example
 * const guard = createValueGuard();
 * await using database = await openDatabase({ address: undefined, folder, schema: [...runSchema], guard });
 */
export async function openDatabase({
  address,
  owner,
  folder,
  schema,
  guard,
}: DatabaseOptions): Promise<OpenDatabase & AsyncDisposable> {
  const database = await connected(address, folder, guard);
  try {
    if (owner !== undefined) await keepOwn(database, owner);
    await applySchema(database, schema);
  } catch (error) {
    await database.close();
    throw error;
  }
  return { ...database, [Symbol.asyncDispose]: () => database.close() };
}

async function connected(address: Secret | undefined, folder: string, guard: ValueGuard): Promise<OpenDatabase> {
  if (address !== undefined) return (await import('./postgresql.ts')).openPostgresql(address, guard);
  return (await import('./pglite.ts')).openPglite(folder, guard);
}
