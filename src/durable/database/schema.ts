import type { Database, Queries, SchemaStep } from './contract.ts';

/** One lock for whoever changes tables: an arbitrary number, the same in every broker. */
const schemaLock = '7017270001';

const tableOfSteps = `create table if not exists flows_schema_steps (
  name text primary key, made timestamptz not null default now()
)`;

/** All of a change of tables or none; two brokers that start at once on a new database wait for each other. */
async function changeTables(
  database: Pick<Database, 'transaction'>,
  change: (tx: Queries) => Promise<void>,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [schemaLock]);
    await tx.query(tableOfSteps);
    await change(tx);
  });
}

/** Makes the steps that this database does not have yet, in their order. */
export async function applySchema(
  database: Pick<Database, 'transaction'>,
  steps: readonly SchemaStep[],
): Promise<void> {
  await changeTables(database, async (tx) => {
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
export async function keepGeneration(database: Pick<Database, 'transaction'>, generation: string): Promise<void> {
  const name = `generation ${generation}`;
  await changeTables(database, async (tx) => {
    const [known] = await tx.query('select from flows_schema_steps where name = $1', [name]);
    if (known !== undefined) return;
    await tx.query('drop schema if exists dbos cascade; drop schema public cascade; create schema public');
    await tx.query(tableOfSteps);
    await tx.query('insert into flows_schema_steps (name) values ($1)', [name]);
  });
}
