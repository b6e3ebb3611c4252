import { setTimeout as sleep } from 'node:timers/promises';
import { DBOS, type DBOSConfig } from '@dbos-inc/dbos-sdk';
import { FlowError } from '../../foundation/errors.ts';
import type { Connection, ConnectionPool, OpenDatabase } from '../database/contract.ts';
import { plainJson } from './kept-output.ts';

/** What does the work of a run, once in this process: where it throws, it is broken, not the run. */
export type Work = (id: string) => Promise<void>;

/**
 * The engine of durable runs: DBOS. It calls the work of a run until that returns, also after a crash, and has what the
 * parts of the work gave. There is one in a process.
 */
export interface RunEngine {
  /** Begins a run, or does nothing where it began already. */
  start(id: string): Promise<void>;
  /** Takes a run that another broker left in the middle. */
  takeOver(id: string): Promise<void>;
  /**
   * A run that is over goes on: from the first part of its work that failed, or is one of these; where there is none, or
   * from the first, anew.
   */
  again(id: string, from: 'first' | ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

/** held while the engine makes its tables: an arbitrary number, the same in every broker */
const launchLock = '7017270002';
/** milliseconds between two tries for it */
const launchPause = 100;
/** one version of how a run is worked on: a change that old journals do not fit takes another one */
const version = 'engine-1';

let work: Work | undefined;

/** The one function that the engine knows: every flow is a run of it, by its id. */
const run = DBOS.registerWorkflow(
  async (id: string): Promise<void> => {
    // without its broker it is left where it is
    await (work ?? never)(id);
  },
  { name: 'run', maxRecoveryAttempts: 1_000_000 },
);

/**
 * One part of the work of a run: what it gives is kept, and given without doing it where it is kept already.
 * Inside another part it is done as it is.
 */
export async function part<T>(name: string, doing: () => Promise<T>): Promise<T> {
  return DBOS.isInStep() ? doing() : DBOS.runStep(doing, { name });
}

/** Starts the engine. @param broker id of this broker, another one in each process @throws FlowError */
export async function startEngine(options: {
  readonly database: OpenDatabase;
  readonly broker: string;
  readonly work: Work;
  readonly warn: (message: string) => void;
}): Promise<RunEngine> {
  if (work !== undefined)
    throw new FlowError('refused', 'this process has an engine for runs already', {
      hint: 'one broker a process has runs',
    });
  work = options.work;
  try {
    DBOS.setConfig({
      name: 'auth-chain',
      systemDatabasePool: options.database.pool as unknown as NonNullable<DBOSConfig['systemDatabasePool']>,
      applicationVersion: version,
      executorID: options.broker,
      serializer: { name: () => 'flows_json', stringify: plainJson, parse: (text) => parse(text) },
      logger: loggerTo(options.warn),
    });
    await launchedAlone(options.database.pool);
  } catch (error) {
    work = undefined;
    throw error;
  }
  return {
    async start(id) {
      await DBOS.startWorkflow(run, { workflowID: id })(id);
    },
    async takeOver(id) {
      const known = await DBOS.getWorkflowStatus(id);
      if (known === null) await DBOS.startWorkflow(run, { workflowID: id })(id);
      else await DBOS.resumeWorkflows([id]);
    },
    async again(id, from) {
      const parts = (await DBOS.listWorkflowSteps(id)) ?? [];
      const first = from === 'first' ? undefined : parts.find(({ name, error }) => error !== null || from.has(name));
      await DBOS.rewindWorkflow(id, { startStep: first?.functionID ?? 0 });
    },
    async close() {
      work = undefined;
      await DBOS.shutdown();
    },
  };
}

/** Brokers that start at once on a new database would get in each other's way: one after another makes the engine's tables. */
async function launchedAlone(pool: ConnectionPool): Promise<void> {
  const connection = await pool.connect();
  const ended = () => undefined;
  connection.on('error', ended);
  try {
    // a statement that waits would be waited for in turn, by the indexes that are made beside what others do
    while (!(await isTaken(connection))) await sleep(launchPause);
    try {
      await DBOS.launch();
    } finally {
      await connection.query('select pg_advisory_unlock($1)', [launchLock]);
    }
  } finally {
    connection.off('error', ended);
    connection.release();
  }
}

async function isTaken(connection: Connection): Promise<boolean> {
  const { rows } = await connection.query('select pg_try_advisory_lock($1) as taken', [launchLock]);
  return rows.some((row) => 'taken' in row && row.taken === true);
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

function parse(text: string | null | undefined): unknown {
  return text === null || text === undefined ? null : JSON.parse(text);
}

/** What it says of itself may hold anything: only that there is something to say is passed on. */
function loggerTo(warn: (message: string) => void): NonNullable<DBOSConfig['logger']> {
  const quiet = () => undefined;
  const once = new Set<string>();
  const tell = (entry: unknown) => {
    const kind = entry instanceof Error ? entry.name : 'trouble';
    if (once.has(kind)) return;
    once.add(kind);
    warn(`the engine of runs met ${kind}`);
  };
  return { info: quiet, debug: quiet, warn: quiet, error: tell };
}
