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
  /** what another generation of the laptop left is dropped; letters, digits and `-`; undefined: it is no laptop's */
  readonly generation: string | undefined;
}

/** Takes a database for whose it is. @throws FlowError refused where it is another's, which is left as it is */
export async function keepOwn(
  database: Pick<OpenDatabase, 'transaction' | 'place'>,
  { environment, generation }: DatabaseOwner,
): Promise<void> {
  await changeTables(database, async (tx) => {
    const marks = (await tx.query<{ name: string }>('select name from flows_schema_steps')).map(({ name }) => name);
    const ofLaptop = marks.some((mark) => mark.startsWith('generation '));
    const whose = await whoseElse(tx, marks, ofLaptop, { environment, generation });
    if (whose !== undefined)
      throw new FlowError('refused', `the runs' database is ${whose}`, {
        hint: 'give each environment a database of its own; of one that was renamed see infra/README.md, "Runs"',
        place: { subject: database.place },
      });
    const own = generation === undefined ? [] : [`generation ${generation}`];
    if (ofLaptop && own.some((mark) => !marks.includes(mark))) {
      await tx.query('drop schema if exists dbos cascade; drop schema public cascade; create schema public');
      await tx.query(tableOfSteps);
    }
    for (const mark of [...own, ofEnvironment + environment])
      await tx.query('insert into flows_schema_steps (name) values ($1) on conflict do nothing', [mark]);
  });
}

const ofEnvironment = 'environment ';

/** Whose a database is, where it is not this owner's. @param marks on it @param ofLaptop a laptop's is among them */
async function whoseElse(
  tx: Queries,
  marks: readonly string[],
  ofLaptop: boolean,
  { environment, generation }: DatabaseOwner,
): Promise<string | undefined> {
  const marked = marks.find((mark) => mark.startsWith(ofEnvironment))?.slice(ofEnvironment.length);
  const owner = marked ?? (ofLaptop ? undefined : await environmentOfRuns(tx));
  if (owner !== undefined && owner !== environment) return `that of environment ${owner}`;
  if (ofLaptop) return generation === undefined ? "a laptop's" : undefined;
  return generation === undefined || (await isEmpty(tx)) ? undefined : "no laptop's";
}

/** Whose runs are in a database that nobody has marked: the newest one's, for an environment may have had another name. */
async function environmentOfRuns(tx: Queries): Promise<string | undefined> {
  const [table] = await tx.query(`select where to_regclass('flows_runs') is not null`);
  if (table === undefined) return undefined;
  const [run] = await tx.query<{ environment: string }>(
    'select environment from flows_runs order by created desc limit 1',
  );
  return run?.environment;
}

/** Whether there is no table but that of the marks. */
async function isEmpty(tx: Queries): Promise<boolean> {
  const [table] = await tx.query(
    `select from pg_tables where schemaname = 'public' and tablename <> 'flows_schema_steps' limit 1`,
  );
  return table === undefined;
}
