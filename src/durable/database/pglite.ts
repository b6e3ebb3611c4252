import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { FlowError } from '../../foundation/errors.ts';
import { holdFile } from '../../foundation/hold-file.ts';
import { madeOnce } from '../../foundation/made-once.ts';
import { makeFolder } from '../../foundation/make-folder.ts';
import type { Answer, Connection, ConnectionPool, OpenDatabase } from './contract.ts';
import { createPooledDatabase } from './pooled-database.ts';
import { unpackDatabase } from './empty-database.ts';
import type { ValueGuard } from './value-guard.ts';

/**
 * PostgreSQL in this process, in a folder. It does not lock its files, and two processes would lose what the other wrote:
 * so the folder is held first. It survives the end of the process at any moment, and no disk is waited for: a power cut
 * may take what was written last.
 * @throws FlowError refused where another process holds the folder, unavailable where it cannot be used
 */
export async function openPglite(folder: string, guard: ValueGuard): Promise<OpenDatabase> {
  const release = await hold(folder);
  try {
    const data = join(folder, 'data');
    await unpackDatabase(data);
    const database = await PGlite.create({
      ...(await parts()),
      dataDir: data,
      // as node-postgres gives them: eight bytes and numerics are more than a number of JavaScript holds
      parsers: { 20: (text) => text, 1700: (text) => text },
    });
    return createPooledDatabase(createEmbeddedPool(database, guard, release), folder, true);
  } catch (cause) {
    release();
    throw unusable(folder, cause);
  }
}

const require = createRequire(import.meta.url);
const read = (name: string) => readFile(join(dirname(require.resolve('@electric-sql/pglite')), name));

/** Its code, compiled once in a process: a second database begins with what ran hot in the first. */
const compiled = madeOnce(async () => {
  const [pgliteWasmModule, initdbWasmModule] = await Promise.all(
    ['pglite.wasm', 'initdb.wasm'].map(async (name) => WebAssembly.compile(await read(name))),
  );
  return { pgliteWasmModule, initdbWasmModule };
});

/**
 * What it is made of. It would read these files itself, by promises that nobody waits for: where no more files can be
 * opened, such a one would end the process.
 */
async function parts() {
  const [modules, files] = await Promise.all([compiled.get(), read('pglite.data')]);
  return { ...modules, fsBundle: new Blob([files]) };
}

/** Node has it, and its types leave it out. */
declare const WebAssembly: { compile(code: Uint8Array): Promise<object> };

async function hold(folder: string): Promise<() => void> {
  const release = await holding(folder);
  if (release !== undefined) return release;
  throw new FlowError('refused', `another broker has the runs' database ${folder}`, {
    hint: 'stop the other, or give both a PostgreSQL: runs: { database: … } in service.yaml',
  });
}

async function holding(folder: string): Promise<(() => void) | undefined> {
  try {
    makeFolder(folder, 0o700);
    return await holdFile(join(folder, 'lock'), { patience: 0, sleep: () => Promise.resolve() });
  } catch (cause) {
    throw unusable(folder, cause);
  }
}

function unusable(folder: string, cause: unknown): FlowError {
  return new FlowError('unavailable', `the runs' database ${folder} cannot be used`, {
    cause,
    hint: 'is the folder writable, and the disk not full? where it is spoiled, move it away: runs begin anew',
  });
}

/** milliseconds after which others get their turn: an answer comes without one, and timers would starve */
const longestTurn = 10;

/** What looks like node-postgres's pool on one database that has one session: statements and transactions take turns. */
function createEmbeddedPool(database: PGlite, guard: ValueGuard, release: () => void): ConnectionPool {
  let tail: Promise<unknown> = Promise.resolve();
  let turned = performance.now();
  const listening = new Map<string, Set<EventEmitter>>();
  const deaf = database.onNotification((channel, payload) => {
    for (const connection of listening.get(channel) ?? []) connection.emit('notification', { channel, payload });
  });

  /** Waits for its turn. @returns how to end it */
  const turn = async (): Promise<() => void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const before = tail;
    tail = before.then(() => promise);
    await before;
    return () => resolve(undefined);
  };
  const send = async (text: string, parameters: readonly unknown[] = []): Promise<Answer> => {
    guard.check(parameters);
    if (performance.now() - turned > longestTurn) {
      await new Promise((resolve) => setImmediate(resolve));
      turned = performance.now();
    }
    // without parameters a text may be several statements, as with node-postgres
    const [first, ...more] =
      parameters.length === 0 ? await database.exec(text) : [await database.query<object>(text, [...parameters])];
    const { rows, affectedRows = 0 } = more.at(-1) ?? first ?? { rows: [] };
    return Object.assign({ rows }, { rowCount: rows.length === 0 ? affectedRows : rows.length });
  };
  const alone = async (text: string, parameters?: readonly unknown[]) => {
    const end = await turn();
    try {
      return await send(text, parameters);
    } finally {
      end();
    }
  };

  class EmbeddedConnection extends EventEmitter implements Connection {
    /** ends the turn of its transaction */
    #end: (() => void) | undefined;

    async query(text: string, parameters?: readonly unknown[]): Promise<Answer> {
      const [word = '', channel = ''] = text
        .trim()
        .toLowerCase()
        .split(/[\s;]+/);
      if (word === 'listen') listening.set(channel, (listening.get(channel) ?? new Set()).add(this));
      if (word === 'begin' || word === 'start') this.#end ??= await turn();
      if (this.#end === undefined) return alone(text, parameters);
      try {
        return await send(text, parameters);
      } finally {
        // to a savepoint it is not the end
        if (word === 'commit' || (word === 'rollback' && channel !== 'to')) this.#over();
      }
    }

    release(): void {
      for (const all of listening.values()) all.delete(this);
      if (this.#end === undefined) return;
      // a database that was closed meanwhile has rolled back already
      void send('rollback')
        .catch(() => undefined)
        .finally(() => this.#over());
    }

    #over(): void {
      this.#end?.();
      this.#end = undefined;
    }
  }

  return {
    // as many as ask: they take turns
    options: { max: 10 },
    query: alone,
    connect: () => Promise.resolve(new EmbeddedConnection()),
    async end() {
      const over = await turn();
      deaf();
      await database.close();
      release();
      over();
    },
  };
}
