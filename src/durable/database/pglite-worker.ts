/**
 * The thread that runs PGlite, whose statements block its event loop: its start for half a second, since it is a whole
 * PostgreSQL. It has no environment and no arguments.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { unpackDatabase } from './empty-database.ts';
import type { PgliteSetup, Question, Reply, Statement } from './pglite-messages.ts';

const { data, files, ...modules } = workerData as PgliteSetup;

async function open(): Promise<PGlite> {
  await unpackDatabase(data);
  const database = await PGlite.create({
    ...modules,
    fsBundle: new Blob([files]),
    dataDir: data,
    // as node-postgres gives them: eight bytes and numerics are more than a number of JavaScript holds
    parsers: { 20: (text) => text, 1700: (text) => text },
  });
  database.onNotification((channel, payload) => tell({ channel, payload }));
  return database;
}

const opened = open();
// told to whoever asks for it
opened.catch(() => undefined);

async function answer(asks: Question['asks']) {
  const database = await opened;
  if (asks === 'close') await database.close();
  const { rows, affectedRows = 0 } = typeof asks === 'string' ? { rows: [] } : await done(database, asks);
  return { rows, rowCount: rows.length === 0 ? affectedRows : rows.length };
}

interface Done {
  readonly rows: readonly object[];
  readonly affectedRows?: number;
}

async function done(database: PGlite, { text, parameters }: Statement): Promise<Done> {
  if (parameters.length > 0) return database.query<object>(text, [...parameters]);
  const [last = { rows: [] }] = (await database.exec(text)).slice(-1);
  return last;
}

/** An error's own fields are lost on the way to another thread. */
function failureOf(error: unknown) {
  const { message } = error instanceof Error ? error : new Error(String(error));
  const fields = Object.entries(error ?? {}).filter(([, value]) => typeof value === 'string');
  return { message, fields: Object.fromEntries(fields) as Record<string, string> };
}

function tell(reply: Reply): void {
  parentPort?.postMessage(reply);
}

let before: Promise<unknown> = Promise.resolve();
parentPort?.on('message', ({ id, asks }: Question) => {
  before = before
    .then(() => answer(asks))
    .then(
      (answered) => tell({ id, ...answered }),
      (error: unknown) => tell({ id, failure: failureOf(error) }),
    );
});
