import type { Database, SchemaStep } from './contract.ts';

/** One lock for whoever changes tables: an arbitrary number, the same in every broker. */
const schemaLock = '7017270001';

const tableOfSteps = `create table if not exists flows_schema_steps (
  name text primary key, made timestamptz not null default now()
)`;

/**
 * Makes the steps that this database does not have yet, in their order, all of them or none. Two brokers that start at
 * once on a new database wait for each other.
 */
export async function applySchema(
  database: Pick<Database, 'transaction'>,
  steps: readonly SchemaStep[],
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [schemaLock]);
    await tx.query(tableOfSteps);
    const known = await tx.query<{ name: string }>('select name from flows_schema_steps');
    const made = new Set(known.map(({ name }) => name));
    for (const { name, statements } of steps) {
      if (made.has(name)) continue;
      for (const statement of statements) await tx.query(statement);
      await tx.query('insert into flows_schema_steps (name) values ($1)', [name]);
    }
  });
}

/** Drops everything, where it is not what this generation left. @param generation letters, digits and `-` */
export async function keepGeneration(database: Database, generation: string): Promise<void> {
  await database.query(tableOfSteps);
  const name = `generation ${generation}`;
  const [known] = await database.query('select from flows_schema_steps where name = $1', [name]);
  if (known !== undefined) return;
  await database.transaction(async (tx) => {
    await tx.query('drop schema if exists dbos cascade; drop schema public cascade; create schema public');
    await tx.query(tableOfSteps);
    await tx.query('insert into flows_schema_steps (name) values ($1)', [name]);
  });
}
