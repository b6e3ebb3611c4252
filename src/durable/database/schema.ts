import { FlowError } from '../../foundation/errors.ts';
import type { Database, OpenDatabase, Queries, SchemaStep } from './contract.ts';

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

/** Whose a database is. */
export interface DatabaseOwner {
  /** name of an environment: what people of one approve, and what runs there, is none of another's */
  readonly environment: string;
  /** what another generation of it left is dropped; letters, digits and `-`; undefined: there is only one */
  readonly generation: string | undefined;
}

/** Takes a database for whose it is. @throws FlowError refused where it is another environment's, which is left as it is */
export async function keepOwn(
  database: Pick<OpenDatabase, 'transaction' | 'place'>,
  { environment, generation }: DatabaseOwner,
): Promise<void> {
  const owner = `environment ${environment}`;
  const mark = (tx: Queries, name: string) =>
    tx.query('insert into flows_schema_steps (name) values ($1) on conflict do nothing', [name]);
  await changeTables(database, async (tx) => {
    const names = await tx.query<{ name: string }>(
      `select name from flows_schema_steps where name like 'environment %' or name like 'generation %'`,
    );
    const other = names.find(({ name }) => name.startsWith('environment ') && name !== owner);
    if (other !== undefined)
      throw new FlowError('refused', `the runs' database is that of ${other.name}`, {
        hint: 'give each environment a database of its own',
        place: { subject: database.place },
      });
    const left = generation === undefined ? undefined : `generation ${generation}`;
    if (left !== undefined && names.every(({ name }) => name !== left)) {
      await tx.query('drop schema if exists dbos cascade; drop schema public cascade; create schema public');
      await tx.query(tableOfSteps);
      await mark(tx, left);
    }
    await mark(tx, owner);
  });
}
